"""Maps of features become maps of another size: which place predicts which."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import MapDecoder

RANDOM = np.random.RandomState(0)


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_each_place_of_a_coarse_map_predicts_its_own_square() -> None:
    layer = MapDecoder((6, 8, 2))
    features = RANDOM.rand(3, 2, 4, 5).astype("float32")
    before = array(layer(features))
    assert before.shape == (3, 6, 8, 2) and layer.compute_output_shape(features.shape) == (
        3,
        6,
        8,
        2,
    )
    kernel, bias = (array(each) for each in layer.to_values.weights)
    expected = (features[1, 1, 2] @ kernel + bias).reshape(3, 2, 2)  # rows, columns, channels
    np.testing.assert_allclose(before[1, 3:6, 4:6], expected, rtol=1e-4, atol=1e-5)
    features[1, 1, 2] += 1
    changed = np.abs(array(layer(features)) - before).max(axis=-1) > 1e-6
    assert changed[1, 3:6, 4:6].all() and changed.sum() == 6


def test_a_fine_map_is_averaged() -> None:
    layer = MapDecoder((2, 2, 3))
    features = RANDOM.rand(2, 4, 8, 5).astype("float32")
    found = array(layer(features))
    kernel, bias = (array(each) for each in layer.to_values.weights)
    mean = features.reshape(2, 2, 2, 2, 4, 5).mean(axis=(2, 4))
    np.testing.assert_allclose(found, mean @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_a_vector_predicts_all_places_and_a_decoder_may_come_before() -> None:
    vector = RANDOM.rand(2, 5).astype("float32")
    assert MapDecoder((4, 4, 3))(vector).shape == (2, 4, 4, 3)
    decoder = keras.layers.Conv2DTranspose(6, 3, strides=2, padding="same")
    layer = MapDecoder((4, 4, 1), decoder)
    assert layer(RANDOM.rand(2, 2, 2, 5).astype("float32")).shape == (2, 4, 4, 1)
    assert layer.to_values.kernel.shape == (6, 1)
    copy = MapDecoder.from_config(layer.get_config())
    assert copy.map_shape == (4, 4, 1) and isinstance(copy.decoder, keras.layers.Conv2DTranspose)


def test_maps_that_do_not_divide_one_another_are_refused() -> None:
    with pytest.raises(ValueError, match=r"features of shape \(3, 3, 5\) do not divide a map of 8"):
        MapDecoder((8, 8, 1)).build((None, 3, 3, 5))
    with pytest.raises(ValueError, match=r"map_shape must be \(rows, columns, channels\)"):
        MapDecoder((8, 8))
