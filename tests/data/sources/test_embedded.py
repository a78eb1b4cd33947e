"""The data sets that need no download."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

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


def test_synthetic_is_repeatable_and_its_splits_and_seeds_differ() -> None:
    first, second = (read(kssl.data.synthetic("train", examples=20)) for _ in range(2))
    np.testing.assert_array_equal(first["image"], second["image"])
    for other in (
        kssl.data.synthetic("test", examples=20),
        kssl.data.synthetic(seed=1, examples=20),
    ):
        assert not np.array_equal(first["image"], read(other)["image"])


def test_synthetic_can_be_learnt_by_a_linear_probe_but_not_at_sight() -> None:
    train, test = (read(kssl.data.synthetic(split, (12, 12, 1))) for split in ("train", "test"))
    probe = LogisticRegression(max_iter=300)
    probe.fit(train["image"].reshape(512, -1) / 255.0, train["label"])
    accuracy = probe.score(test["image"].reshape(512, -1) / 255.0, test["label"])
    assert accuracy > 0.5  # chance is 0.1


def test_synthetic_takes_other_shapes() -> None:
    dataset = kssl.data.synthetic("test", [7, 5, 3], examples=9, classes=4)
    assert dataset.cardinality().numpy() == 9
    loaded = read(dataset)
    assert loaded["image"].shape == (9, 7, 5, 3) and loaded["image"].dtype == np.uint8
    assert set(loaded["label"]) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kssl.data.digits("tset"), "did you mean 'test'"),
        (lambda: kssl.data.digits(size=0), "size 0"),
        (lambda: kssl.data.synthetic("all"), "no split 'all'"),
        (lambda: kssl.data.synthetic(shape=(28, 28)), r"\[28, 28\] is not \[height"),
        (lambda: kssl.data.synthetic(examples=0), "examples 0"),
    ],
)
def test_wrong_settings_are_named(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
