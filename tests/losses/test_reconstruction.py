"""Reconstruction errors against numbers worked out by hand."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from keras import ops

from kssl.losses import Reconstruction, reconstruction
from kssl.losses.reconstruction import KINDS

TARGET = np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]], "float32")
PREDICTION = np.array([[0.5, 1.0, -1.5], [0.0, 3.0, 0.0]], "float32")


def value(*arguments, **settings):
    return ops.convert_to_numpy(reconstruction(*arguments, **settings))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("squared", [0.25 + 0 + 4, 1 + 4 + 0]),
        ("absolute", [0.5 + 0 + 2, 1 + 2 + 0]),
        ("huber", [0.125 + 0 + 1.5, 0.5 + 1.5 + 0]),
    ],
)
def test_sums_over_the_example(kind, expected):
    np.testing.assert_allclose(value(TARGET, PREDICTION, kind=kind), expected, rtol=1e-6)


def test_bernoulli_is_the_negative_log_likelihood():
    chance = 1 / (1 + np.exp(-PREDICTION))
    expected = -(TARGET * np.log(chance) + (1 - TARGET) * np.log(1 - chance)).sum(1)
    np.testing.assert_allclose(value(TARGET, PREDICTION, kind="bernoulli"), expected, rtol=1e-5)


def test_bernoulli_of_large_logits_is_finite_and_linear():
    logits = np.array([[1e4, -1e4]], "float32")
    assert value(np.array([[1.0, 0.0]]), logits, kind="bernoulli")[0] == 0.0
    assert value(np.array([[0.0, 1.0]]), logits, kind="bernoulli")[0] == pytest.approx(2e4)


def test_gaussian_is_the_density():
    variance = 0.25
    squares = ((TARGET - PREDICTION) ** 2).sum(1)
    expected = 0.5 * (squares / variance + 3 * math.log(2 * math.pi * variance))
    got = value(TARGET, PREDICTION, kind="gaussian", log_variance=math.log(variance))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_mask_leaves_values_out_even_when_they_are_infinite():
    prediction = PREDICTION.copy()
    prediction[0, 2] = np.inf
    mask = np.array([[1, 1, 0], [1, 1, 1]])
    np.testing.assert_allclose(value(TARGET, prediction, mask=mask), [0.25, 5.0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_summed_in_float32(kind, dtype):
    target = ops.cast(np.ones((1, 70_000)), dtype)
    prediction = ops.cast(np.zeros((1, 70_000)), dtype)
    got = reconstruction(target, prediction, kind=kind)
    assert keras.backend.standardize_dtype(got.dtype) == "float32"
    assert np.isfinite(ops.convert_to_numpy(got)).all()


def test_class_averages_over_the_batch_with_weights_and_keeps_its_settings():
    loss = Reconstruction.from_config(Reconstruction("absolute").get_config())
    assert float(loss(TARGET, PREDICTION)) == pytest.approx((2.5 + 3.0) / 2)
    assert float(loss(TARGET, PREDICTION, sample_weight=np.array([1.0, 0.0]))) == pytest.approx(
        1.25
    )


def test_only_bernoulli_predictions_are_logits():
    half = ops.convert_to_numpy(Reconstruction("bernoulli").to_data(np.zeros(3, "float32")))
    np.testing.assert_allclose(half, 0.5)
    np.testing.assert_allclose(Reconstruction("squared").to_data(PREDICTION), PREDICTION)


@pytest.mark.parametrize(
    "make", [Reconstruction, lambda kind: reconstruction(TARGET, TARGET, kind)]
)
def test_unknown_kind_names_the_known_ones(make):
    with pytest.raises(ValueError, match="squared, absolute, huber, bernoulli, gaussian; got 'l3'"):
        make("l3")


def test_reference_values(golden):
    for case in golden.values():
        inputs, expected = case["inputs"], case["expected"]
        arrays = {key: np.array(each, "float32") for key, each in inputs.items()}
        if case["function"] == "bernoulli_reconstruction":
            got = value(arrays["x"], arrays["logits"], kind="bernoulli")
            np.testing.assert_allclose(got, expected["per_example"], rtol=1e-4, atol=1e-5)
        if case["function"] == "gaussian_reconstruction":
            settings = {"kind": "gaussian", "log_variance": case["params"]["log_var"]}
            got = value(arrays["x"], arrays["x_hat"], **settings)
            np.testing.assert_allclose(got, expected["nll"], rtol=1e-4, atol=1e-5)
