"""Adversarial, energy, score and diffusion losses, and divergences of two distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl import losses
from kssl.testing.common import value_and_gradient

CLEAN, NOISE = np.random.default_rng(0).normal(size=(2, 5, 3, 2)).astype("float32")
SIGNAL = np.array([0.99, 0.7, 0.5, 0.2, 0.05], "float32")
SNR = SIGNAL / (1 - SIGNAL)
PLAYERS = ("discriminator", "generator")


def numbers(values):
    return ops.convert_to_numpy(values)


@pytest.mark.parametrize(
    ("kind", "discriminator", "generator"),
    [
        ("non_saturating", math.log1p(math.exp(-2)) + math.log1p(math.e), math.log1p(1 / math.e)),
        ("hinge", 0.0 + 2.0, -1.0),
        ("least_squares", 0.5 * (1 + 1), 0.0),
    ],
)
def test_adversarial_by_hand(kind, discriminator, generator):
    real, fake = np.array([2.0]), np.array([1.0])
    got = [numbers(losses.adversarial(real, fake, kind, p))[0] for p in PLAYERS]
    assert got == pytest.approx([discriminator, generator], rel=1e-5)


def test_adversarial_averages_over_patches_and_refuses_unknown_names():
    patches = np.random.default_rng(0).normal(size=(2, 3, 4, 4))
    got = numbers(losses.adversarial(patches[0], patches[1], "hinge"))
    each = numbers(losses.adversarial(patches[0].ravel(), patches[1].ravel(), "hinge"))
    np.testing.assert_allclose(got, each.reshape(3, 16).mean(1), rtol=1e-5)
    with pytest.raises(ValueError, match="kind must be one of non_saturating, hinge"):
        losses.Adversarial("wasserstein")
    with pytest.raises(ValueError, match="player must be one of discriminator, generator"):
        losses.Adversarial(player="referee")


def test_contrastive_divergence_has_the_gradient_of_the_likelihood_for_exact_samples():
    """One visible unit of energy -b v: the gradient is p(v=1) minus the mean of the data."""
    data = np.array([[1.0], [1.0], [0.0], [1.0]], "float32")
    sample = np.array([[1.0], [0.0], [0.0], [1.0]], "float32")

    def loss(bias):
        return ops.mean(
            losses.contrastive_divergence(data, sample, lambda v: -ops.sum(v * bias, axis=1))
        )

    _, gradient = value_and_gradient(loss, np.float32(0.0))
    assert float(gradient) == pytest.approx(0.5 - 0.75)


def test_free_energy_sums_out_the_hidden_units():
    generator = np.random.default_rng(0)
    weights, visible = generator.normal(size=(4, 3)), generator.integers(0, 2, size=(5, 4))
    b, c = generator.normal(size=4), generator.normal(size=3)
    hidden = np.array([[i >> bit & 1 for bit in range(3)] for i in range(8)])
    energies = -(visible @ b)[:, None] - hidden @ c - visible @ weights @ hidden.T
    wanted = -np.log(np.exp(-energies).sum(1))
    got = numbers(losses.rbm_free_energy(visible, weights, b, c))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_the_true_score_has_no_loss_and_a_zero_score_half_the_noise():
    sigma = np.array([0.1, 0.5, 1.0, 2.0, 9.0], "float32")
    score = -NOISE / sigma[:, None, None]
    np.testing.assert_allclose(losses.denoising_score(NOISE, score, sigma), 0.0, atol=1e-10)
    got = numbers(losses.denoising_score(NOISE, 0 * score, sigma))
    np.testing.assert_allclose(got, 0.5 * (NOISE**2).sum((1, 2)), rtol=1e-5)


def test_the_three_predictions_are_the_same_error_once_weighted():
    """A wrong guess of the clean data costs the same, whichever way the model says it."""
    guess = CLEAN + 0.1 * NOISE[::-1]
    root, rest = (np.sqrt(each)[:, None, None] for each in (SIGNAL, 1 - SIGNAL))
    noisy = root * CLEAN + rest * NOISE
    implied = (noisy - root * guess) / rest  # the noise that the guess implies
    for weighting in ("min_snr", "edm"):
        found = []
        for prediction in ("x0", "epsilon", "v"):
            loss = losses.Diffusion(prediction, weighting)
            target = loss.target(CLEAN, NOISE, SIGNAL)
            output = losses.diffusion_target(guess, implied, SIGNAL, prediction)
            found.append(float(loss(target, output, sample_weight=loss.weight(SNR))))
        assert found[1:] == pytest.approx(found[:1] * 2, rel=1e-3)


def test_weights_by_hand():
    snr = np.array([0.0, 1.0, 20.0])
    got = numbers(losses.diffusion_weight(snr, "epsilon", "min_snr"))
    np.testing.assert_allclose(got, [1.0, 1.0, 0.25])
    got = numbers(losses.diffusion_weight(snr, "x0", "edm", sigma_data=0.5))
    np.testing.assert_allclose(got, snr + 4)
    np.testing.assert_allclose(losses.diffusion_weight(snr), 1.0)
    with pytest.raises(ValueError, match="weighting must be one of none, min_snr, edm"):
        losses.Diffusion(weighting="snr")


def test_gaussian_divergences_agree_and_have_a_direction():
    mean, spread = CLEAN[:, :, 0], NOISE[:, :, 0]
    zeros = np.zeros_like(mean)
    standard = numbers(losses.gaussian_kl(mean, spread))
    got = numbers(losses.gaussian_kl_between(mean, spread, zeros, zeros))
    np.testing.assert_allclose(got, standard, rtol=1e-4)
    back = numbers(losses.gaussian_kl_between(zeros, zeros, mean, spread))
    assert not np.allclose(got, back)
    p, q = np.concatenate([zeros, zeros], 1), np.concatenate([mean, spread], 1)
    assert float(losses.GaussianKLBetween()(p, q)) == pytest.approx(standard.mean(), rel=1e-4)


def test_categorical_divergence_by_hand_and_summed_over_variables():
    q, p = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    wanted = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    logits, others = (np.log(np.broadcast_to(each, (4, 3, 2))) for each in (q, p))
    got = numbers(losses.categorical_kl(logits, others))
    np.testing.assert_allclose(got, 3 * wanted, rtol=1e-5)
    np.testing.assert_allclose(losses.categorical_kl(logits), 0.0, atol=1e-6)
    loss = losses.CategoricalKL()(others, logits)
    assert float(loss) == pytest.approx(3 * wanted, rel=1e-5)
