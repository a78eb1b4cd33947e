"""The layers: shapes, what they compute, what they refuse."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import (
    MLP,
    ConvDecoder,
    ConvEncoder,
    Corruption,
    GaussianSampling,
    ImageDecoder,
    LatentEncoder,
    LatentGaussian,
)

IMAGES = np.random.default_rng(0).random((4, 28, 20, 3)).astype("float32")


def test_mlp_is_its_dense_layers():
    layer = MLP([6, 5], activation="tanh")
    got = ops.convert_to_numpy(layer(IMAGES))
    by_hand = IMAGES.reshape(4, -1)
    for dense in layer.hidden:
        kernel, bias = (ops.convert_to_numpy(weight) for weight in dense.weights)
        by_hand = np.tanh(by_hand @ kernel + bias)
    np.testing.assert_allclose(got, by_hand, atol=1e-5)


@pytest.mark.parametrize("size", [(28, 28), (7, 9), (32, 17)])
def test_convolutions_bring_any_size_back(size):
    images = np.zeros((2, *size, 3), "float32")
    features = ConvEncoder([4, 8])(images)
    assert features.shape == (2, -(-size[0] // 4) * -(-size[1] // 4) * 8)
    assert ConvDecoder([8, 4], image_shape=(*size, 3))(features).shape == images.shape


def test_image_decoder_tells_the_shape_and_adds_no_layer_that_is_not_needed():
    convolutional = ImageDecoder(ConvDecoder([8, 4]), image_shape=(28, 20, 3))
    assert convolutional(np.zeros((2, 5), "float32")).shape == (2, 28, 20, 3)
    assert convolutional.to_pixels is None
    dense = ImageDecoder(MLP([16]), image_shape=(28, 20, 3))
    assert dense(np.zeros((2, 5), "float32")).shape == (2, 28, 20, 3)
    assert dense.to_pixels.units == 28 * 20 * 3


def test_latent_encoder_flattens_feature_maps_and_has_one_output_per_head():
    encoder = keras.layers.Conv2D(2, 3, strides=2)
    mean, log_variance = LatentEncoder(encoder, latent_dim=5, heads=2)(IMAGES)
    assert mean.shape == log_variance.shape == (4, 5)
    assert not np.allclose(ops.convert_to_numpy(mean), ops.convert_to_numpy(log_variance))


def test_sampling_has_the_mean_and_the_variance_that_it_is_given():
    mean, log_variance = np.full((1, 2), 3.0), np.full((1, 2), np.log(0.25))
    layer = GaussianSampling(samples=50_000, seed=0)
    drawn = ops.convert_to_numpy(layer(mean, log_variance))
    assert drawn.shape == (1, 50_000, 2)
    np.testing.assert_allclose(drawn.mean(1), 3.0, atol=0.02)
    np.testing.assert_allclose(drawn.std(1), 0.5, atol=0.02)


def test_sampling_passes_gradients_to_both_inputs():
    # d(sum z)/d(mean) = 1, d(sum z)/d(log_variance) = noise · sigma / 2: from finite differences.
    def total(mean, log_variance):
        layer = GaussianSampling(seed=7)
        return float(ops.sum(layer(np.array([[mean]]), np.array([[log_variance]]))))

    assert (total(0.1, 0.0) - total(0.0, 0.0)) / 0.1 == pytest.approx(1.0, abs=1e-3)
    noise = total(0.0, 0.0)
    assert (total(0.0, 0.02) - noise) / 0.02 == pytest.approx(noise / 2, rel=0.02)


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper"])
def test_corruption_hits_the_share_that_it_says(kind):
    grey = np.full((64, 40, 40, 1), 0.5, "float32")
    noisy = ops.convert_to_numpy(Corruption(kind, amount=0.3, seed=0)(grey))
    assert (noisy != 0.5).mean() == pytest.approx(0.3, abs=0.01)
    if kind == "masking":
        assert set(np.unique(noisy)) == {0.0, 0.5}
    else:
        assert (noisy == 1).mean() == pytest.approx(0.15, abs=0.01)
        assert (noisy == 0).mean() == pytest.approx(0.15, abs=0.01)


def test_gaussian_corruption_has_its_standard_deviation_and_is_new_each_time():
    layer = Corruption("gaussian", amount=0.5, seed=0)
    zeros = np.zeros((64, 40, 40, 1), "float32")
    first, second = (ops.convert_to_numpy(layer(zeros)) for _ in range(2))
    assert first.std() == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_latent_gaussian_is_exact_far_from_zero_and_reads_old_files():
    generator = np.random.default_rng(0)
    spread = np.array([[1.0, 0.0], [0.8, 0.3]])
    layer = LatentGaussian(momentum=0.9, seed=0)
    for _ in range(100):
        codes = generator.standard_normal((256, 2)) @ spread.T + [5000.0, -3000.0]
        layer(codes.astype("float32"), training=True)
    drawn = ops.convert_to_numpy(layer.draw(20_000, seed=1)).astype("float64")
    np.testing.assert_allclose(drawn.mean(0), [5000.0, -3000.0], atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), spread @ spread.T, atol=0.08)
    # A file of before: sums of codes and of their products, a half of which is missing yet.
    mean, moment = np.array([3.0, 4.0]), spread @ spread.T + np.outer([3.0, 4.0], [3.0, 4.0])
    layer.load_own_variables({"0": 0.5 * mean, "1": 0.5 * moment, "2": np.array(0.5)})
    drawn = ops.convert_to_numpy(layer.draw(20_000, seed=1))
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), spread @ spread.T, atol=0.04)


def test_latent_gaussian_learns_mean_and_covariance_only_in_training():
    generator = np.random.default_rng(0)
    spread = np.array([[1.0, 0.0], [0.8, 0.3]])
    layer = LatentGaussian(momentum=0.9, seed=0)
    for step in range(200):
        codes = (generator.standard_normal((256, 2)) @ spread.T + [5.0, -1.0]).astype("float32")
        layer(codes, training=step < 150)
    layer(codes + 100.0, training=False)
    drawn = ops.convert_to_numpy(layer.draw(20_000, seed=1))
    np.testing.assert_allclose(drawn.mean(0), [5.0, -1.0], atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), spread @ spread.T, atol=0.08)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP([]), "units must be positive widths"),
        (lambda: MLP([8], dropout=1.0), "dropout must be in"),
        (lambda: ConvEncoder([0]), "filters must be positive"),
        (lambda: ConvDecoder([4])(np.zeros((1, 2))), "needs image_shape"),
        (lambda: Corruption("dust"), "gaussian, masking, salt_and_pepper; got 'dust'"),
        (lambda: Corruption("masking", amount=1.5), "a fraction at most 1; got 1.5"),
        (lambda: GaussianSampling(samples=0), "samples must be at least 1"),
        (lambda: LatentEncoder(MLP(), latent_dim=0), "latent_dim must be at least 1"),
        (lambda: LatentGaussian(momentum=1.0), "between 0 and 1"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
