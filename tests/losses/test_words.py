"""Losses of words and tokens against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl import losses

GENERATOR = np.random.default_rng(0)
CENTER = GENERATOR.normal(size=(6, 5)).astype("float32")
VOCABULARY = GENERATOR.normal(size=(20, 5)).astype("float32")
LOGITS = GENERATOR.normal(size=(2, 3, 4)).astype("float32")


def numbers(values):
    return ops.convert_to_numpy(values)


def test_negative_sampling_by_hand():
    center, context = np.array([[1.0, 0.0]]), np.array([[2.0, 5.0]])
    negatives = np.array([[[-1.0, 3.0], [0.5, 0.0]]])
    wanted = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1)) + math.log1p(math.exp(0.5))
    assert numbers(losses.negative_sampling(center, context, negatives))[0] == pytest.approx(wanted)


def test_context_mean_of_padding_only_is_zero():
    words = GENERATOR.normal(size=(2, 3, 4))
    got = numbers(losses.context_mean(words, [[1, 0, 1], [0, 0, 0]]))
    np.testing.assert_allclose(got[0], words[0, [0, 2]].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(got[1], 0.0)


def test_sampled_softmax_of_the_whole_vocabulary_is_the_full_softmax():
    true = np.arange(6)
    hits = true[:, None] == np.arange(20)
    got = numbers(losses.sampled_softmax(CENTER, VOCABULARY[true], VOCABULARY, hits=hits))
    logits = CENTER @ VOCABULARY.T
    wanted = np.log(np.exp(logits).sum(1)) - logits[np.arange(6), true]
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_sampled_softmax_takes_off_the_expected_counts():
    negatives = np.broadcast_to(VOCABULARY[:4], (6, 4, 5))
    own = numbers(losses.sampled_softmax(CENTER, CENTER, negatives, -1.0, np.log([1, 2, 3, 4])))
    logits = np.concatenate(
        [(CENTER**2).sum(1, keepdims=True) + 1.0, CENTER @ VOCABULARY[:4].T - np.log([1, 2, 3, 4])],
        axis=1,
    )
    np.testing.assert_allclose(own, np.log(np.exp(logits).sum(1)) - logits[:, 0], rtol=1e-4)


def test_masked_cross_entropy_averages_over_what_is_selected():
    ids = np.array([[1, -1, 3], [-1, 0, -1]])
    logs = np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True))
    each = -np.array([logs[0, 0, 1], logs[0, 2, 3], logs[1, 1, 0]])
    loss = losses.MaskedCrossEntropy()
    assert float(loss(ids, LOGITS)) == pytest.approx(each.mean(), rel=1e-5)
    weights = np.array([[2.0, 9.0, 0.0], [9.0, 1.0, 9.0]], "float32")
    weighted = float(loss(ids, LOGITS, sample_weight=weights))
    assert weighted == pytest.approx((2 * each[0] + each[2]) / 3, rel=1e-5)
    by_row = float(loss(ids, LOGITS, sample_weight=np.array([1.0, 0.0])))
    assert by_row == pytest.approx(each[:2].mean(), rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean_with_sample_weight", "sum_over_batch_size"])
def test_masked_cross_entropy_of_nothing_is_zero(reduction):
    loss = losses.MaskedCrossEntropy(reduction=reduction)
    assert float(loss(np.full((2, 3), -1), LOGITS)) == 0.0


def test_a_weight_of_zero_hides_an_infinite_loss():
    logits = LOGITS.copy()
    logits[0, 1] = np.inf
    got = numbers(
        losses.masked_cross_entropy([[1, 1, 1], [1, 1, 1]], logits, [[1, 0, 1], [1, 1, 1]])
    )
    assert np.isfinite(got).all() and got[0, 1] == 0.0
