"""What a block of an encoder is, what it puts out, and how its map is averaged."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from kssl.layers import MLP, ConvEncoder, ConvNet, ResNet, Transformer
from kssl.layers.blocks import averaged, blocks_of, watched
from kssl.testing.common import array

RANDOM = np.random.default_rng(0)


def names(encoder: keras.layers.Layer) -> list[str]:
    return [layer.name for layer in blocks_of(encoder)]


def test_layers_of_kssl_name_their_blocks() -> None:
    net, transformer = ConvNet([4, 8, 16], blocks=2), Transformer(8, depth=3, heads=2)
    assert [block.filters for block in blocks_of(net)] == [4, 4, 8, 8, 16, 16]
    assert len(blocks_of(ResNet(18, width=4))) == 8
    assert blocks_of(transformer) == list(transformer.blocks)
    assert [layer.filters for layer in blocks_of(ConvEncoder([4, 8]))] == [4, 8]
    assert [layer.units for layer in blocks_of(MLP([7, 3]))] == [7, 3]
    assert blocks_of(layers.Flatten()) == []


def test_a_sequential_model_is_divided_where_the_size_of_maps_changes() -> None:
    encoder = keras.Sequential(
        [
            *[layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(name="first")],
            *[layers.MaxPooling2D(), layers.Conv2D(6, 3, padding="same")],
            *[layers.Conv2D(6, 1), layers.ReLU(name="second"), layers.GlobalAveragePooling2D()],
            *[layers.Dense(5), layers.ReLU(name="third"), layers.Dense(3, name="fourth")],
        ]
    )
    encoder.build((None, 8, 8, 1))
    assert names(encoder) == ["first", "second", "third", "fourth"]


def test_what_a_path_goes_around_is_no_block() -> None:
    images = keras.Input((8, 8, 3))
    stem = layers.Conv2D(4, 3, padding="same", name="stem")(images)
    inside = layers.Conv2D(4, 3, padding="same", name="inside")(stem)
    joined = layers.Add(name="joined")([stem, inside])
    narrow = layers.Conv2D(6, 3, strides=2, padding="same", name="narrow")(joined)
    gate = layers.Conv2D(6, 1, name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(narrow))
    gated = layers.Multiply(name="gated")([narrow, gate])
    again = layers.Conv2D(6, 3, strides=4, padding="same", name="last")(gated)
    skipped = layers.AveragePooling2D(4)(gated)
    encoder = keras.Model(images, layers.Add(name="end")([again, skipped]))
    assert names(encoder) == ["joined", "gated", "end"]
    around = layers.Add()([encoder.output, layers.Conv2D(6, 8, strides=8)(images)])
    assert names(keras.Model(images, around)) == [around._keras_history[0].name]


def test_layers_of_layers_are_blocks_or_say_theirs() -> None:
    images = keras.Input((8, 8, 3))
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.Conv2D(4, 3, name="of the inner")])
    net = ConvNet([4, 8], pool=False)
    tokens = layers.Reshape((4, 8))(net(inner(images)))
    attended = layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both")(tokens)
    encoder = keras.Model(images, layers.GlobalAveragePooling1D()(attended))
    found = blocks_of(encoder)
    assert found[1].name == "of the inner" and found[2:4] == net.block_layers
    assert [layer.name for layer in found[4:]] == ["both"]


def test_a_layer_that_is_called_twice_ends_no_block() -> None:
    relu = layers.ReLU(name="shared")
    dense = [layers.Dense(3, name=name) for name in ("one", "two")]
    row = keras.Input((4,))
    assert names(keras.Model(row, relu(dense[1](relu(dense[0](row)))))) == ["one", "two"]


def test_stages_of_networks_of_keras() -> None:
    resnet = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    ends = ["conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out"]
    assert names(resnet) == [*ends, "conv5_block3_out"]
    gates = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    sizes = [layer.output.shape[1] for layer in blocks_of(gates)]
    assert sizes == [32, 16, 8, 4, 2]
    assert not any("squeeze" in name for name in names(gates))


def test_what_is_watched_is_what_was_put_out_and_nothing_stays() -> None:
    encoder = ConvNet([4, 6], pool=False)
    images = RANDOM.normal(size=(2, 8, 8, 1)).astype("float32")
    before = array(encoder(images))
    with watched(encoder.block_layers) as outputs:
        encoder(images)
    np.testing.assert_array_equal(array(outputs[-1][0]), before)
    assert [len(each) for each in outputs] == [1, 1]
    encoder(images)
    assert [len(each) for each in outputs] == [1, 1]
    assert not any("call" in vars(layer) for layer in encoder.block_layers)


def test_a_failure_while_watching_leaves_the_layers_as_they_were() -> None:
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="on purpose"), watched([layer]):
        raise ValueError("on purpose")
    assert "call" not in vars(layer)


def test_a_map_is_averaged_over_the_finest_grid_that_fits() -> None:
    image = RANDOM.normal(size=(3, 5, 4, 2)).astype("float32")
    whole = image.mean(axis=(1, 2))
    np.testing.assert_allclose(array(averaged(image, 1)), whole, atol=1e-6)
    np.testing.assert_allclose(array(averaged(image, 7)), whole, atol=1e-6)
    # Of 5 rows the cells 0 to 2 and 2 to 4; of 4 columns the halves.
    cells = [
        image[:, rows, columns].mean(axis=(1, 2))
        for rows in (slice(0, 3), slice(2, 5))
        for columns in (slice(0, 2), slice(2, 4))
    ]
    np.testing.assert_allclose(array(averaged(image, 8)), np.concatenate(cells, 1), atol=1e-6)
    np.testing.assert_allclose(array(averaged(image, 999)), image.reshape(3, -1), atol=1e-6)
    assert averaged(image, 32).shape == (3, 32)  # 4 x 4
    tokens = image[:, :, 0]
    np.testing.assert_allclose(array(averaged(tokens, 2)), tokens.mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(array(averaged(tokens[:, 0], 1)), tokens[:, 0])
