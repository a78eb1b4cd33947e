"""Quarter turns: exact, uniform, and no trace of the label."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from kssl import pretext
from kssl.errors import UserError

SEEDS = np.stack([np.zeros(4000), np.arange(4000)], 1).astype(np.int32)
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_turning_back_restores_the_image(dtype: type) -> None:
    images = RANDOM.integers(0, 256, (40, 7, 7, 3)).astype(dtype)
    made = pretext.rotate()({"image": images}, SEEDS[:40])
    assert made["image"].dtype == dtype and made["target"].dtype == tf.int32
    turned, turns = made["image"].numpy(), made["target"].numpy()
    back = np.stack([np.rot90(one, -turn) for one, turn in zip(turned, turns, strict=True)])
    np.testing.assert_array_equal(back, images)
    assert set(turns) == {0, 1, 2, 3}


def test_all_four_are_the_four_turns_in_order() -> None:
    images = RANDOM.random((3, 6, 6, 1), dtype=np.float32)
    made = pretext.rotate(all_four=True)({"image": images})
    assert made["image"].shape == (3, 4, 6, 6, 1)
    np.testing.assert_array_equal(made["target"], [[0, 1, 2, 3]] * 3)
    for turns in range(4):
        expected = np.rot90(images, turns, axes=(1, 2))
        np.testing.assert_array_equal(made["image"][:, turns], expected)
    flat = tf.data.Dataset.from_tensor_slices(dict(made)).unbatch()
    assert len(list(flat)) == 12


def test_each_turn_is_as_likely() -> None:
    turns = pretext.rotate()({"image": tf.zeros((4000, 2, 2, 1))}, SEEDS)["target"].numpy()
    counts = np.bincount(turns, minlength=4)
    assert np.sum((counts - 1000) ** 2 / 1000) < 22  # 3 degrees of freedom
    other = pretext.rotate()({"image": tf.zeros((4000, 2, 2, 1))}, SEEDS + [1, 0])["target"]
    assert abs(np.mean(turns == other.numpy()) - 0.25) < 0.04  # another epoch


def test_the_borders_do_not_tell_the_turn() -> None:
    """On pictures without an up, a linear model of the borders is no better than luck."""
    noise = RANDOM.normal(size=(4000, 18, 18, 1)).astype(np.float32)
    soft = noise[:, 1:-1, 1:-1] + noise[:, :-2, 1:-1] + noise[:, 2:, 1:-1]
    soft += noise[:, 1:-1, :-2] + noise[:, 1:-1, 2:]  # the same in all four directions
    made = pretext.rotate()({"image": soft}, SEEDS)
    images, turns = made["image"].numpy()[..., 0], made["target"].numpy()
    edges = np.stack([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    inner = np.stack([images[:, 1], images[:, -2], images[:, :, 1], images[:, :, -2]], axis=1)
    features = [edges.mean(2), edges.std(2), np.abs(edges - inner).mean(2)]
    assert abs(accuracy(np.concatenate(features, axis=1), turns) - 0.25) < 0.05


def accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    half = len(labels) // 2
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    model = LogisticRegression(max_iter=200).fit(scaled[:half], labels[:half])
    return float(model.score(scaled[half:], labels[half:]))


def test_an_image_that_is_not_square_is_refused_with_advice() -> None:
    with pytest.raises(UserError, match="square images, but 'image' is 8 x 12: crop or resize"):
        pretext.rotate()({"image": tf.zeros((8, 12, 3))})
    with pytest.raises(UserError, match="key and label are both 'image'"):
        pretext.rotate(label="image")
    with pytest.raises(UserError, match="reads 'image'"):
        pretext.rotate()({"picture": tf.zeros((8, 8, 3))})
