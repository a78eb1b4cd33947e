"""The digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import kssl
from kssl.errors import UserError


def read(dataset: tf.data.Dataset) -> dict[str, np.ndarray]:
    return {k: v.numpy() for k, v in next(iter(dataset.batch(5000))).items()}


def test_digits_are_all_of_scikit_learns_in_three_disjoint_splits() -> None:
    original = load_digits()
    splits = {split: read(kssl.data.digits(split, size=8)) for split in kssl.data.SPLITS}
    assert [len(split["label"]) for split in splits.values()] == [1257, 270, 270]
    images = np.concatenate([split["image"] for split in splits.values()]).reshape(1797, 64)
    expected = np.rint(original.data * 255 / 16).astype(np.uint8)
    rows = [sorted(map(bytes, array)) for array in (images, expected)]
    assert rows[0] == rows[1]
    for split in splits.values():
        shares = np.bincount(split["label"]) / len(split["label"])
        np.testing.assert_allclose(shares, np.bincount(original.target) / 1797, atol=0.006)


def test_digits_have_mnists_shape_and_keep_their_picture() -> None:
    dataset = kssl.data.digits("test")
    assert dataset.cardinality().numpy() == 270
    assert dataset.element_spec["image"] == tf.TensorSpec((28, 28, 1), tf.uint8)
    assert dataset.element_spec["label"] == tf.TensorSpec((), tf.int64)
    large, small = (
        read(dataset)["image"] / 255.0,
        read(kssl.data.digits("test", 8))["image"] / 255.0,
    )
    assert large.max() == 1.0 and large.min() == 0.0
    again = tf.image.resize(large, (8, 8), "area").numpy()
    assert np.corrcoef(again.ravel(), small.ravel())[0, 1] > 0.98


def test_wrong_settings_are_named() -> None:
    with pytest.raises(UserError, match="did you mean 'test'"):
        kssl.data.digits("tset")
    with pytest.raises(UserError, match="size 0"):
        kssl.data.digits(size=0)
