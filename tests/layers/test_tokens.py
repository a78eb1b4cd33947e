"""Patches, positions and masking: what a masked autoencoder is made of."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kssl.layers import (
    MaskTokens,
    PatchEmbedding,
    Patches,
    RandomMasking,
    SinCosPositions,
    TimestepEmbedding,
    Unpatchify,
    sincos_1d,
    sincos_2d,
)
from kssl.testing.common import array, value_and_gradient

IMAGES = np.arange(2 * 6 * 8 * 3, dtype="float32").reshape(2, 6, 8, 3)


@pytest.mark.parametrize("patch", [1, 2, (3, 4), (6, 8)])
def test_patches_are_cut_row_by_row_and_put_together_again(patch):
    height, width = (patch, patch) if isinstance(patch, int) else patch
    found = array(Patches(patch)(IMAGES))
    wanted = [
        IMAGES[:, top : top + height, left : left + width].reshape(2, -1)
        for top in range(0, 6, height)
        for left in range(0, 8, width)
    ]
    np.testing.assert_array_equal(found, np.stack(wanted, axis=1))
    np.testing.assert_array_equal(array(Unpatchify(patch, (6, 8, 3))(found)), IMAGES)


def test_a_patch_embedding_is_a_convolution_with_stride():
    layer = PatchEmbedding(5, patch_size=2)
    layer.build(IMAGES.shape)
    convolution = keras.layers.Conv2D(5, 2, strides=2)
    convolution.build(IMAGES.shape)
    kernel, bias = layer.project.get_weights()
    convolution.set_weights([kernel.reshape(2, 2, 3, 5), bias])
    wanted = array(convolution(IMAGES)).reshape(2, 12, 5)
    np.testing.assert_allclose(array(layer(IMAGES)), wanted, rtol=1e-4, atol=1e-3)


def test_positions_in_a_grid_encode_the_column_first():
    table = sincos_2d(3, 4, 8)
    np.testing.assert_allclose(
        table[5], np.concatenate([sincos_1d([1], 4), sincos_1d([1], 4)], 1)[0]
    )
    np.testing.assert_allclose(table[7, :4], sincos_1d([3], 4)[0])
    np.testing.assert_allclose(table[7, 4:], sincos_1d([1], 4)[0])


@pytest.mark.parametrize(("grid", "leading"), [("square", 0), ((2, 8), 1), (None, 2)])
def test_positions_are_added_and_leading_tokens_get_none(grid, leading):
    tokens = np.ones((2, leading + 16, 8), "float32")
    found = array(SinCosPositions(grid, leading)(tokens)) - 1
    np.testing.assert_array_equal(found[:, :leading], 0)
    tables = {
        "square": sincos_2d(4, 4, 8),
        (2, 8): sincos_2d(2, 8, 8),
        None: sincos_1d(range(16), 8),
    }
    np.testing.assert_allclose(found[0, leading:], tables[grid], atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_neighbouring_timesteps_differ_in_any_precision(precision):
    layer = TimestepEmbedding(8, max_period=1.0, dtype=precision)
    steps = np.array([998.0, 999.0, 1000.0], "float32")
    found = array(layer(steps))
    np.testing.assert_allclose(found[:, :4], np.cos(steps)[:, None] * np.ones(4), atol=6e-3)
    np.testing.assert_allclose(found[:, 4:], np.sin(steps)[:, None] * np.ones(4), atol=6e-3)


def test_masking_keeps_the_tokens_of_least_noise_and_restores_the_order():
    tokens = np.random.default_rng(0).normal(size=(3, 10, 4)).astype("float32")
    noise = np.random.default_rng(1).random((3, 10)).astype("float32")
    masked = RandomMasking(0.6)(tokens, noise=noise)
    keep = np.argsort(noise, axis=1)[:, :4]
    np.testing.assert_array_equal(array(masked["keep"]), keep)
    for row in range(3):
        np.testing.assert_array_equal(array(masked["visible"])[row], tokens[row, keep[row]])
    layer = MaskTokens()
    restored = array(layer(masked["visible"], masked["restore"]))
    hidden = array(masked["mask"]).astype(bool)
    np.testing.assert_array_equal(restored[~hidden], tokens[~hidden])
    learned = np.broadcast_to(array(layer.token)[0], restored[hidden].shape)
    np.testing.assert_array_equal(restored[hidden], learned)
    assert hidden.sum(axis=1).tolist() == [6, 6, 6]


def test_masks_are_even_and_new_for_each_example_and_call():
    layer = RandomMasking(0.75, seed=0)
    tokens = np.zeros((2000, 16, 1), "float32")
    first, second = (array(layer(tokens)["mask"]) for _ in range(2))
    np.testing.assert_allclose(first.mean(axis=0), 0.75, atol=0.05)
    assert (first[0] != first[1]).any() and (first != second).any()


def test_hidden_tokens_get_no_gradient_and_visible_ones_all_of_it():
    tokens = np.ones((1, 4, 2), "float32")
    noise = np.array([[0.3, 0.1, 0.4, 0.2]], "float32")
    layer = RandomMasking(0.5)
    _, gradient = value_and_gradient(
        lambda x: keras.ops.sum(layer(x, noise=noise)["visible"]), tokens
    )
    np.testing.assert_array_equal(gradient[0, :, 0], [0, 1, 0, 1])


def test_masking_in_half_precision_keeps_indices_whole():
    layer = RandomMasking(0.75, dtype="mixed_bfloat16")
    masked = layer(np.ones((2, 1024, 2), "float32"))
    assert keras.backend.standardize_dtype(masked["visible"].dtype) == "bfloat16"
    assert sorted(array(masked["restore"])[0]) == list(range(1024))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Patches(4)(IMAGES), "4 x 4 pixels do not tile images of 6 x 8"),
        (lambda: Patches(0), "patch_size must be a number of pixels"),
        (lambda: Unpatchify(4, (6, 8, 3)), "do not tile"),
        (lambda: PatchEmbedding(0, 2), "dim must be at least 1"),
        (lambda: sincos_2d(2, 2, 6), "multiple of 4"),
        (lambda: SinCosPositions("round"), "or None; got 'round'"),
        (lambda: SinCosPositions((2, 3))(np.zeros((1, 7, 8))), "7 tokens do not fill .* 2 x 3"),
        (lambda: SinCosPositions("square")(np.zeros((1, 5, 8))), "leading= for tokens"),
        (lambda: TimestepEmbedding(5), "dim must be even"),
        (lambda: RandomMasking(1.0), r"mask_ratio must be in \[0, 1\)"),
        (lambda: RandomMasking(0.9)(np.zeros((1, 5, 2))), "leaves none of 5 tokens"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
