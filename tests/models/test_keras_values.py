"""However Keras is told to train, the weights are those that NumPy finds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from kssl.models import AutoEncoder, PretextClassifier

RATE = 0.01
IMAGES = np.random.RandomState(0).rand(16, 4, 4, 1).astype("float32")
WEIGHTS = np.random.RandomState(1).rand(16).astype("float32")
Pairs = list[list[np.ndarray]]  # kernel and bias of each layer


def autoencoder(dtype: str | None = None, **settings: Any) -> AutoEncoder:
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([layers.Flatten(), layers.Dense(3, "tanh")])
    model = AutoEncoder(2, encoder, layers.Dense(3, "tanh"), dtype=dtype)
    optimizer = keras.optimizers.SGD(RATE, **settings.pop("optimizer", {}))
    model.compile(optimizer, **settings)
    model.build(IMAGES.shape)
    return model


def pairs_of(model: AutoEncoder) -> Pairs:
    dense = [model.encoder.layers[-1], model.to_latent.heads[0], model.decoder]
    dense.append(model.to_image.to_pixels)
    return [[ops.convert_to_numpy(each) for each in (one.kernel, one.bias)] for one in dense]


def gradients(pairs: Pairs, images: np.ndarray, weights: np.ndarray) -> tuple[float, Pairs]:
    """The mean of the weighted squared errors, and its gradients."""
    x = images.reshape(len(images), -1).astype("float64")
    seen = [x]
    for place, (kernel, bias) in enumerate(pairs):
        values = seen[-1] @ kernel + bias
        seen.append(np.tanh(values) if place in (0, 2) else values)
    loss = float((weights * ((seen[-1] - x) ** 2).sum(axis=1)).mean())
    back, found = 2 * weights[:, None] / len(x) * (seen[-1] - x), []
    for place in (3, 2, 1, 0):
        if place in (0, 2):
            back = back * (1 - seen[place + 1] ** 2)
        found.insert(0, [seen[place].T @ back, back.sum(axis=0)])
        back = back @ pairs[place][0].T
    return loss, found


def trained(
    pairs: Pairs, size: int, weights: np.ndarray | None = None, steps: int = 1
) -> tuple[float, Pairs]:
    """The loss of an epoch of gradient descent, and the weights after it.

    With `steps`, those many gradients are averaged for one update.
    """
    weights = np.ones(16) if weights is None else weights
    losses, waiting = [], []
    for start in range(0, 16, size):
        part = slice(start, start + size)
        loss, found = gradients(pairs, IMAGES[part], weights[part])
        losses += [loss] * len(IMAGES[part])
        waiting.append(found)
        if len(waiting) == steps:
            pairs = [
                [array - RATE * sum(each[i][j] for each in waiting) / steps for j, array in row]
                for i, row in enumerate(map(list, map(enumerate, pairs)))
            ]
            waiting = []
    return float(np.mean(losses)), pairs


class Batches(keras.utils.PyDataset):
    num_batches = 4

    def __getitem__(self, place: int) -> tuple[np.ndarray]:
        return (IMAGES[5 * place : 5 * place + 5],)


def generated(*columns: np.ndarray) -> Iterator[Any]:
    for start in range(0, 16, 5):
        yield tuple(column[start : start + 5] for column in columns)


def dataset(columns: Any, known: bool = True) -> Any:
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(columns).batch(5)
    return batches if known else batches.filter(lambda *_: True)


def fitted(model: AutoEncoder, *given: Any, **settings: Any) -> float:
    return float(model.fit(*given, shuffle=False, verbose=0, **settings).history["loss"][0])


WEIGHTED = {"image": IMAGES, "sample_weight": WEIGHTS}
# How it is trained; batch size, weights and steps added up, by NumPy; settings of the model.
WAYS: dict[str, tuple[Callable[[Any], float], dict[str, Any], dict[str, Any]]] = {
    "odd batches": (lambda model: fitted(model, IMAGES, batch_size=7), {"size": 7}, {}),
    "batches of 1": (lambda model: fitted(model, IMAGES, batch_size=1), {"size": 1}, {}),
    "one batch": (lambda model: fitted(model, IMAGES, batch_size=99), {"size": 16}, {}),
    "float64": (lambda model: fitted(model, IMAGES.astype("float64"), batch_size=5), {}, {}),
    "target": (lambda model: fitted(model, IMAGES, IMAGES, batch_size=5), {}, {}),
    "dataset": (lambda model: fitted(model, dataset(IMAGES)), {}, {}),
    "dataset of unknown size": (lambda model: fitted(model, dataset(IMAGES, False)), {}, {}),
    "generator": (lambda model: fitted(model, generated(IMAGES)), {}, {}),
    "generator, eagerly": (
        lambda model: fitted(model, generated(IMAGES)),
        {},
        {"run_eagerly": True},
    ),
    "PyDataset": (lambda model: fitted(model, Batches()), {}, {}),
    "eagerly": (lambda model: fitted(model, IMAGES, batch_size=5), {}, {"run_eagerly": True}),
    "several steps in one": (
        lambda model: fitted(model, IMAGES, batch_size=4),
        {"size": 4},
        {"steps_per_execution": 2},
    ),
    "weights": (
        lambda model: fitted(model, IMAGES, sample_weight=WEIGHTS, batch_size=5),
        {"weights": WEIGHTS},
        {},
    ),
    "weights in the batch": (
        lambda model: fitted(model, dataset(WEIGHTED)),
        {"weights": WEIGHTS},
        {},
    ),
    "weights of a generator": (
        lambda model: fitted(model, generated(IMAGES, IMAGES, WEIGHTS)),
        {"weights": WEIGHTS},
        {},
    ),
    "gradients added up": (
        lambda model: fitted(model, IMAGES, batch_size=5),
        {"steps": 2},
        {"optimizer": {"gradient_accumulation_steps": 2}},
    ),
    "a clone": (lambda model: fitted(model, IMAGES, batch_size=5), {}, {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_epoch_is_that_of_numpy(way: str) -> None:
    fit, plan, settings = WAYS[way]
    if "steps_per_execution" in settings and keras.backend.backend() == "torch":
        pytest.skip("Keras has no such loop on PyTorch")
    model = autoencoder(**settings)
    if way == "a clone":
        model = keras.models.clone_model(model)
        model.compile(keras.optimizers.SGD(RATE))
    before = pairs_of(model)
    loss, expected = trained(before, **{"size": 5, **plan})
    assert fit(model) == pytest.approx(loss, rel=1e-5)
    for one, other in zip(pairs_of(model), expected, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-6)
        np.testing.assert_allclose(one[1], other[1], atol=1e-6)
    moved = max(
        np.abs(one[0] - other[0]).max() for one, other in zip(before, expected, strict=True)
    )
    assert moved > 1e-3  # else nothing was compared


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_has_weights_in_float32_and_nearly_the_values(dtype: str) -> None:
    model = autoencoder(dtype)
    loss, expected = trained(pairs_of(model), 16)
    assert fitted(model, IMAGES, batch_size=16) == pytest.approx(loss, rel=0.02)
    for one, other in zip(pairs_of(model), expected, strict=True):
        assert one[0].dtype == np.float32
        if dtype == "mixed_float16":
            continue  # its first steps may overflow, which Keras' scaling of the loss leaves out
        np.testing.assert_allclose(one[0], other[0], atol=2e-3)


def test_weights_of_classes_are_those_of_numpy() -> None:
    labels, weights = np.arange(16) % 4, {0: 3.0, 2: 0.0}
    model = PretextClassifier(4, encoder=layers.Flatten(), head=layers.Dense(5, "relu"))
    model.compile(keras.optimizers.SGD(0.0))
    model.build({"image": IMAGES.shape, "target": labels.shape})
    logits = ops.convert_to_numpy(model(IMAGES)["logits"]).astype("float64")
    entropies = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(16), labels]
    expected = (np.array([3.0, 1.0, 0.0, 1.0])[labels] * entropies).mean()
    for given in ((IMAGES, labels), (dataset((IMAGES, labels)),)):
        history = model.fit(*given, class_weight=weights, batch_size=None, verbose=0).history
        assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


GO_ON = """
import keras, numpy, kssl
model = keras.models.load_model("model.keras")
images = numpy.load("images.npy")
model.fit(images, batch_size=5, shuffle=False, verbose=0)
numpy.save("codes.npy", kssl.models.run(model, "embed", images))
model.save("further.keras")
"""


def test_another_process_loads_it_and_goes_on(tmp_path: Path) -> None:
    model = autoencoder()
    fitted(model, IMAGES, batch_size=5)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    _, expected = trained(pairs_of(model), 5)
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    command = [sys.executable, "-c", GO_ON]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    further = pairs_of(keras.models.load_model(tmp_path / "further.keras"))
    for one, other in zip(further, expected, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-6)
    hidden = np.tanh(IMAGES.reshape(16, -1) @ expected[0][0] + expected[0][1])
    codes = hidden @ expected[1][0] + expected[1][1]
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), codes, atol=1e-5)
