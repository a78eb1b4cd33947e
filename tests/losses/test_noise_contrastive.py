"""NCE, InfoNCE, NT-Xent, CLIP and SigLIP: closed forms and how they are related."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl import losses
from kssl.testing.common import value_and_gradient

FIRST, SECOND = np.random.default_rng(0).normal(size=(2, 8, 5)).astype("float32")
QUEUE = np.random.default_rng(1).normal(size=(12, 5)).astype("float32")


def numbers(values):
    return ops.convert_to_numpy(values)


def test_nt_xent_of_orthogonal_pairs():
    rows = np.eye(4, dtype="float32")
    wanted = -10 + math.log(math.exp(10) + 6)  # its other view at 1, six others at 0
    np.testing.assert_allclose(numbers(losses.nt_xent(rows, rows, 0.1)), wanted, atol=1e-5)


def test_nt_xent_is_info_nce_with_both_views_in_both_directions():
    settings = {"temperature": 0.3, "same_view": True}
    both = losses.InfoNCE(symmetric=True, **settings)
    whole = float(losses.NTXent(0.3)(FIRST, SECOND))
    assert whole == pytest.approx(float(both(FIRST, SECOND)), rel=1e-5)
    one = numbers(losses.info_nce(FIRST, SECOND, **settings))
    np.testing.assert_allclose(numbers(losses.nt_xent(FIRST, SECOND, 0.3))[:8], one, rtol=1e-5)


def test_a_queue_is_the_same_negatives_for_all():
    own = np.broadcast_to(QUEUE, (8, 12, 5))
    shared = numbers(losses.info_nce(FIRST, SECOND, QUEUE))
    np.testing.assert_allclose(shared, numbers(losses.info_nce(FIRST, SECOND, own)), rtol=1e-5)


def test_explicit_negatives_exclude_the_in_batch_settings():
    with pytest.raises(ValueError, match="leave out negatives"):
        losses.info_nce(FIRST, SECOND, QUEUE, symmetric=True)


@pytest.mark.parametrize("name", ["NTXent", "InfoNCE", "SupervisedContrastive"])
def test_a_temperature_of_zero_is_refused(name):
    with pytest.raises(ValueError, match="temperature must be above 0; got 0"):
        getattr(losses, name)(temperature=0.0)


def test_clip_is_symmetric_info_nce_and_holds_its_scale():
    info = losses.info_nce(FIRST, SECOND, temperature=0.07, symmetric=True)
    np.testing.assert_allclose(numbers(losses.clip(FIRST, SECOND)), numbers(info), rtol=1e-4)
    largest = numbers(losses.clip(FIRST, SECOND, math.log(100.0)))
    np.testing.assert_allclose(numbers(losses.clip(FIRST, SECOND, 9.0)), largest, rtol=1e-4)


@pytest.mark.parametrize("function", [losses.clip, losses.siglip])
def test_the_scale_can_be_learnt(function):
    def loss(scale):
        return ops.mean(function(FIRST, SECOND, logit_scale=scale))

    at = np.float32(1.0)
    _, gradient = value_and_gradient(loss, at)
    slope = (float(loss(at + 0.01)) - float(loss(at - 0.01))) / 0.02
    assert float(gradient) == pytest.approx(slope, rel=1e-2)


def test_siglip_of_one_pair_is_a_logistic_loss():
    row = np.array([[2.0, 0.0]], "float32")
    got = numbers(losses.siglip(row, row, logit_scale=0.0, logit_bias=0.5))
    assert got[0] == pytest.approx(math.log(1 + math.exp(-1.5)), rel=1e-5)


def test_nce_at_the_true_density_tells_nothing():
    """With p = q the logit is -log K: chance, for one data and K noise samples."""
    log_p = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    got = numbers(losses.nce(log_p[:, 0], log_p[:, 1:], log_p[:, 0], log_p[:, 1:]))
    np.testing.assert_allclose(got, math.log(4) + 3 * math.log(4 / 3), rtol=1e-5)


def test_nce_recovers_the_constant_of_an_unnormalised_density():
    """The learnt constant of a Gaussian is -log sqrt(2 pi), found at the loss's minimum."""
    generator = np.random.default_rng(0)
    data = generator.normal(size=4000)
    noise = 2.0 * generator.normal(size=(4000, 5))

    def log_noise(points):
        return -0.125 * points**2 - math.log(2.0) - 0.5 * math.log(2 * math.pi)

    constants = np.linspace(-1.6, -0.2, 57)
    found = [
        float(
            ops.mean(
                losses.nce(c - 0.5 * data**2, c - 0.5 * noise**2, log_noise(data), log_noise(noise))
            )
        )
        for c in constants
    ]
    assert constants[np.argmin(found)] == pytest.approx(-0.9189, abs=0.06)


def test_soft_neighbours_and_supcon_by_hand():
    rows = np.array([[0.0], [1.0], [2.0]], "float32")
    got = numbers(losses.soft_nearest_neighbor([0, 0, 1], rows, temperature=2.0))
    near, far = math.exp(-1 / 2), math.exp(-4 / 2)
    wanted = [-math.log(near / (near + far)), -math.log(near / (near + near)), 0.0]
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    rows = np.array([[1.0, 0.0], [0.0, 5.0], [2.0, 0.0]], "float32")
    got = numbers(losses.supervised_contrastive([0, 0, 1], rows, temperature=1.0))
    wanted = [math.log(1 + math.e) - 0, math.log(2) - 0, 0.0]
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
