"""The error of a predicted map: closed-form guesses, holes, weights, and a picture of it."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kssl
from kssl.data import Pipeline
from kssl.evaluation import Skipped, Task
from kssl.evaluation.dense_error import dense_error, peak_signal_to_noise
from kssl.evaluation.filling import diffused
from kssl.layers import ConvNet
from kssl.models import DensePrediction

RANDOM = np.random.RandomState(0)


class Constant(keras.Model):
    """Says the same at each place."""

    def __init__(self, classes: int | None, value: np.ndarray) -> None:
        super().__init__()
        self.target_classes, self.value = classes, value
        self.built = True

    def predict_map(self, x):
        batch, height, width, _ = x["image"].shape
        return np.broadcast_to(self.value, (batch, height, width, len(self.value))).copy()


def split(pretext: kssl.pretext.Task, **arrays: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(task=pretext, arrays=lambda limit=None, first=True: arrays)


def two_levels(count: int) -> dict[str, np.ndarray]:
    """Dark places are of class 0, bright ones of class 1 or 2, half and half."""
    image = np.repeat((np.arange(16) % 2).reshape(1, 4, 4, 1), count, axis=0) * 0.9
    other = np.arange(count * 16).reshape(count, 4, 4) // 2 % 2
    target = np.where(image[..., 0] > 0.5, 1 + other, 0)
    return {"image": image.astype("float32"), "target": target}


def test_the_cross_entropy_stands_beside_frequencies_and_those_of_the_brightness() -> None:
    task = kssl.pretext.Task(
        "image", classes=3, decode=lambda t: np.eye(3)[t] if t.ndim == 3 else t
    )
    model = Constant(3, np.array([0.5, 0.25, 0.25], "float32"))
    given = Task(model, model, split(task, **two_levels(500)), split(task, **two_levels(20)))
    entropy, ratio = dense_error()(given)
    assert entropy.value == pytest.approx(1.5 * np.log(2), rel=1e-5)
    assert entropy.baselines["frequencies"] == pytest.approx(1.5 * np.log(2), rel=1e-3)
    assert entropy.baselines["frequencies by brightness"] == pytest.approx(
        0.5 * np.log(2), abs=2e-3
    )
    assert "no better than frequencies by brightness" in entropy.note
    assert ratio.metric == "PSNR (dB)" and ratio.better == "higher"
    # Of bright places one of the two is wrong by a half: 0, .5, .5 beside 0, 1, 0.
    expected = -10 * np.log10(0.5 * (0.25 + 0.25) / 3)
    assert ratio.baselines["mean by brightness"] == pytest.approx(expected, abs=0.05)


def test_weights_of_places_count_for_the_network_and_for_the_guesses() -> None:
    task = kssl.pretext.Task(
        "image", classes=3, decode=lambda t: np.eye(3)[t] if t.ndim == 3 else t
    )
    model = Constant(3, np.array([0.5, 0.25, 0.25], "float32"))
    train, test = (
        {**each, "weight": np.where(each["target"] == 0, 0.0, 1.0)}
        for each in (two_levels(500), two_levels(20))
    )
    entropy, _ = dense_error()(Task(model, model, split(task, **train), split(task, **test)))
    assert entropy.value == pytest.approx(2 * np.log(2), rel=1e-5)
    assert entropy.baselines["frequencies"] == pytest.approx(np.log(2), rel=1e-3)


def test_a_hole_is_compared_with_what_diffuses_in_and_alone() -> None:
    line = np.linspace(0, 1, 8, dtype="float32")
    images = np.repeat(np.add.outer(line, line)[None, ..., None] / 2, 6, axis=0)
    transform = kssl.pretext.inpaint("center", fraction=0.25)
    made = {key: np.asarray(value) for key, value in transform({"image": images}).items()}
    model = Constant(None, np.array([0.5], "float32"))
    given = Task(model, model, split(transform.task, **made), split(transform.task, **made))
    (ratio,) = dense_error()(given)
    assert ratio.metric == "PSNR of the hole (dB)"
    hole = images[0][made["mask"][0]]
    expected = -10 * np.log10(np.mean((hole - 0.5) ** 2))
    assert ratio.value == pytest.approx(expected, rel=1e-5)
    assert ratio.baselines["border diffusion"] > 60  # a plane is its own diffusion
    assert ratio.baselines["mean image"] == 100.0


def test_diffusion_solves_the_equation_of_each_pixel_and_of_each_mask() -> None:
    images = RANDOM.rand(3, 6, 7, 2)
    masks = RANDOM.rand(3, 6, 7) < 0.4
    masks[1] = False
    filled = diffused(images, masks)
    np.testing.assert_array_equal(filled[1], images[1])
    np.testing.assert_array_equal(filled[~masks], images[~masks])
    for number, row, column in zip(*np.nonzero(masks), strict=True):
        near = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        known = [filled[number][place] for place in near if 0 <= place[0] < 6 and 0 <= place[1] < 7]
        np.testing.assert_allclose(filled[number, row, column], np.mean(known, axis=0), atol=1e-9)


def test_signal_to_noise_is_that_of_each_image() -> None:
    wanted = np.zeros((2, 4, 4, 1))
    found = np.stack([np.full((4, 4, 1), 0.1), np.full((4, 4, 1), 0.01)])
    assert peak_signal_to_noise(wanted, found) == pytest.approx(30)
    mask = np.zeros((2, 4, 4), bool)
    mask[:, 0, 0] = True
    found[:, 1:] = 0.7
    assert peak_signal_to_noise(wanted, found, mask) == pytest.approx(30)
    assert peak_signal_to_noise(wanted, wanted) == 100


@pytest.mark.parametrize(("target", "bins"), [("soft", 2), ("hard", 2), ("regression", 1)])
def test_it_measures_a_model_of_colours(target: str, bins: int) -> None:
    transforms = [kssl.pretext.to_float(), kssl.pretext.colorize(target)]
    train, test = (
        Pipeline(kssl.data.synthetic(split, (8, 8, 3), count), transforms, 8)
        for split, count in (("train", 24), ("test", 12))
    )
    batch = train.arrays(limit=8)
    classes = train.task.classes
    models = []
    for _ in range(2):
        models.append(DensePrediction(classes, ConvNet([4, 6], pool=False)))
        models[-1].build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    results = dense_error(limit=16)(Task(*models, train, test))
    assert len(results) == bins
    assert all(np.isfinite(list(each.baselines.values())).all() for each in results)
    assert results[-1].settings["test"] == 12


def test_where_no_map_is_predicted_it_does_not_apply() -> None:
    model = Constant(None, np.zeros(1))
    with pytest.raises(Skipped, match="no transform of the recipe makes a map"):
        dense_error()(Task(model, model, None, SimpleNamespace(task=None)))
    task = kssl.pretext.Task("image", classes=4)
    data = split(task, image=np.zeros((2, 4, 4, 1)), target=np.zeros(2, int))
    with pytest.raises(Skipped, match="'target', is no map of an image"):
        dense_error()(Task(model, model, data, data))
