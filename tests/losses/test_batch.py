"""Distances and norms within a batch, small and large."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from kssl.losses import batch
from kssl.testing.common import value_and_gradient


@pytest.fixture(params=["differences", "gram"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "gram":
        monkeypatch.setattr(batch, "EXACT_SIZE", 0)
    return request.param


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_distances_are_those_of_the_rows(way: str, offset: float) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 20)) + offset
    wanted = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    rows = ops.convert_to_tensor(rows.astype("float32"))
    np.testing.assert_allclose(batch.distances(rows), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(batch.distances(rows, squared=True), wanted**2, rtol=1e-4, atol=1e-5)


def test_equal_rows_have_distance_zero_and_a_finite_gradient(way: str) -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(16, 33)), 2, axis=0).astype("float32")
    found = ops.convert_to_numpy(batch.distances(ops.convert_to_tensor(rows)))
    assert (found[np.arange(0, 32, 2), np.arange(1, 32, 2)] < 2e-3).all()
    _, gradient = value_and_gradient(lambda each: ops.sum(batch.distances(each)), rows)
    assert np.isfinite(gradient).all()


def test_the_gradient_of_a_distance_is_the_unit_vector(way: str) -> None:
    rows = np.array([[0.0, 0.0], [3.0, 4.0]], "float32")
    _, gradient = value_and_gradient(lambda each: batch.distances(each)[0, 1], rows)
    np.testing.assert_allclose(gradient, [[-0.6, -0.8], [0.6, 0.8]], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e30])
def test_unit_rows_of_any_size(scale: float) -> None:
    rows = np.array([[3.0, -4.0], [0.0, 0.0]], "float32") * np.float32(scale)
    np.testing.assert_allclose(batch.unit(rows), [[0.6, -0.8], [0.0, 0.0]], rtol=1e-6)
    _, gradient = value_and_gradient(lambda each: ops.sum(batch.unit(each)), rows)
    assert np.isfinite(gradient).all()
