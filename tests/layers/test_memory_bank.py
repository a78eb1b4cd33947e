"""A memory of each example: what is read, and which rows move where."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from kssl.layers import MemoryBank


def bank(**settings: float) -> MemoryBank:
    made = MemoryBank(6, dim=4, seed=0, **settings)
    made.build((None,))
    return made


def rows_of(made: MemoryBank) -> np.ndarray:
    return np.array(ops.convert_to_numpy(made.rows))


def test_rows_start_small_and_random_and_are_read_by_their_numbers() -> None:
    made = bank()
    rows = rows_of(made)
    assert np.abs(rows).max() <= 1 / np.sqrt(4 / 3) and len(np.unique(rows)) == rows.size
    np.testing.assert_array_equal(made(np.array([[5, 0], [2, 2]])), rows[[[5, 0], [2, 2]]])
    found = made.similarities(np.eye(4, dtype="float32"))
    np.testing.assert_allclose(found, rows.T, atol=1e-6)


def test_only_the_rows_that_were_seen_move_and_are_of_norm_1() -> None:
    made = bank(momentum=0.25)
    before = rows_of(made)
    new = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    made.move(np.array([4, 1]), new)
    after = rows_of(made)
    np.testing.assert_array_equal(after[[0, 2, 3, 5]], before[[0, 2, 3, 5]])
    expected = 0.25 * before[[4, 1]] + 0.75 * new / np.linalg.norm(new, axis=1, keepdims=True)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(after[[4, 1]], expected, atol=1e-5)


def test_what_was_read_stays_when_the_rows_move() -> None:
    made = bank()
    read = made(np.arange(6))
    kept = np.array(ops.convert_to_numpy(read))
    made.move(np.arange(6), np.ones((6, 4), "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(read), kept)


@pytest.mark.parametrize("settings", [{"examples": 0}, {"momentum": 1.5}, {"dim": 0}])
def test_settings_that_are_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least 1 and momentum in 0 to 1"):
        MemoryBank(**{"examples": 3, **settings})
