"""Residual networks and the U-Net: their shapes, what they start as, and that they learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kssl.layers import ConvNet, ResidualBlock, ResNet, UNet
from kssl.testing.common import array

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 16, 16, 3)).astype("float32")


@pytest.mark.parametrize(
    ("depth", "weights", "features"),
    # The counts of the original networks, less those of the 7 x 7 entrance and the classifier.
    [
        (18, 11_689_512 - 1000 * 513 - 49 * 192 + 9 * 192, 512),
        pytest.param(34, 21_797_672 - 1000 * 513 - 49 * 192 + 9 * 192, 512, marks=pytest.mark.slow),
        (50, 25_557_032 - 1000 * 2049 - 49 * 192 + 9 * 192, 2048),
    ],
)
def test_a_resnet_has_as_many_weights_as_the_original(depth, weights, features):
    layer = ResNet(depth)
    layer.build((None, 32, 32, 3))
    assert sum(int(np.prod(each.shape)) for each in layer.trainable_weights) == weights
    assert layer.compute_output_shape((None, 32, 32, 3)) == (None, features)
    unpooled = ResNet(depth, pool=False).compute_output_shape((None, 32, 32, 3))
    assert unpooled == (None, 4, 4, features)


@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_block_starts_as_its_shortcut(bottleneck):
    width = 16 if bottleneck else 4
    inputs = np.abs(RNG.normal(size=(2, 6, 6, width))).astype("float32")
    block = ResidualBlock(4, bottleneck=bottleneck)
    np.testing.assert_allclose(array(block(inputs, training=True)), inputs, atol=1e-6)
    assert block.shortcut == [] and len(ResidualBlock(4).shortcut) == 0


@pytest.mark.parametrize("make", [lambda: ConvNet([4, 8]), lambda: ResNet(18, width=4)])
def test_an_encoder_learns_and_moves_its_statistics(make):
    if keras.backend.backend() == "torch":
        pytest.skip(
            "PyTorch 2.13 does not come back from the gradients of these small convolutions"
        )
    keras.utils.set_random_seed(0)
    labels = np.array([0, 1, 0, 1])
    images = IMAGES + 2.0 * labels[:, None, None, None].astype("float32")
    encoder = make()
    model = keras.Sequential([encoder, keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05), loss)
    losses = model.fit(images, labels, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    statistics = [w for w in encoder.non_trainable_weights if w.name == "moving_mean"]
    assert statistics and all(np.abs(array(each)).max() > 0 for each in statistics)


def unet(**settings):
    keras.utils.set_random_seed(0)
    return UNet([8, 16], blocks=1, attention=[1], **settings)


def roughened(layer):
    """Return the layer with random weights where it starts at zero."""
    for weight in layer.trainable_weights:
        if not array(weight).any():
            weight.assign(RNG.normal(0, 0.1, weight.shape))
    return layer


def test_a_unet_starts_at_zero_and_depends_on_image_time_and_class():
    layer = unet(classes=3)
    steps, labels = np.array([5, 5, 5, 5]), np.array([0, 1, 2, 3])
    np.testing.assert_array_equal(array(layer(IMAGES, steps, labels)), 0)
    roughened(layer)
    base = array(layer(IMAGES, steps, labels))
    assert base.shape == IMAGES.shape
    others = [
        layer(IMAGES + 0.1, steps, labels),
        layer(IMAGES, steps + 1, labels),
        layer(IMAGES, steps, (labels + 1) % 4),
    ]
    for other in others:
        assert np.abs(array(other) - base).max(axis=(1, 2, 3)).min() > 1e-5
    no_class = array(layer(IMAGES, steps))
    np.testing.assert_allclose(no_class[3], base[3], atol=1e-5)
    assert np.abs(no_class[0] - base[0]).max() > 1e-5


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_unet_tells_neighbouring_times_in_half_precision(precision):
    layer = unet(dtype=precision)
    layer.build(IMAGES.shape)
    roughened(layer)
    same = np.repeat(IMAGES[:1], 2, axis=0)
    times = layer.times(np.array([999.0, 1000.0], "float32"))
    assert np.abs(np.diff(array(times), axis=0)).max() > 0.1
    found = layer(same, np.array([999.0, 1000.0], "float32"))
    assert keras.backend.standardize_dtype(found.dtype) == precision.removeprefix("mixed_")
    assert np.abs(np.diff(array(found), axis=0)).max() > 0


def test_every_weight_of_a_unet_learns():
    layer = roughened_after_build()
    before = [array(weight) for weight in layer.trainable_weights]
    images, times = keras.Input((16, 16, 3)), keras.Input((), dtype="int32")
    labels = keras.Input((), dtype="int32")
    model = keras.Model([images, times, labels], layer(images, times, labels))
    model.compile(keras.optimizers.SGD(1.0), "mse")
    given = [IMAGES, np.arange(4), np.array([0, 1, 2, 3])]
    model.fit(given, RNG.normal(size=IMAGES.shape), epochs=1, verbose=0)
    paths = [
        weight.path
        for weight, old in zip(layer.trainable_weights, before, strict=True)
        if not np.abs(array(weight) - old).max() > 0
    ]
    # A softmax does not see what is added to all its inputs: the keys' bias cannot learn.
    assert [path for path in paths if "key/bias" not in path] == []


def roughened_after_build():
    layer = unet(classes=3)
    layer.build(IMAGES.shape)
    return roughened(layer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConvNet([]), "filters, blocks and stem_strides must be positive"),
        (lambda: ResNet(20), "depth must be one of 18, 34, 50, 101; got 20"),
        (lambda: ResNet(18, width=0), "width must be at least 1"),
        (lambda: UNet([]), r"such as \[64, 128\]"),
        (lambda: UNet([4, 8])(np.zeros((1, 7, 8, 1)), np.zeros(1)), "multiples of 2"),
        (lambda: unet()(IMAGES, np.zeros(4), np.zeros(4)), "has no classes"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
