"""Arrays as batches."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data.array_batches import in_order, shuffled


def test_every_example_is_as_often_as_any_other_and_keeps_its_label():
    images, labels = np.arange(10)[:, None] * np.ones(3), np.arange(10)
    batches = list(shuffled(({"image": images}, labels), 4, 5, seed=0).as_numpy_iterator())
    assert [len(label) for _, label in batches] == [4] * 5
    seen = np.concatenate([label for _, label in batches])
    assert np.bincount(seen).tolist() == [2] * 10
    assert sorted(seen[:10]) == list(range(10)), "the second pass began before the first ended"
    assert seen[:10].tolist() != seen[10:].tolist()
    for example, label in batches:
        np.testing.assert_array_equal(example["image"], label[:, None] * np.ones(3))


def test_the_order_is_that_of_the_seed():
    one, same, other = (
        np.concatenate(list(shuffled(np.arange(50), 10, 5, seed).as_numpy_iterator()))
        for seed in (1, 1, 2)
    )
    assert one.tolist() == same.tolist() != other.tolist()


def test_fewer_examples_than_a_batch_are_repeated_within_it():
    (batch,) = shuffled(np.arange(3), 8, 1, seed=0).as_numpy_iterator()
    assert sorted(np.bincount(batch)) == [2, 3, 3]


def test_in_order_gives_each_once():
    batches = list(in_order(np.arange(10), 4).as_numpy_iterator())
    assert [batch.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(
    "batches", [shuffled(np.arange(3), 2, 1, 0), in_order(np.arange(3), 2)], ids=["shuffled", "in"]
)
def test_tuning_is_off(batches):
    """Its thread would keep the end of `fit` waiting."""
    assert batches.options().autotune.enabled is False
