"""Sinkhorn, swapped prediction and DINO."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl import losses
from kssl.testing.common import value_and_gradient

SCORES = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
VIEWS = np.random.default_rng(1).normal(size=(6, 3, 5)).astype("float32")


def softmax(values):
    shifted = np.exp(values - values.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def test_sinkhorn_rows_sum_to_one_and_columns_are_balanced():
    found = ops.convert_to_numpy(losses.sinkhorn(SCORES, epsilon=0.5, iterations=50))
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(found.sum(0), 12 / 4, rtol=1e-3)


def test_sinkhorn_of_huge_scores_is_finite():
    found = ops.convert_to_numpy(losses.sinkhorn(SCORES * 1e4))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)


def test_swapped_prediction_is_the_cross_entropy_with_the_other_code():
    first, second = SCORES[:6], SCORES[6:]
    codes = [ops.convert_to_numpy(losses.sinkhorn(each, 0.3)) for each in (first, second)]
    logs = [np.log(softmax(each / 0.2)) for each in (first, second)]
    wanted = -0.5 * ((codes[0] * logs[1]).sum(1) + (codes[1] * logs[0]).sum(1))
    got = losses.SwappedPrediction(0.2, 0.3).call(first, second)
    np.testing.assert_allclose(ops.convert_to_numpy(got), wanted, rtol=1e-4)


def test_codes_carry_no_gradient():
    """With equal scores the code is uniform, and so is the prediction: a minimum."""
    scores = np.zeros((4, 2, 3), "float32")
    _, gradient = value_and_gradient(lambda each: ops.sum(losses.swapped_prediction(each)), scores)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_dino_averages_over_pairs_of_different_views():
    teacher, student = VIEWS[:, :2], VIEWS
    chance = softmax((teacher - 0.3) / 0.5)
    logs = np.log(softmax(student / 0.7))
    pairs = [(i, j) for i in range(2) for j in range(3) if i != j]
    wanted = np.mean([-(chance[:, i] * logs[:, j]).sum(1) for i, j in pairs], axis=0)
    got = losses.dino(teacher, student, np.full(5, 0.3, "float32"), 0.5, 0.7)
    np.testing.assert_allclose(ops.convert_to_numpy(got), wanted, rtol=1e-4)


def test_dino_of_a_sure_teacher_and_an_unsure_student():
    teacher = np.array([[9.0, 0.0, 0.0, 0.0]], "float32")
    got = losses.DINO()(teacher, np.zeros((1, 4), "float32"))
    assert float(got) == pytest.approx(math.log(4), rel=1e-5)


def test_the_teacher_of_dino_gets_no_gradient():
    _, gradient = value_and_gradient(
        lambda each: ops.sum(losses.dino(each, VIEWS)) + ops.sum(each), VIEWS[:, :2]
    )
    np.testing.assert_array_equal(gradient, 1.0)


def test_the_centre_of_dino_moves_to_the_mean_logits():
    got = losses.dino_center(np.ones(5, "float32"), VIEWS, momentum=0.25)
    wanted = 0.25 + 0.75 * VIEWS.mean((0, 1))
    np.testing.assert_allclose(ops.convert_to_numpy(got), wanted, rtol=1e-5)
