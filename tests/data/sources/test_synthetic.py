"""Made-up images."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

import kssl
from kssl.errors import UserError


def read(dataset: tf.data.Dataset) -> dict[str, np.ndarray]:
    return {k: v.numpy() for k, v in next(iter(dataset.batch(5000))).items()}


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
        (lambda: kssl.data.synthetic("all"), "no split 'all'"),
        (lambda: kssl.data.synthetic(shape=(28, 28)), r"\[28, 28\] is not \[height"),
        (lambda: kssl.data.synthetic(examples=0), "examples 0"),
    ],
)
def test_wrong_settings_are_named(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
