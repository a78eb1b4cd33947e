"""The whole, its quarters and another image."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from kssl import pretext
from kssl.errors import UserError

SEEDS = np.stack([np.zeros(2000), np.arange(2000)], 1).astype(np.int32)
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 12, 16, 3)).astype(np.uint8)


def test_quarters_together_are_the_image_and_the_whole_is_half_as_large() -> None:
    made = pretext.count(gray=0.0)({"image": IMAGES}, SEEDS[:300])
    tiles = made["tiles"].numpy()
    rows = [np.concatenate([tiles[:, first], tiles[:, first + 1]], axis=2) for first in (0, 2)]
    np.testing.assert_allclose(np.concatenate(rows, axis=1), IMAGES / np.float32(255), atol=1e-7)
    assert made["image"].shape == (300, 6, 8, 3) and "contrast" not in made


def test_every_filter_keeps_brightness_and_slopes_and_each_is_as_frequent() -> None:
    slope = np.linspace(0, 1, 32, dtype=np.float32)
    batch = {"image": np.broadcast_to(slope[:, None, None], (2000, 32, 32, 1))}
    small = pretext.count()(batch, SEEDS)["image"].numpy()
    expected = slope.reshape(16, 2).mean(axis=1)
    np.testing.assert_allclose(
        small[:, 2:-2, 2:-2, 0],
        np.broadcast_to(expected[2:-2, None], (2000, 12, 12)),
        atol=5e-4,  # pixels are rounded to 1 / 2040
    )
    np.testing.assert_allclose(
        pretext.count()({"image": tf.ones((8, 8, 1))})["image"], 1, atol=1e-6
    )
    dot = np.zeros((2000, 32, 32, 1), np.float32)
    dot[:, 16, 16] = 1
    peak = pretext.count()({"image": dot}, SEEDS)["image"].numpy().max(axis=(1, 2, 3)).round(4)
    weights = {0.5**2, 0.375**2, round((0.8671875 / 2) ** 2, 4)}  # box, triangle, cubic
    values, counts = np.unique(peak, return_counts=True)
    np.testing.assert_allclose(values, sorted(weights), atol=2e-3)
    assert np.sum((counts - 2000 / 3) ** 2 / (2000 / 3)) < 20  # 2 degrees of freedom


def test_the_contrast_is_another_image_of_the_data_and_each_is_as_likely() -> None:
    data = IMAGES[:10]
    same = {"image": np.broadcast_to(data[3], (2000, 12, 16, 3))}
    found = pretext.count(data, gray=0.0)(same, SEEDS)["contrast"].numpy()
    mean = data.mean(axis=(1, 2)) / 255
    which = np.abs(found.mean(axis=(1, 2))[:, None] - mean).sum(axis=-1).argmin(axis=1)
    counts = np.bincount(which, minlength=10)
    assert counts[3] == 0
    assert abs(counts[4] - 400) < 100  # takes the turn of 3
    others = np.delete(counts, [3, 4])
    assert np.sum((others - 200) ** 2 / 200) < 35
    scaled = {"image": same["image"] / np.float32(255)}
    made = pretext.count(data, gray=0.0)(scaled, SEEDS)
    np.testing.assert_array_equal(made["contrast"], found)


def test_other_images_come_from_a_dataset_and_only_so_many() -> None:
    data = tf.data.Dataset.from_tensor_slices({"image": IMAGES, "label": np.arange(300)})
    one, other = (pretext.count(data, pool)({"image": IMAGES}, SEEDS[:300]) for pool in (2, 300))
    assert len(np.unique(one["contrast"].numpy().mean(axis=(1, 2, 3)).round(2))) < 5
    assert len(np.unique(other["contrast"].numpy().mean(axis=(1, 2, 3)))) > 100
    np.testing.assert_array_equal(one["image"], other["image"])


def test_how_it_was_made_small_does_not_tell_a_whole_from_a_contrast() -> None:
    made = pretext.count(IMAGES)({"image": IMAGES}, SEEDS[:300])
    both = np.concatenate([made["image"], made["contrast"]])
    rough = np.stack([both.std((1, 2, 3)), np.abs(np.diff(both, axis=1)).mean((1, 2, 3))], 1)
    labels = np.repeat([0, 1], 300)
    train = np.arange(600) % 2 == 0
    model = LogisticRegression().fit(100 * rough[train], labels[train])
    assert abs(model.score(100 * rough[~train], labels[~train]) - 0.5) < 0.12


def test_most_images_lose_their_colour_in_all_parts_and_probes_see_it() -> None:
    images = np.broadcast_to(IMAGES[:1], (2000, 12, 16, 3))
    made = pretext.count(IMAGES)({"image": images}, SEEDS)
    is_gray = {
        key: np.ptp(made[key].numpy(), axis=-1).reshape(2000, -1).max(1) < 1e-5 for key in made
    }
    np.testing.assert_array_equal(is_gray["image"], is_gray["tiles"])
    for key in ("image", "contrast"):
        assert abs(is_gray[key].mean() - 2 / 3) < 0.05
    assert abs((is_gray["image"] & is_gray["contrast"]).mean() - 4 / 9) < 0.05  # apart
    kept = pretext.count(gray=0.0)({"image": IMAGES}, SEEDS[:300])["tiles"].numpy()
    np.testing.assert_allclose(kept[:, 0], IMAGES[:, :6, :8] / np.float32(255), atol=1e-6)
    task = pretext.count().task
    shown = task.instead({"image": IMAGES, "label": 3})
    box = IMAGES.reshape(300, 6, 2, 8, 2, 3).mean((2, 4)) / 255
    np.testing.assert_allclose(shown["image"], box, atol=1e-3)
    assert task.skipped and shown["label"] == 3


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(UserError, match="even sides, but 'image' is 7 x 8: crop or resize"):
        pretext.count()({"image": tf.zeros((7, 8, 3))})
    with pytest.raises(UserError, match=r"'image' is \(8, 8, 3\), but in `data` it is \(12, 16, 3"):
        pretext.count(IMAGES)({"image": tf.zeros((8, 8, 3))})
    with pytest.raises(UserError, match="at least two images"):
        pretext.count(IMAGES[:1])
    with pytest.raises(UserError, match="of `data` have no 'image'"):
        pretext.count(tf.data.Dataset.range(3))
    with pytest.raises(UserError, match="count: gray 1.5 must be a probability"):
        pretext.count(gray=1.5)
    with pytest.raises(UserError, match="writes 'tiles' itself"):
        pretext.count(key="tiles")
