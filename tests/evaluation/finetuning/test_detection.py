"""Detection: what is learned from boxes, what stands beside it, where it does not apply."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kssl import layers, models, pretext
from kssl.data import Pipeline
from kssl.data.boxes import read_boxes
from kssl.errors import UserError
from kssl.evaluation import Skipped, Task, detection
from kssl.evaluation.base import digest
from kssl.evaluation.finetuning.boxed import Images, image_shape
from kssl.evaluation.finetuning.boxed import coarse as averaged

SIZE = 32
FAST = {"max_steps": 150, "learning_rates": 1e-2, "batch_size": 16}


def small() -> Any:
    return models.SimCLR(layers.ConvNet([8, 16], stem_strides=2), augment="device")


def task_of(make: Callable[[], Any], shape: tuple[int, ...] = (SIZE, SIZE, 1)) -> Task:
    keras.utils.set_random_seed(0)
    model = make()
    model.compile("adam", jit_compile=keras.backend.backend() == "jax")
    model.build((None, *shape))
    images = np.zeros((16, *shape), np.uint8)
    dataset = tf.data.Dataset.from_tensor_slices({"image": images})
    own = Pipeline(dataset, [pretext.to_float()], batch_size=16)
    return Task(model, None, own, own)


@pytest.fixture
def task() -> Task:
    return task_of(small)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory, write_voc: Any) -> Path:
    """Noise with bright squares: full ones, and larger ones that are hollow; one or two each."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("squares")
    for split, count in (("train", 80), ("test", 40)):
        for number in range(count):
            pixels = random.integers(0, 60, (SIZE, SIZE)).astype(np.uint8)
            objects = []
            for half in random.permutation(2)[: random.integers(1, 3)]:
                name, side = (("full", 7), ("hollow", 11))[random.integers(2)]
                left, top = random.integers(0, [SIZE - side, SIZE // 2 - side + 1])
                top += half * SIZE // 2
                pixels[top : top + side, left : left + side] = 255
                if name == "hollow":
                    pixels[top + 2 : top + side - 2, left + 2 : left + side - 2] = 0
                corners = (left + 1, top + 1, left + side, top + side)
                objects.append((name, corners))
            file = folder / split / f"{number}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(file)
            write_voc(file.with_suffix(".xml"), objects, (SIZE, SIZE))
    return folder


def test_squares_are_found_far_better_than_by_constant_boxes(task: Task, squares: Path) -> None:
    before = digest(task.model)
    results = detection(str(squares), fraction=1.0, **FAST)(task)
    assert [each.metric for each in results] == [
        "mAP at IoU 0.5, frozen, all labels",
        "mAP at IoU 0.5, fine-tuned, all labels",
    ]
    frozen, tuned = results
    assert set(frozen.baselines) == {"untrained, frozen", "constant boxes"}
    assert set(tuned.baselines) == {"from scratch", "constant boxes"}
    assert tuned.value > 0.8 and tuned.baselines["from scratch"] > 0.8
    assert frozen.value > 0.3
    assert tuned.baselines["constant boxes"] == frozen.baselines["constant boxes"] < 0.15
    assert tuned.note.startswith("fine-tuned on 80 labelled images in 150 steps")
    assert "a head trained on 80 labelled images" in frozen.note
    expected = {"classes": ["full", "hollow"], "grid": "8 x 8", "image size": "32 x 32"}
    assert (expected | {"labels": 80, "test": 40}).items() <= tuned.settings.items()
    assert digest(task.model) == before


def test_one_number_for_each_fraction_of_the_labels(task: Task, squares: Path) -> None:
    few = {"max_steps": 2, "modes": ["frozen"], "image_size": [32, 64], "test_examples": 10}
    few["learning_rates"] = 1e-3
    results = detection(str(squares), fraction=(0.1, 0.5), **few)(task)
    assert [each.settings["labels"] for each in results] == [8, 40]
    assert [each.metric.rpartition(", ")[2] for each in results] == [
        "10 % of the labels",
        "50 % of the labels",
    ]
    assert all(each.settings["test"] == 10 for each in results)
    assert all(each.settings["grid"] == "8 x 16" for each in results)
    (result,) = detection(str(squares), labels=5, draws=2, **few)(task)
    assert "over 2 draws: frozen" in result.note
    assert result.settings["labels"] == 5 and result.metric.endswith(", 5 labels")


@pytest.mark.slow
def test_a_learning_rate_is_chosen_on_images_that_are_held_out(task: Task, squares: Path) -> None:
    settings = FAST | {"learning_rates": [1e-7, 1e-2]}
    (result,) = detection(str(squares), fraction=1.0, modes=["fine-tuned"], **settings)(task)
    assert result.settings["learning rate, fine-tuned"] == 1e-2
    assert result.value > 0.5


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory, write_voc: Any) -> Path:
    """A bright rectangle on each image."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("single")
    for split, count in (("train", 150), ("test", 50)):
        for number in range(count):
            width, height = random.integers(8, 20, 2)
            left, top = random.integers(0, [SIZE - width, SIZE - height])
            pixels = random.integers(0, 60, (SIZE, SIZE)).astype(np.uint8)
            pixels[top : top + height, left : left + width] = 200
            file = folder / split / f"{number}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(file)
            corners = (left + 1, top + 1, left + width, top + height)
            write_voc(file.with_suffix(".xml"), [("a", corners)], (SIZE, SIZE))
    return folder


def test_one_box_is_found_better_than_by_a_constant_one(task: Task, single: Path) -> None:
    settings = FAST | {"max_steps": 200}
    results = detection(str(single), one_box=True, fraction=1.0, **settings)(task)
    frozen, tuned = results
    assert tuned.metric == "box IoU ≥ 0.5, fine-tuned, all labels"
    constant = {"mean box", "best constant box", "pixels, ridge regression"}
    assert set(tuned.baselines) == constant | {"from scratch"}
    assert set(frozen.baselines) == constant | {"untrained, frozen"}
    best = max(tuned.baselines["mean box"], tuned.baselines["best constant box"])
    assert tuned.value > best + 0.4
    assert "one standard error is" in tuned.note and "grid" not in tuned.settings


def test_one_box_needs_one_of_each_image(task: Task, squares: Path) -> None:
    with pytest.raises(UserError, match=r"train: \d+.png has 2 boxes, and one_box needs one of"):
        detection(str(squares), one_box=True)(task)


def test_it_says_where_it_does_not_apply(task: Task, squares: Path, tmp_path: Path) -> None:
    flat = task_of(lambda: models.VAE(2, layers.MLP([8]), layers.MLP([8])))
    with pytest.raises(Skipped, match="detection: the encoder of VAE has no map of features"):
        detection(str(squares))(flat)
    with pytest.raises(Skipped, match="detection: there is no '.*nothing'"):
        detection(str(tmp_path / "nothing"))(task)
    reader = models.BERT(30, depth=1, heads=2, width=8)
    reader.build((None, 16))
    with pytest.raises(Skipped, match="it is for models that read image, and BERT reads tokens"):
        detection(str(squares))(dataclasses.replace(task, model=reader))
    with pytest.raises(UserError, match="there are no boxes"):
        detection(str(tmp_path))(task)


def test_settings_that_are_none_are_named() -> None:
    for wrong, message in [
        ({"modes": ["whole"]}, r"modes are frozen and fine-tuned, one or both; got \['whole'\]"),
        ({"modes": []}, "modes are frozen and fine-tuned"),
        ({"image_size": [1, 2, 3]}, r"image_size is a number, or \[height, width\]; got"),
        ({"image_size": 0}, "image_size must be above 0, got 0"),
        ({"stride": 0}, "stride must be above 0, got 0"),
        ({"test_examples": 0}, "test_examples must be above 0, got 0"),
        ({"fraction": []}, "fraction must have one at least"),
        ({"fraction": [0.1, 2]}, "fraction must be above 0 and at most 1, got 2"),
    ]:
        with pytest.raises(UserError, match=message):
            detection("x", **wrong)


def test_images_take_the_transforms_of_the_run(squares: Path) -> None:
    """Of floats in [0, 1] as of bytes, which a transform divides by 255."""
    boxes = read_boxes(str(squares)).train
    found = []
    for scale, transforms in ((255, [pretext.to_float()]), (1.0, [])):
        model = models.SimCLR(layers.ConvNet([8]), augment="device")
        model.build((None, SIZE, SIZE, 1))
        kind = np.uint8 if scale == 255 else np.float32
        dataset = tf.data.Dataset.from_tensor_slices({"image": np.ones((4, 9, 9, 1), kind)})
        own = Pipeline(dataset, transforms, batch_size=4)
        task = Task(model, None, own, own)
        shape, floating = image_shape(task, None)
        assert shape == (SIZE, SIZE, 1) and floating == (scale == 1.0)
        found.append(Images(boxes, task, shape, floating).read(np.arange(5)))
    assert found[0].shape == (5, SIZE, SIZE, 1) and found[0].dtype == np.float32
    assert 0.9 < found[0].max() <= 1.0
    np.testing.assert_allclose(*found, atol=1e-6)


def test_what_a_simple_model_reads_is_the_mean_of_blocks() -> None:
    images = np.arange(2 * 32 * 48 * 1.0).reshape(2, 32, 48, 1)
    found = averaged(images)
    assert found.shape == (2, 16 * 16)
    assert found[1, 17] == images[1, 2:4, 3:6].mean()


def color_task() -> Task:
    return task_of(small, (SIZE, SIZE, 3))


@pytest.mark.slow
def test_the_cells_of_bccd(bccd: Path) -> None:
    settings = {"fraction": 1.0, "image_size": [120, 160], "learning_rates": 3e-3}
    evaluate = detection(str(bccd), max_steps=150, modes=["fine-tuned"], **settings)
    (result,) = evaluate(color_task())
    assert result.settings["classes"] == ["Platelets", "RBC", "WBC"]
    assert (result.settings["labels"], result.settings["test"]) == (205, 72)
    assert result.value > result.baselines["constant boxes"] + 0.1


def test_the_boxes_of_tiny_imagenet(tiny_imagenet: Path) -> None:
    settings = {"fraction": 1.0, "max_steps": 20, "learning_rates": 1e-3, "modes": ["frozen"]}
    (result,) = detection(str(tiny_imagenet), one_box=True, **settings)(color_task())
    assert result.settings["labels"] == 400 and result.settings["test"] == 100
    assert 0.2 < result.baselines["mean box"] < 0.8
