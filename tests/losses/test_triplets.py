"""Triplet mining against a loop over all triplets, ties and memory included."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from kssl.losses import Triplet, triplet
from kssl.losses.triplets import MININGS
from kssl.testing.common import value_and_gradient

LABELS = np.array([0, 0, 1, 1, 1, 2, 0, 3, 2, 2])
POINTS = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
TIED = np.random.default_rng(1).integers(0, 3, size=(10, 2)).astype("float32")  # exact distances


def mean_by_loop(labels, rows, margin, mining, squared, soft, active):
    """Average over the triplets that count, found one by one in float64."""
    rows = rows.astype("float64")
    distance = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    distance = distance if squared else np.sqrt(distance)
    gaps = []
    for anchor, row in enumerate(distance):
        positives = row[(labels == labels[anchor]) & (np.arange(len(row)) != anchor)]
        negatives = row[labels != labels[anchor]]
        if not len(positives) or not len(negatives):
            continue
        if mining == "hard":
            gaps.append(positives.max() - negatives.min())
        elif mining == "semi_hard":
            for near in positives:
                farther = negatives[negatives > near]
                gaps.append(near - (farther.min() if len(farther) else negatives.max()))
        else:
            every = [near - far for near, far in product(positives, negatives)]
            band = mining == "semi_hard_all"
            gaps += [gap for gap in every if not band or -margin <= gap < 0]
    gaps = np.array(gaps)
    values = np.log1p(np.exp(gaps + margin)) if soft else np.maximum(gaps + margin, 0)
    counted = values[values > 0] if active else values
    return counted.mean() if len(counted) else 0.0


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize(("soft", "average"), [(True, "all"), (False, "all"), (False, "active")])
@pytest.mark.parametrize("rows", [POINTS, TIED], ids=["points", "tied"])
def test_agrees_with_a_loop(mining, squared, soft, average, rows):
    margin = 2.0 if rows is TIED else 0.5
    loss = Triplet(margin, mining, squared, soft, average=average)
    wanted = mean_by_loop(LABELS, rows, margin, mining, squared, soft, average == "active")
    assert float(loss(LABELS, rows)) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_by_hand():
    rows = np.array([[0.0], [1.0], [3.0]])  # d(0,1) = 1; negatives at 3 and at 2
    values = ops.convert_to_numpy(triplet([0, 0, 1], rows, margin=4.0, squared=False))
    np.testing.assert_allclose(values, [1 - 3 + 4, 1 - 2 + 4, 0])
    squares = ops.convert_to_numpy(triplet([0, 0, 1], rows, margin=4.0, mining="hard"))
    np.testing.assert_allclose(squares, [max(0, 1 - 9 + 4), 1 - 4 + 4, 0])


def test_explicit_triplets():
    triples = np.array([[[0.0], [1.0], [3.0]], [[0.0], [2.0], [1.0]]], "float32")
    values = ops.convert_to_numpy(triplet(None, triples, margin=1.0, squared=False))
    np.testing.assert_allclose(values, [0, 2])
    assert float(Triplet(squared=False)(np.zeros(2), triples)) == pytest.approx(1.0)
    active = Triplet(squared=False, average="active")
    assert float(active(np.zeros(2), triples)) == pytest.approx(2.0)


def test_training_pulls_classes_apart():
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    labels = np.arange(64) % 4
    inputs = generator.normal(size=(64, 8)).astype("float32")
    inputs += 2.0 * np.eye(8, dtype="float32")[labels]
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    model.compile(keras.optimizers.Adam(0.05), Triplet(0.5, normalize=True))
    history = model.fit(inputs, labels, batch_size=64, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("mining", MININGS)
def test_memory_is_that_of_the_square_of_the_batch(mining, soft):
    """The cube of 800 is 512 MB of booleans, differences of rows are 330 MB; batch² is 2.6 MB."""
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        pytest.skip("reads the peak of memory from Linux")
    rows = np.random.default_rng(0).normal(size=(800, 128)).astype("float32")
    labels = np.arange(800) // 4

    def peak(field):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

    before = peak("VmRSS")
    reset.write_text("5")
    _, gradient = value_and_gradient(
        lambda each: Triplet(mining=mining, soft_margin=soft)(labels, each), rows
    )
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
    assert peak("VmHWM") - before < 150


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Triplet(mining="easy"), "mining must be one of semi_hard, hard, all"),
        (lambda: Triplet(average="some"), "average must be one of all, active; got 'some'"),
        (lambda: triplet([0], np.ones((1, 2)), mining="easy"), "got 'easy'"),
    ],
)
def test_refuses_unknown_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
