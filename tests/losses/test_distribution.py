"""Divergences and bounds against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl.losses import (
    ELBO,
    GaussianKL,
    ImportanceWeightedBound,
    elbo,
    gaussian_kl,
    importance_weighted_bound,
)


def test_kl_of_the_prior_is_zero_and_of_a_shift_half_its_square():
    zeros = np.zeros((2, 3), "float32")
    np.testing.assert_allclose(gaussian_kl(zeros, zeros), [0, 0])
    np.testing.assert_allclose(gaussian_kl(zeros + 2, zeros), [6, 6])


def test_kl_agrees_with_a_monte_carlo_estimate():
    generator = np.random.default_rng(0)
    mean, log_variance = 0.7, -0.9
    draws = mean + math.exp(0.5 * log_variance) * generator.standard_normal(400_000)
    log_q = -0.5 * ((draws - mean) ** 2 / math.exp(log_variance) + log_variance)
    estimate = (log_q + 0.5 * draws**2).mean()
    got = float(gaussian_kl(np.array([[mean]]), np.array([[log_variance]]))[0])
    assert got == pytest.approx(estimate, abs=5e-3)


def test_free_bits_floor_each_dimension_by_its_batch_mean():
    mean = np.array([[2.0, 0.1], [0.0, 0.1]], "float32")  # batch means 1.0 and 0.005
    got = ops.convert_to_numpy(gaussian_kl(mean, np.zeros_like(mean), free_bits=0.5))
    np.testing.assert_allclose(got, [2.0 + 0.5, 0.0 + 0.5], rtol=1e-6)


def test_elbo_weights_the_divergence():
    np.testing.assert_allclose(elbo(np.array([1.0]), np.array([2.0]), beta=4.0), [9.0])
    assert float(ELBO(beta=0.5)(np.array([1.0, 3.0]), np.array([2.0, 2.0]))) == pytest.approx(3.0)


def test_one_sample_bound_is_the_log_weight_and_more_samples_tighten_it():
    weights = np.random.default_rng(0).normal(size=(50, 64)).astype("float32")
    one = ops.convert_to_numpy(importance_weighted_bound(weights[:, :1]))
    np.testing.assert_allclose(one, -weights[:, 0], rtol=1e-5)
    bounds = [float(ops.mean(importance_weighted_bound(weights[:, :k]))) for k in (1, 8, 64)]
    assert bounds[0] > bounds[1] > bounds[2]


def test_bound_of_huge_log_weights_is_finite():
    got = ops.convert_to_numpy(importance_weighted_bound(np.array([[-1e4, -1e4]], "float32")))
    assert got[0] == pytest.approx(1e4)


@pytest.mark.parametrize(
    "loss", [ELBO(beta=4.0, free_bits=0.1), GaussianKL(0.2), ImportanceWeightedBound(samples=7)]
)
def test_settings_survive_the_configuration(loss):
    assert type(loss).from_config(loss.get_config()).get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ELBO(beta=-1.0), "at least 0; got -1.0"),
        (lambda: ImportanceWeightedBound(samples=0), "at least 1; got 0"),
    ],
)
def test_refuses_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_reference_values(golden):
    near = {"rtol": 1e-4, "atol": 1e-5}
    for case in golden.values():
        arrays = {key: np.array(each, "float32") for key, each in case["inputs"].items()}
        expected = case["expected"]
        if case["function"] == "gaussian_kl_standard":
            got = gaussian_kl(arrays["mu"], arrays["log_var"])
            np.testing.assert_allclose(got, expected["per_example"], **near)
        if case["function"] == "iwae_bound":
            got = importance_weighted_bound(arrays["log_weights"])
            np.testing.assert_allclose(-np.asarray(got), expected["per_example"], **near)
