"""SIGReg: the distance from a standard normal along directions, against NumPy and its theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl.losses import random_directions, sigreg

RANDOM = np.random.default_rng(0)


def by_hand(rows: np.ndarray, directions: np.ndarray, knots: int, limit: float) -> float:
    points = np.linspace(-limit, limit, 2 * knots - 1)  # both halves
    found = []
    for direction in directions.T:
        values = np.exp(1j * np.outer(points, rows @ direction)).mean(1)
        distance = np.abs(values - np.exp(-(points**2) / 2)) ** 2 * np.exp(-(points**2) / 2)
        found.append(len(rows) * np.trapezoid(distance, points))
    return float(np.mean(found))


@pytest.mark.parametrize(("knots", "limit"), [(17, 3.0), (5, 2.0), (40, 5.0)])
def test_the_integral_over_both_halves(knots: int, limit: float) -> None:
    rows = RANDOM.gamma(2.0, 1.0, (50, 6)).astype("float32")
    directions = np.asarray(ops.convert_to_numpy(random_directions(6, 9, seed=1)))
    np.testing.assert_allclose((directions**2).sum(0), np.ones(9), rtol=1e-5)
    found = float(sigreg(rows, directions, knots, limit))
    assert found == pytest.approx(by_hand(rows, directions, knots, limit), rel=1e-4)


def test_normal_rows_have_the_same_small_value_at_any_size() -> None:
    """The mean is ∫ (1 - exp(-t²)) exp(-t²/2) dt = √2π (1 - 1/√3), but for the ends."""
    expected = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))
    for count in (64, 512):
        found = [
            float(sigreg(RANDOM.standard_normal((count, 8)), random_directions(8, 64, seed=seed)))
            for seed in range(40)
        ]
        assert np.mean(found) == pytest.approx(expected, rel=0.1)


def test_collapse_shift_and_spread_are_far_from_normal() -> None:
    directions = random_directions(8, 64, seed=0)
    normal = RANDOM.standard_normal((256, 8))
    best = float(sigreg(normal, directions))
    assert best < 2
    others = {"collapsed": 0 * normal, "shifted": normal + 1, "wide": 3 * normal}
    for name, rows in others.items():
        assert float(sigreg(rows, directions)) > 10 * best, name
    collapsed = [float(sigreg(np.zeros((count, 8)), directions)) for count in (10, 1000)]
    assert collapsed[1] == pytest.approx(100 * collapsed[0], rel=1e-4)


def test_views_are_averaged() -> None:
    views = RANDOM.standard_normal((3, 20, 5)).astype("float32")
    directions = random_directions(5, 7, seed=0)
    each = [float(sigreg(view, directions)) for view in views]
    assert float(sigreg(views, directions)) == pytest.approx(np.mean(each), rel=1e-5)
    assert float(sigreg(views.astype("float16"), directions)) == pytest.approx(
        np.mean(each), rel=1e-2
    )
