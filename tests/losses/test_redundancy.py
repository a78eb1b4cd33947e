"""Barlow Twins, VICReg and negative cosine against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from kssl import losses
from kssl.testing.common import value_and_gradient

FIRST, SECOND = np.random.default_rng(0).normal(size=(2, 64, 6)).astype("float32")


def test_barlow_twins_of_whitened_views_is_zero_and_of_opposite_ones_four_per_feature():
    columns = np.linalg.qr(FIRST - FIRST.mean(0))[0] * 8  # variance 1, uncorrelated
    assert float(losses.barlow_twins(columns, columns)) == pytest.approx(0.0, abs=1e-5)
    assert float(losses.barlow_twins(columns, -columns)) == pytest.approx(4 * 6, rel=1e-4)


def test_barlow_twins_of_one_feature_repeated():
    rows = np.repeat(FIRST[:, :1], 3, axis=1)  # every correlation is 1: 3 · 2 off the diagonal
    got = float(losses.BarlowTwins(redundancy_weight=0.5)(rows, rows))
    assert got == pytest.approx(0.5 * 6, rel=1e-4)


def test_barlow_twins_does_not_see_scale_and_shift():
    whole = float(losses.barlow_twins(FIRST, SECOND))
    assert float(losses.barlow_twins(5 * FIRST + 1, SECOND - 2)) == pytest.approx(whole, rel=1e-3)


def test_vicreg_parts_against_numpy():
    invariance, variance, covariance = (float(p) for p in losses.vicreg_parts(FIRST, SECOND))
    assert invariance == pytest.approx(((FIRST - SECOND) ** 2).mean(), rel=1e-5)
    hinges = [np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)).mean() for z in (FIRST, SECOND)]
    assert variance == pytest.approx(np.mean(hinges), rel=1e-4)
    matrices = [np.cov(z.T) for z in (FIRST, SECOND)]
    outside = [(matrix**2).sum() - (np.diag(matrix) ** 2).sum() for matrix in matrices]
    assert covariance == pytest.approx(sum(outside) / 6, rel=1e-4)
    whole = losses.VICReg(2.0, 3.0, 4.0)(FIRST, SECOND)
    assert float(whole) == pytest.approx(2 * invariance + 3 * variance + 4 * covariance, rel=1e-5)


def test_negative_cosine_leaves_its_target_alone():
    np.testing.assert_allclose(losses.negative_cosine(FIRST, 3 * FIRST), -1.0, rtol=1e-5)
    _, gradient = value_and_gradient(
        lambda target: ops.sum(losses.negative_cosine(target, SECOND)) + ops.sum(target), FIRST
    )
    np.testing.assert_array_equal(gradient, 1.0)


def test_byol_has_four_times_the_gradient_of_simsiam():
    def byol(prediction):
        return ops.mean(2 + 2 * losses.negative_cosine(FIRST, prediction))

    def simsiam(prediction):
        return 0.5 * losses.NegativeCosine()(FIRST, prediction)

    gradients = [value_and_gradient(loss, SECOND)[1] for loss in (byol, simsiam)]
    np.testing.assert_allclose(gradients[0], 4 * gradients[1], rtol=1e-4, atol=1e-8)
