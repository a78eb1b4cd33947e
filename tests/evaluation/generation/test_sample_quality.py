"""Distances whose value is known, and models that draw what they are told to."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from kssl.errors import UserError
from kssl.evaluation import (
    Skipped,
    frechet_distance,
    precision_recall,
    sample_quality,
    train_classifier,
)

RANDOM = np.random.default_rng(0)


class Drawer(keras.Model):
    """Draws given images in turn, of the class that is asked for if it knows classes."""

    def __init__(self, images: np.ndarray, labels: np.ndarray | None = None) -> None:
        super().__init__()
        self.images, self.known = images, labels
        self.classes = None if labels is None else int(labels.max()) + 1
        self.example_shape = images.shape[1:]
        self.asked: list[float] = []
        self.built = True

    def generate(
        self, count: int, seed: int = 0, labels: Any = None, guidance: float = 1.0
    ) -> np.ndarray:
        self.asked.append(guidance)
        if labels is None:
            return self.images[(np.arange(count) + seed) % len(self.images)]
        first = [int(np.flatnonzero(self.known == label)[0]) for label in labels]
        return self.images[first]


def bright_rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, count)
    images = 0.2 * random.random((count, 8, 8, 1), np.float32)
    images[np.arange(count), 2 * labels] += 0.7
    return images, labels


@pytest.fixture
def rows(task: Any, pipeline: Any) -> Any:
    task.train, task.test = pipeline(*bright_rows(1500, 0)), pipeline(*bright_rows(400, 1))
    images, labels = bright_rows(500, 2)
    task.model = Drawer(images, labels)
    return task


def test_the_frechet_distance_of_gaussians_is_its_closed_form() -> None:
    scales, shift = np.array([1.0, 2.0, 0.5]), np.array([1.0, -2.0, 0.0])
    first = RANDOM.standard_normal((200_000, 3))
    second = RANDOM.standard_normal((200_000, 3)) * scales + shift
    wanted = (shift**2).sum() + ((1 - scales) ** 2).sum()
    assert frechet_distance(first, second) == pytest.approx(wanted, rel=0.02)
    turn = np.linalg.qr(RANDOM.standard_normal((3, 3)))[0]
    turned = frechet_distance(first @ turn, second @ turn)
    assert turned == pytest.approx(frechet_distance(first, second), rel=1e-9)
    assert turned == pytest.approx(frechet_distance(second @ turn, first @ turn), rel=1e-9)


def test_the_frechet_distance_agrees_with_the_matrix_root() -> None:
    from scipy.linalg import sqrtm

    first = RANDOM.standard_normal((50, 4)) @ RANDOM.standard_normal((4, 4))
    second = RANDOM.standard_normal((60, 4)) @ RANDOM.standard_normal((4, 4)) + 1.0
    covariances = [np.cov(each, rowvar=False) for each in (first, second)]
    shift = first.mean(axis=0) - second.mean(axis=0)
    root = sqrtm(covariances[0] @ covariances[1]).real
    wanted = shift @ shift + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(wanted, rel=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)


def test_precision_and_recall_of_sets_that_are_known() -> None:
    target = np.arange(10.0)[:, None]
    assert precision_recall(target, target, k=1) == (1.0, 1.0)
    assert precision_recall(target + 100, target, k=1) == (0.0, 0.0)
    # All in one place: they look real, and most of the data is missed.
    assert precision_recall(np.full((10, 1), 4.0), target, k=1) == (1.0, 0.1)
    # Half of them far away: half the precision, the whole recall.
    assert precision_recall(np.concatenate([target, target + 100]), target, k=1) == (0.5, 1.0)


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_rows_are_named(count: int) -> None:
    with pytest.raises(ValueError, match="more than k=3"):
        precision_recall(np.zeros((count, 2)), np.zeros((9, 2)))


def test_true_images_reach_the_floor_and_every_number_has_its_baselines(rows: Any) -> None:
    results = sample_quality(count=400, guided=40, guidance=2.5)(rows)
    assert [result.metric for result in results] == [
        "Fréchet distance",
        "precision",
        "recall",
        "recognised as their class",
    ]
    distance, precision, recall, right = results
    assert list(distance.baselines) == ["training images", "Gaussian", "independent pixels"]
    assert distance.value < 3 * distance.baselines["training images"]
    assert distance.value < 0.2 * distance.baselines["independent pixels"]
    assert precision.value > 0.8 and recall.value > 0.8
    assert distance.settings["classifier_accuracy"] > 0.95
    assert "conv 32, conv 64" in distance.settings["classifier"]
    assert right.value == 1.0 and right.baselines["chance"] == 0.25
    assert rows.model.asked[-1] == 2.5 and right.settings["samples"] == 40


def test_noise_is_far_and_one_image_has_no_recall(rows: Any) -> None:
    noise = RANDOM.random((100, 8, 8, 1), np.float32)
    rows.model = Drawer(noise)
    far, *_ = sample_quality(count=200)(rows)
    assert far.value > 10 * far.baselines["training images"]
    rows.model = Drawer(rows.test.image[:1])
    results = sample_quality(count=200)(rows)
    assert len(results) == 3  # no classes, no guidance
    assert results[2].value < 0.1


def test_the_classifier_is_the_same_each_time_and_whatever_the_recipe_does(rows: Any) -> None:
    first, second = (train_classifier(rows.train.image, rows.train.label) for _ in range(2))
    np.testing.assert_array_equal(
        first.features(rows.test.image[:5]), second.features(rows.test.image[:5])
    )
    rows.train.stored, rows.train.image = rows.train.image, 1.0 - rows.train.image
    rows.test.stored, rows.test.image = rows.test.image, 1.0 - rows.test.image
    inverted, *_ = sample_quality(count=200)(rows)
    assert inverted.value < 3 * inverted.baselines["training images"]  # it looks at what is stored


def test_bytes_are_scaled(rows: Any) -> None:
    plain, *_ = sample_quality(count=200)(rows)
    for split in (rows.train, rows.test):
        split.stored = np.round(255 * split.image).clip(0, 255).astype(np.uint8)
    found, *_ = sample_quality(count=200)(rows)
    assert found.value == pytest.approx(plain.value, rel=0.2)


def test_what_does_not_apply_is_skipped_with_its_reason(rows: Any, task: Any) -> None:
    task.model, model = keras.Sequential([keras.layers.Dense(2)]), task.model
    with pytest.raises(Skipped, match="sample_quality: .*generates .*Sequential is not one"):
        sample_quality()(task)
    task.model = model
    model.example_shape = (16, 16, 1)
    with pytest.raises(Skipped, match="generates images of"):
        sample_quality()(task)
    task.train.label = None
    with pytest.raises(Skipped, match="needs images with labels"):
        sample_quality()(task)
    with pytest.raises(UserError, match="count must be above 0"):
        sample_quality(count=0)
