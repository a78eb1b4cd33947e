"""Counting: what is compared with what, and that a network learns to count."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from scipy.stats import spearmanr
from sklearn.datasets import load_digits

from kssl.layers import ConvEncoder, ConvNet, ProjectionHead
from kssl.models import Counting
from kssl.pretext import count

IMAGES = np.random.RandomState(0).rand(6, 16, 16, 1).astype("float32")


def parts(images: np.ndarray, data: np.ndarray | None = None) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in count(data)({"image": images}).items()}


BATCH = parts(IMAGES)


def small(batch: dict[str, np.ndarray] = BATCH, **settings: Any) -> Counting:
    head = ProjectionHead(5, 32, normalization=None)
    model = Counting(ConvNet([4, 6]), head, **settings)
    model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    return model


def array(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_counts_of_quarters_are_compared_with_those_of_the_image_and_of_the_next_one() -> None:
    model = small(margin=3.0)
    model.head.steps[-1].bias.assign(np.linspace(-9.0, 1.0, 5))  # some counts are 0
    whole = array(model.count(BATCH["image"]))
    tiles = np.stack([array(model.count(BATCH["tiles"][:, place])) for place in range(4)], 1)
    assert whole.min() == 0.0 < whole.max()
    sums, others = tiles.sum(1), np.roll(whole, 1, axis=0)
    apart = np.maximum(0, 3.0 - ((others - sums) ** 2).sum(1))
    expected = np.mean(((whole - sums) ** 2).sum(1) + apart)
    outputs = model(BATCH)
    np.testing.assert_allclose(array(outputs["parts"]), tiles, atol=1e-5)
    assert float(model.objective(BATCH, outputs, None, False)) == pytest.approx(expected, rel=1e-4)
    logs = {metric.name: float(metric.result()) for metric in model.metrics}
    assert logs["norm"] == pytest.approx(np.linalg.norm(whole, axis=1).mean(), rel=1e-4)
    assert logs["activation"] == pytest.approx(whole.mean(), rel=1e-4)


def test_a_contrast_of_the_batch_is_taken() -> None:
    batch = parts(IMAGES, IMAGES[::-1].copy())
    outputs = small(batch)(batch)
    model = small(batch)
    outputs = model(batch)
    np.testing.assert_allclose(
        array(outputs["other"]), array(model.count(batch["contrast"])), atol=1e-5
    )


def test_a_collapse_costs_the_margin_and_is_seen_in_the_log() -> None:
    model = small(margin=7.0)
    for weight in model.head.weights:
        weight.assign(0.0 * array(weight))
    model.compile("adam")
    found = model.evaluate(BATCH, verbose=0, return_dict=True)
    assert found == pytest.approx({"loss": 7.0, "activation": 0.0, "norm": 0.0})


def test_the_embedding_is_the_encoders() -> None:
    model = small()
    np.testing.assert_allclose(
        array(model.embed(BATCH)), array(model.encoder(BATCH["image"])), atol=1e-6
    )


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": IMAGES}, "reads image and tiles, and the batch has image: put .* count"),
        ({**BATCH, "image": IMAGES}, r"'image' is \(16, 16, 1\), and a quarter .* \(8, 8, 1\)"),
        ({key: value[:1] for key, value in BATCH.items()}, "with another one, and the batch has 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(batch: Any, message: str) -> None:
    model = small()
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        model.fit(batch, verbose=0)


def test_a_margin_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="margin must be above 0; got 0"):
        Counting(margin=0)


def mosaics(digits: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 4 x 4 cells in which 0 to 9 digits stand, and how many."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 10, count)
    cells = np.zeros((count, 16, 8, 8), "float32")
    for image, number in zip(cells, numbers, strict=True):
        image[random.permutation(16)[:number]] = digits[random.choice(len(digits), number)]
    rows = cells.reshape(count, 4, 4, 8, 8).transpose(0, 1, 3, 2, 4)
    return rows.reshape(count, 32, 32, 1), numbers


def not_additive(model: Counting, batch: dict[str, np.ndarray]) -> float:
    """How far the sum over quarters is from the whole, as a fraction of the whole's variance."""
    whole = array(model.count(batch["image"]))
    tiles = array(model.count(batch["tiles"].reshape(-1, *batch["tiles"].shape[2:])))
    sums = tiles.reshape(len(whole), 4, -1).sum(1)
    return float(((whole - sums) ** 2).sum() / ((whole - whole.mean(0)) ** 2).sum())


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="takes minutes on PyTorch")
def test_the_norm_of_the_counts_grows_with_the_number_of_digits() -> None:
    """Of digits that were not trained on. Ink alone is in the same order: so are the untrained
    network's norms, nearly; but that quarters add up to the whole is learned."""
    keras.utils.set_random_seed(0)
    digits = (load_digits().images / 16).astype("float32")
    batch = parts(mosaics(digits[:1200], 1000, 1)[0])
    images, numbers = mosaics(digits[1200:], 300, 2)
    unseen = parts(images)
    model = Counting(ConvEncoder([16, 32]), ProjectionHead(16, 64, normalization=None))
    model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    assert not_additive(model, unseen) > 1
    model.compile(keras.optimizers.Adam(2e-3))
    history = model.fit(batch, batch_size=64, epochs=12, verbose=0).history
    norms = np.linalg.norm(array(model.count(unseen["image"])), axis=1)
    assert spearmanr(numbers, norms).statistic >= 0.9
    assert not_additive(model, unseen) < 0.1
    assert history["loss"][-1] < 5 and history["norm"][-1] > 1  # 10 and 0 in a collapse
