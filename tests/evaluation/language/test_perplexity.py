"""Perplexity and zero-shot classification, against numbers worked out by hand."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.data import Pipeline
from kssl.errors import UserError
from kssl.evaluation import Skipped, Task, perplexity, zero_shot
from kssl.modalities import Tokens
from kssl.tokenizers.train import train_vocabulary

LETTERS = train_vocabulary(["abc\n", "abé"], "characters", special=False)


class Even(keras.Model):
    """Gives every token of four the same chance."""

    modality = Tokens()
    example_shape = (3,)

    def __init__(self, vocabulary_size: int = 4) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.built = True

    def token_losses(self, x: dict[str, Any]) -> Any:
        target = ops.cast(x["target"], "int32")
        return ops.where(target >= 0, math.log(4.0), 0.0)


def split(rows: list[list[int]], **columns: Any) -> Any:
    import tensorflow as tf

    arrays = {"tokens": np.array(rows, np.int32)} | columns
    return Pipeline(tf.data.Dataset.from_tensor_slices(arrays))


def test_numbers_of_a_model_that_guesses_evenly() -> None:
    train, test = split([[0, 0, 0, 0], [0, 1, 1, 2]]), split([[0, 1, 2, 0]])
    results = perplexity()(Task(Even(), Even(), train, test))
    by_metric = {result.metric: result for result in results}
    assert set(by_metric) == {"nats per token", "perplexity"}  # nobody knows the bytes
    nats = by_metric["nats per token"]
    assert nats.value == pytest.approx(math.log(4))
    assert by_metric["perplexity"].value == pytest.approx(4)
    # Targets of training: 0 0 0 1 1 2, and one more of each of four.
    expected = -np.log([3 / 10, 2 / 10, 4 / 10]).mean()
    assert nats.baselines["token frequencies"] == pytest.approx(expected)
    pairs = -np.log([2 / 8, 2 / 6, 1 / 4]).mean()  # 0>1 once of 4, 1>2 once of 2, 2>0 never
    assert nats.baselines["previous token"] == pytest.approx(pairs)


def test_bits_per_byte_count_bytes_not_characters() -> None:
    ids = [int(each) for each in LETTERS.encode(["aébc"])[0]]
    pipeline = split([ids])
    pipeline.vocabulary = LETTERS
    results = perplexity()(Task(Even(LETTERS.size), Even(LETTERS.size), pipeline, pipeline))
    (bits,) = [result.value for result in results if result.metric == "bits per byte"]
    assert bits == pytest.approx(3 * 2 / 4)  # three tokens of two bits; é has two bytes


def test_borders_of_documents_are_not_predicted() -> None:
    document = np.array([[0, 0, 1, 1]], np.int32)
    pipeline = split([[0, 1, 2, 3]], document=document)
    results = perplexity()(Task(Even(), Even(), pipeline, pipeline))
    assert results[0].settings["tokens"] == 2


def test_images_have_no_perplexity() -> None:
    images = SimpleNamespace()
    with pytest.raises(Skipped, match="perplexity: it needs a model that predicts each token"):
        perplexity()(Task(images, images, None, None))
    images = SimpleNamespace(token_losses=len, vocabulary_size=4)
    with pytest.raises(Skipped, match="for models that read tokens, and .* reads image"):
        perplexity()(Task(images, images, None, None))


class Repeats(Even):
    """Expects the first token of a row everywhere, and one token more than it should."""

    favourite = 2

    def token_losses(self, x: dict[str, Any]) -> Any:
        target, first = ops.cast(x["target"], "int32"), ops.cast(x["tokens"][:, :1], "int32")
        losses = ops.where(target == first, 1.0, 3.0) - 2.5 * ops.cast(
            target == self.favourite, "float32"
        )
        return ops.where(target >= 0, losses, 0.0)


def test_the_label_that_the_text_makes_likelier_is_chosen(tmp_path: Path) -> None:
    lines = [f"{letter}c\t{'first' if letter == 'a' else 'second'}" for letter in "abbbaabb"]
    for name in ("train", "test"):
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    pipeline = split([[0, 1]])
    pipeline.vocabulary = LETTERS
    model, untrained = Repeats(LETTERS.size), Even(LETTERS.size)
    model.example_shape = untrained.example_shape = (12,)
    words = {"first": "a", "second": "b"}
    none, one = zero_shot(str(tmp_path), words, shots=[0, 1])(
        Task(model, untrained, pipeline, pipeline)
    )
    # "b" is likelier in every row; that it is so without a text as well is taken off.
    assert none.metric == "accuracy, 0 shots" and none.value == 1.0
    assert none.baselines["majority class"] == pytest.approx(5 / 8)
    # A solved example in front is now what each row begins with, and the text no longer.
    assert one.settings["shots"] == 1 and one.value == pytest.approx(3 / 8)
    # Some of the texts, of a file in the order of its classes, are not of the first class alone.
    (tmp_path / "test.tsv").write_text("\n".join(sorted(lines)) + "\n")
    few = zero_shot(str(tmp_path), words, shots=[0], limit=4)
    assert few(Task(model, untrained, pipeline, pipeline))[0].baselines["majority class"] == 0.5


def test_a_text_too_long_for_the_context_is_cut_and_the_label_kept(tmp_path: Path) -> None:
    prompts = import_module("kssl.evaluation.language.zero_shot")._Prompts(
        LETTERS, 6, "{text}\n{label}", {"x": "ab"}
    )
    ids, answer = prompts.row(prompts.ids("cc"), "abcabcabc", "x")
    assert (LETTERS.decode(ids), answer) == ("abca\nab", 2)
    ids, answer = prompts.row(prompts.ids("cccc"), "b", "x")
    assert LETTERS.decode(ids) == "cccb\nab"
    with pytest.raises(UserError, match="more than the model's context 6"):
        prompts.words = {"x": "abcabcab"}
        prompts.row([], "a", "x")


def test_a_prompt_without_a_token_is_refused() -> None:
    words = train_vocabulary(["yes no a b"], "words")
    prompts = import_module("kssl.evaluation.language.zero_shot")._Prompts(
        words, 6, "{text}\n{label}", {"x": "yes", "y": " "}
    )
    assert prompts.row([], "a b", "x")[1] == 1
    with pytest.raises(UserError, match=r"template '\{text\}\\n\{label\}' has no token .* beside"):
        prompts.row([], "", "x")
    with pytest.raises(UserError, match="words ' ' of the label 'y' have no token"):
        prompts.row([], "a", "y")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template": "{text} {label}."}, "end in {label}"),
        ({"shots": [-1]}, "shots of 0 or more"),
        ({"limit": 0}, "above 0"),
    ],
)
def test_zero_shot_says_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        zero_shot("reviews", {"0": "bad"}, **settings)
