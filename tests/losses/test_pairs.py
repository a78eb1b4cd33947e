"""Contrastive, lifted structured and N-pair losses against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl.losses import Contrastive, LiftedStructured, NPair, contrastive, lifted_structured, n_pair

ROWS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
LABELS = np.array([0, 1, 0, 1, 2, 0])


def numbers(values):
    return ops.convert_to_numpy(values)


def test_contrastive_pairs_by_hand():
    pairs = np.array([[[0.0, 0.0], [3.0, 4.0]]] * 3 + [[[1.0, 1.0], [1.0, 1.0]]], "float32")
    got = numbers(contrastive([1, 0, 0, 0], pairs, margin=7.0))
    np.testing.assert_allclose(got, [25.0, 4.0, 4.0, 49.0], rtol=1e-6)


def test_contrastive_batch_is_the_mean_of_its_explicit_pairs():
    first, second = np.triu_indices(6, 1)
    pairs = np.stack([ROWS[first], ROWS[second]], axis=1)
    same = LABELS[first] == LABELS[second]
    loss = Contrastive(margin=3.0, normalize=True)
    assert float(loss(LABELS, ROWS)) == pytest.approx(float(loss(same, pairs)), rel=1e-5)


def test_lifted_structured_by_hand():
    rows = np.array([[0.0], [1.0], [3.0]], "float32")  # one pair; negatives at 3 and at 2
    reach = math.log(math.exp(1 - 3) + math.exp(1 - 2)) + 1
    got = float(LiftedStructured()(np.array([0, 0, 1]), rows))
    assert got == pytest.approx(0.5 * reach**2, rel=1e-5)


def test_lifted_structured_of_far_negatives_is_zero():
    values = numbers(lifted_structured([0, 0, 1], np.array([[0.0], [0.0], [1e4]])))
    np.testing.assert_array_equal(values, 0.0)


def test_n_pair_by_hand():
    anchors = np.array([[1.0, 0.0], [0.0, 2.0]], "float32")
    positives = np.array([[2.0, 1.0], [3.0, 1.0]], "float32")  # logits [[2, 3], [2, 2]]
    wanted = [math.log(1 + math.exp(3 - 2)), math.log(1 + math.exp(2 - 2))]
    np.testing.assert_allclose(numbers(n_pair(anchors, positives)), wanted, rtol=1e-6)
    norms = 0.25 * 0.1 * np.array([1 + 5, 4 + 10])
    got = numbers(n_pair(anchors, positives, l2_reg=0.1))
    np.testing.assert_allclose(got, wanted + norms, rtol=1e-6)


def test_n_pair_of_labels_is_that_of_its_tuples():
    """Each positive of an anchor makes a tuple with all rows of other classes."""
    values = numbers(n_pair(LABELS, ROWS))
    for anchor, label in enumerate(LABELS):
        others = ROWS[LABELS != label]
        positives = [i for i in np.flatnonzero(LABELS == label) if i != anchor]
        tuples = [
            n_pair(ROWS[None, anchor], ROWS[None, positive], others[None]) for positive in positives
        ]
        wanted = np.mean([numbers(each)[0] for each in tuples]) if tuples else 0.0
        assert values[anchor] == pytest.approx(wanted, rel=1e-5)


def test_n_pair_class_tells_labels_from_anchors():
    column = LABELS[:, None].astype("float32")
    assert float(NPair()(column, ROWS)) == pytest.approx(float(NPair()(LABELS, ROWS)))
    assert float(NPair()(ROWS, ROWS)) != pytest.approx(float(NPair()(LABELS, ROWS)))
