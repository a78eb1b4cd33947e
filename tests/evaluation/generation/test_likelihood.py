"""Likelihoods in closed form, and how the binarization is found out."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest

import kssl
from kssl.errors import UserError
from kssl.evaluation import Skipped, bits_per_dim, independent_pixels, log_likelihood
from kssl.evaluation.generation.likelihood import binarization


class Coins(keras.Model):
    """Every pixel is 1 with the same chance; its log p(x) is exact for any number of samples."""

    likelihood = "bernoulli"

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance
        self.built = True

    def log_prob(self, x: Any, samples: int = 1) -> Any:
        terms = x * math.log(self.chance) + (1 - x) * math.log(1 - self.chance)
        return keras.ops.sum(terms, axis=(1, 2, 3))


@pytest.fixture
def binary(task: Any) -> Any:
    """Blobs of 0 and 1, and coins as the model."""
    for split in (task.train, task.test):
        split.stored, split.image = split.image, (split.image > 0.5).astype(np.float32)
    task.model, task.untrained = Coins(0.25), Coins(0.5)
    return task


def test_bits_per_dimension_by_definition() -> None:
    assert bits_per_dim(120.5, 784) == pytest.approx(0.221740755646837)
    assert bits_per_dim(8000.0, 3072, bins=256) == pytest.approx(11.7570183356483)


def test_independent_pixels_of_coins_and_of_gray_values() -> None:
    train = np.array([[0.0, 1.0], [1.0, 1.0]])
    # chances (1 + 1) / 4 and (2 + 1) / 4
    expected = -math.log(0.5) - math.log(0.75)
    assert independent_pixels(train, np.array([[1.0, 1.0]])) == pytest.approx(expected)
    normal = np.random.RandomState(0).randn(200_000, 1)
    entropy = 0.5 * math.log(2 * math.pi * math.e)
    assert independent_pixels(normal, normal, "gaussian") == pytest.approx(entropy, abs=0.01)


def test_an_exact_model_gets_its_exact_number(binary: Any) -> None:
    bound, elbo = log_likelihood(samples=5)(binary)
    ones = binary.test.image.sum(axis=(1, 2, 3)).mean()
    exact = -(ones * math.log(0.25) + (16 - ones) * math.log(0.75))
    assert bound.value == pytest.approx(exact, rel=1e-5)
    assert elbo.value == pytest.approx(exact, rel=1e-5)
    assert bound.metric == "-log p(x) in nats, 5-sample bound"
    assert elbo.metric == "negative ELBO in nats"
    assert bound.baselines["untrained"] == pytest.approx(16 * math.log(2), rel=1e-5)
    pixels = independent_pixels(binary.train.image, binary.test.image)
    assert bound.baselines["independent pixels"] == pixels
    assert bound.settings["binarization"] == "threshold"
    assert f"{exact / 16 / math.log(2):.4f} bits per pixel" in bound.note


def test_some_images_of_a_split_in_the_order_of_its_classes_stand_for_all(binary: Any) -> None:
    order = np.argsort(binary.test.label, kind="stable")
    for name in ("image", "stored", "label"):
        setattr(binary.test, name, getattr(binary.test, name)[order])
    bound = log_likelihood(samples=2, limit=20)(binary)[0]
    ones = binary.test.image[::5].sum(axis=(1, 2, 3)).mean()
    exact = -(ones * math.log(0.25) + (16 - ones) * math.log(0.75))
    assert bound.value == pytest.approx(exact, rel=1e-5)
    assert bound.settings["test"] == bound.settings["test_of_untrained"] == 20
    assert bound.settings["binarization"] == "threshold"


def test_a_bound_of_a_vae_is_tighter_with_more_samples_and_repeats(binary: Any) -> None:
    keras.utils.set_random_seed(0)
    binary.model, binary.untrained = (
        kssl.models.VAE(latent_dim=2, encoder=kssl.layers.MLP([16]), decoder=kssl.layers.MLP([16]))
        for _ in range(2)
    )
    for model in (binary.model, binary.untrained):
        model.build((None, 4, 4, 1))
    binary.model.compile(keras.optimizers.Adam(1e-2))
    binary.model.fit(binary.train.train(), epochs=30, verbose=0)
    bound, elbo = log_likelihood(samples=50)(binary)
    assert bound.value < elbo.value < elbo.baselines["untrained"]
    assert log_likelihood(samples=50)(binary)[0].value == bound.value
    assert len(log_likelihood(samples=1)(binary)) == 1


def test_the_binarization_is_found_out(pipeline: Any) -> None:
    grey = np.random.RandomState(0).uniform(size=(50, 4, 4, 1)).astype(np.float32)
    drawn = (np.random.RandomState(1).uniform(size=grey.shape) < grey).astype(np.float32)
    sharp = (grey > 0.3).astype(np.float32)

    def words(image: np.ndarray, stored: np.ndarray) -> str:
        return binarization(pipeline(image, stored=stored), image)

    assert words(drawn, (grey * 255).astype(np.uint8)) == "dynamic, one fixed draw per test image"
    assert words(sharp, grey) == "threshold"
    assert words(drawn, drawn.astype(np.uint8)) == "as stored (0/1 values)"
    assert words(grey, grey) == "none: grey values"


def test_gray_values_under_a_bernoulli_are_no_likelihood(binary: Any) -> None:
    binary.test.image = binary.test.stored
    assert "is no likelihood" in log_likelihood(samples=1)(binary)[0].note


def test_a_model_without_a_density_is_skipped(task: Any) -> None:
    with pytest.raises(Skipped, match="log_likelihood: .* gives a log-likelihood"):
        log_likelihood()(task)


def test_the_number_of_samples_is_checked() -> None:
    with pytest.raises(UserError, match="samples must be above 0, got 0"):
        log_likelihood(samples=0)
