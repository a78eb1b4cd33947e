"""Every evaluation of the catalog keeps the contract, with small untrained models."""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kssl import layers, models, plugins, pretext, testing
from kssl.data import Pipeline
from kssl.evaluation import Task

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # tf.data is traced
LETTERS = "a b c d e f g h what is the ?".split()
KNOWN = pretext.train_vocabulary([" ".join(LETTERS)], "words")
LENGTH = 16
CLASSES = 3


def task(make: Callable[[], Any], shape: Sequence[int], split: Callable[..., Pipeline]) -> Task:
    """Return a task of two models with other weights."""
    made = []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        made.append(make())
        made[-1].build((None, *shape))
    fit = types.SimpleNamespace(epochs=1, batch_size=16, steps_per_epoch=None)
    optimizer = partial(keras.optimizers.Adam, 1e-2)
    return Task(*made, split(60, 0), split(30, 1), fit=fit, optimizer=optimizer)


def images(count: int, seed: int, transforms: Sequence[Any] = ()) -> Pipeline:
    """Noise with a bright row for each class."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % CLASSES
    image = 0.2 * random.random((count, 8, 8, 1), np.float32)
    image[np.arange(count), label] += 0.7
    data = tf.data.Dataset.from_tensor_slices({"image": image, "label": label})
    return Pipeline(data, transforms, batch_size=16)


def texts(count: int, seed: int, transforms: Sequence[Any] = ()) -> Pipeline:
    random = np.random.default_rng(seed)
    ids = random.integers(5, KNOWN.size, (count, LENGTH)).astype(np.int32)
    data = tf.data.Dataset.from_tensor_slices({"tokens": ids})
    return Pipeline(data, transforms, batch_size=16, vocabulary=KNOWN)


@functools.cache
def drawing() -> Task:
    return task(lambda: models.VAE(2, layers.MLP([8]), layers.MLP([8])), (8, 8, 1), images)


@functools.cache
def seeing() -> Task:
    make = partial(models.SimCLR, augment="device")
    return task(lambda: make(layers.ConvNet([4], stem_strides=2)), (8, 8, 1), images)


@functools.cache
def cleaning() -> Task:
    make = partial(models.DenoisingAutoEncoder, 2, noise="masking", amount=0.2)
    return task(lambda: make(layers.MLP([8]), layers.MLP([8])), (8, 8, 1), images)


@functools.cache
def turning() -> Task:
    def make() -> models.PretextClassifier:
        return models.PretextClassifier(4, encoder=layers.MLP([8]), head=layers.MLP([5]))

    return task(make, (8, 8, 1), partial(images, transforms=[pretext.rotate()]))


@functools.cache
def filling() -> Task:
    def make() -> models.DensePrediction:
        return models.DensePrediction(encoder=layers.ConvNet([4], pool=False))

    return task(make, (8, 8, 1), partial(images, transforms=[pretext.split("bottom")]))


@functools.cache
def reading() -> Task:
    make = partial(models.BERT, KNOWN.size, depth=1, heads=2, width=8, dropout=0.0)
    return task(make, (LENGTH,), partial(texts, transforms=[pretext.mask_tokens(KNOWN)]))


@functools.cache
def writing() -> Task:
    make = partial(models.GPT, KNOWN.size, depth=1, heads=2, width=8)
    return task(make, (LENGTH - 1,), texts)


@pytest.fixture(autouse=True, scope="module")
def eagerly() -> Any:
    """Trace nothing: for one step of training that takes far longer than the step."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(autouse=True, scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, write_voc: Callable[..., Any]) -> Any:
    """Write labelled texts, and images with boxes, into an empty folder; they are read there."""
    folder, random = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    for name in ("texts", "tags"):
        (folder / name).mkdir()
    for split, count in (("train", 24), ("test", 8)):
        rows = [[str(word) for word in random.choice(LETTERS[:8], 4)] for _ in range(count)]
        lines = [f"{' '.join(row)}\ta b\t{n % 2}" for n, row in enumerate(rows)]
        table = "\n".join(["text\tother\tlabel", *lines])
        (folder / "texts" / f"{split}.tsv").write_text(table)
        tagged = [f"{row[0]} B-PER\n{row[1]} O\n" for row in rows]
        (folder / "tags" / f"{split}.txt").write_text("\n".join(tagged))
    asked = {"question": "what is the ?", "answers": [{"text": "b", "answer_start": 2}]}
    articles = [{"paragraphs": [{"context": "a b c", "qas": [asked]}]} for _ in range(16)]
    (folder / "questions.json").write_text(json.dumps({"data": articles}))
    for number in range(12):
        file = folder / "boxes" / ("test" if number % 3 else "train") / f"{number}.png"
        write_voc(file.with_suffix(".xml"), [("a", (1, 1, 4, 4)), ("b", (4, 4, 8, 8))], (8, 8))
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


FEW = {"epochs": 1, "max_steps": 1, "learning_rates": [1e-3]}
TABLE = {"path": "texts", "label": "label"}
# name: (settings, task)
CASES: dict[str, tuple[dict[str, Any], Callable[[], Task]]] = {
    "reconstruction": ({}, drawing),
    "denoising": ({}, cleaning),
    "knn": ({"k": 3}, drawing),
    "linear": ({}, drawing),
    "finetune": ({"labels_per_class": 2, **FEW}, drawing),
    "few_label": ({"labels_per_class": [2], "draws": 1, **FEW}, drawing),
    "retrieval": ({}, drawing),
    "clustering": ({}, drawing),
    "sample_quality": ({"count": 20}, drawing),
    "log_likelihood": ({"samples": 3}, drawing),
    "pretext_accuracy": ({}, turning),
    "dense_error": ({}, filling),
    "perplexity": ({}, writing),
    "zero_shot": (
        {
            **TABLE,
            "text": "text",
            "words": {"0": "a", "1": "b"},
            "template": "{text} is {label}",
            "shots": [0, 1],
        },
        writing,
    ),
    "masked_accuracy": ({}, reading),
    "finetune_classification": ({**TABLE, "text": "text", **FEW}, reading),
    "finetune_pairs": ({**TABLE, "texts": ["text", "other"], **FEW}, reading),
    "finetune_tagging": ({"path": "tags", **FEW}, reading),
    "finetune_answers": ({"path": "questions.json", **FEW}, reading),
    "detection": ({"path": "boxes", "fraction": 1.0, **FEW}, seeing),
}


# What is fine-tuned on labelled files in another way; each has tests of its own.
ALIKE = ("finetune_pairs", "finetune_tagging", "finetune_answers")


def checks_of(names: Iterable[str]) -> list[testing.Check]:
    """Return the checks of the evaluations of these names."""
    return [
        check
        for name in names
        for check in testing.evaluation_checks(
            partial(plugins.find("evaluations", name), **CASES[name][0]), CASES[name][1]
        )
    ]


@testing.parametrize_checks(checks_of(name for name in CASES if name not in ALIKE))
def test_contract(check: testing.Check) -> None:
    check()


@pytest.mark.slow
@testing.parametrize_checks(checks_of(ALIKE))
def test_contract_of_what_is_alike(check: testing.Check) -> None:
    check()


def test_every_evaluation_is_under_contract() -> None:
    own = {name for name, part in plugins.offered("evaluations").items() if part.owner == "kssl"}
    assert own == set(CASES)
