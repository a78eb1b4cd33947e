"""Dropout by a hash: a fair and independent choice for each place, and the next one each time."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers.dropout import keep
from kssl.layers.fused import fuse

SHAPE = (64, 32, 128)
COUNT = int(np.prod(SHAPE))
only_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="on JAX alone")


def kept(first: int, second: int, chance: float = 0.5) -> np.ndarray:
    seed = ops.convert_to_tensor(np.array([first, second], "uint32"))
    return ops.convert_to_numpy(keep(seed, SHAPE, chance))


def deviations(values: np.ndarray, chance: float) -> np.ndarray:
    """Return how many standard deviations the counts of true along the last axis are off."""
    count = values.shape[-1]
    return (values.sum(-1) - count * chance) / np.sqrt(count * chance * (1 - chance))


@only_jax
@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", [(0, 0), (0, 1), (1, 0), (2**32 - 1, 7), (12345, 2**31)])
def test_as_many_are_kept_as_the_chance_says(seed: tuple[int, int], chance: float) -> None:
    found = kept(*seed, chance)
    assert abs(deviations(found.reshape(-1), chance)) < 4.5
    for axis in range(3):  # rows, columns and depth each: 1 and 0 as mean and spread of all
        rows = deviations(np.moveaxis(found, axis, 0).reshape(SHAPE[axis], -1), chance)
        assert abs(rows).max() < 5
        assert 0.6 < rows.std() < 1.5


@only_jax
def test_masks_have_nothing_to_do_with_each_other() -> None:
    """Neighbours in place, call and seed agree as often as two fair coins."""
    every = {(a, b): kept(a, b).reshape(-1) for a in range(4) for b in range(4)}
    pairs = [(one, other) for one in every for other in every if one < other]
    agree = np.array([(every[one] == every[other]) for one, other in pairs])
    assert abs(deviations(agree, 0.5)).max() < 5
    mask = every[0, 0]
    for lag in (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 65536):
        assert abs(deviations(mask[lag:] == mask[:-lag], 0.5)) < 5, lag
    # Nor does one of them, shifted, come again in another.
    for one, other in pairs[:20]:
        for lag in range(1, 20):
            same = every[one][lag:] == every[other][:-lag]
            assert abs(deviations(same, 0.5)) < 5.5


@only_jax
def test_the_layer_scales_what_it_keeps_and_draws_anew_each_time() -> None:
    layer = fuse(keras.layers.Dropout(0.25, seed=3))
    inputs = ops.ones((50, 40))
    first, second = (np.asarray(layer(inputs, training=True)) for _ in range(2))
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.75)}
    assert 0.3 < np.mean(first != second) < 0.45  # 2 · 0.25 · 0.75
    again = fuse(keras.layers.Dropout(0.25, seed=3))
    np.testing.assert_array_equal(again(inputs, training=True), first)
    np.testing.assert_array_equal(layer(inputs, training=False), inputs)


@only_jax
def test_one_choice_for_an_axis_of_one_in_the_shape_of_noise() -> None:
    layer = fuse(keras.layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=3))
    found = np.asarray(layer(ops.ones((4, 6, 8)), training=True))
    np.testing.assert_array_equal(found, np.broadcast_to(found[:, :1], found.shape))
    assert len(np.unique(found[:, 0], axis=0)) > 1


@only_jax
def test_gradients_pass_where_features_do() -> None:
    import jax

    layer = fuse(keras.layers.Dropout(0.5, seed=3))

    def total(inputs: jax.Array) -> jax.Array:
        with keras.StatelessScope():
            return layer(inputs, training=True).sum()

    gradient = np.asarray(jax.jit(jax.grad(total))(ops.ones((30, 20))))
    assert set(np.unique(gradient)) == {0.0, 2.0}
