"""Labelled examples whose targets are boxes: several objects of classes, or one box an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from kssl.data.boxes import Boxes
from kssl.errors import UserError
from kssl.evaluation.base import Skipped, Task
from kssl.evaluation.finetuning.box_scores import (
    OVERLAP,
    Found,
    Truth,
    constant_boxes,
    intersection_over_union,
    mean_average_precision,
)
from kssl.evaluation.finetuning.box_targets import to_boxes, to_target
from kssl.evaluation.finetuning.comparison import Scores
from kssl.evaluation.inputs import examples_of

PRECISION, FRACTION = f"mAP at IoU {OVERLAP}", f"box IoU ≥ {OVERLAP}"
CONSTANT, MEAN, BEST = "constant boxes", "mean box", "best constant box"
PIXELS = "pixels, ridge regression"
_COARSE = 16  # pixels across of what the simple model reads
_THREADS = 8  # decoders let go of Python's lock while they work


@dataclasses.dataclass(frozen=True)
class Images:
    """Image files as a model reads them: stretched to one size, with the transforms of the run.

    Args:
        boxes: The files, and what is on them.
        task: Its model reads them.
        shape: Height, width and channels that files are decoded to.
        floating: Whether the transforms are given floats in [0, 1], as the run's own data are.
        kept: What was read, by the place of the file.
    """

    boxes: Boxes
    task: Task
    shape: tuple[int, int, int]
    floating: bool
    kept: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return images as the model reads them, `(rows, height, width, channels)`."""
        new = [row for row in rows.tolist() if row not in self.kept]
        if new:
            self.kept.update(zip(new, self._read(new), strict=True))
        return np.stack([self.kept[row] for row in rows.tolist()])

    def _read(self, rows: list[int]) -> Any:
        import tensorflow as tf

        from kssl.data import Pipeline

        with ThreadPoolExecutor(_THREADS) as pool:
            pixels = np.stack(list(pool.map(lambda row: self.boxes.image(row, *self.shape), rows)))
        values = pixels.astype(np.float32) / 255 if self.floating else pixels
        own = self.task.train
        dataset = tf.data.Dataset.from_tensor_slices({"image": values})
        pipeline = Pipeline(dataset, own.transforms, batch_size=128, seed=own.seed)
        return examples_of(pipeline, self.task.model)

    def truth(self, row: int) -> Truth:
        """Return what is on an image."""
        return Truth(self.boxes.boxes[row], self.boxes.classes[row], self.boxes.ignored[row])


def image_shape(task: Task, size: Sequence[int] | None) -> tuple[tuple[int, int, int], bool]:
    """Return how files are decoded for a model, and whether its transforms are given floats.

    Args:
        task: Of images.
        size: Height and width, or None for what the model was built for.

    Raises:
        Skipped: The data of the run are no images as files are.
    """
    stored = task.train.arrays(limit=1, transformed=False).get("image")
    if stored is None or stored.ndim != 4 or stored.shape[-1] not in (1, 3):
        told = "has no images" if stored is None else f"has images of shape {stored.shape[1:]}"
        raise Skipped(f"the data of the run {told}; boxes are read with grey or colour images")
    height, width = task.model.example_shape[:2] if size is None else size
    whole = np.issubdtype(stored.dtype, np.integer)
    return (int(height), int(width), int(stored.shape[-1])), not whole


@dataclasses.dataclass(frozen=True)
class Detected:
    """Images with objects.

    Args:
        images: The files.
        rows: Which of them.
        grid: Rows and columns of cells that a head has.
    """

    images: Images
    rows: np.ndarray
    grid: tuple[int, int]
    counted = ()

    @property
    def classes(self) -> np.ndarray:
        """One class for all: an image has objects of several."""
        return np.zeros(len(self.rows), int)

    def take(self, rows: np.ndarray) -> Detected:
        """Return some of the images."""
        return dataclasses.replace(self, rows=self.rows[rows])

    def arrays(self) -> tuple[Any, np.ndarray]:
        """Return images, and what a head is to give for them."""
        count = len(self.images.boxes.names)
        targets = [to_target(each, self.grid, count) for each in self._truths()]
        return self.images.read(self.rows), np.stack(targets)

    def score(self, logits: np.ndarray) -> Scores:
        """Return the mean average precision of what a head gives."""
        count = len(self.images.boxes.names)
        return self._precision([to_boxes(each, count) for each in logits])

    def simple(self, test: Detected) -> dict[str, Scores]:
        """Return the mean average precision of the same boxes for all images."""
        found = constant_boxes(self._truths())
        return {CONSTANT: test._precision([found] * len(test.rows))}

    def _truths(self) -> list[Truth]:
        return [self.images.truth(row) for row in self.rows]

    def _precision(self, found: Sequence[Found]) -> Scores:
        truths = self._truths()
        if all(each.ignored.all() for each in truths):  # of few that are held out
            return {PRECISION: 0.0}
        return {PRECISION: mean_average_precision(truths, found)}


@dataclasses.dataclass(frozen=True)
class Localised:
    """Images with one box each, whatever it is around.

    Args:
        images: The files.
        rows: Which of them.
    """

    images: Images
    rows: np.ndarray
    counted = (FRACTION,)

    @property
    def classes(self) -> np.ndarray:
        """One class for all: the box is asked for alone."""
        return np.zeros(len(self.rows), int)

    def take(self, rows: np.ndarray) -> Localised:
        """Return some of the images."""
        return dataclasses.replace(self, rows=self.rows[rows])

    def arrays(self) -> tuple[Any, np.ndarray]:
        """Return images, and centre, width and height of their boxes."""
        begin, end = np.split(self._boxes(), 2, axis=1)
        sides = np.concatenate([(begin + end) / 2, end - begin], axis=1)  # (images, 4)
        return self.images.read(self.rows), sides.astype(np.float32)

    def score(self, logits: np.ndarray) -> Scores:
        """Return the fraction of the boxes that overlap the truth enough."""
        centre, size = np.split(np.asarray(logits, np.float64), 2, axis=1)
        half = np.maximum(size, 0) / 2
        return self._overlapping(np.concatenate([centre - half, centre + half], axis=1))

    def simple(self, test: Localised) -> dict[str, Scores]:
        """Return the fraction of the mean box, of the best constant one, and of a linear model."""
        boxes, count = self._boxes(), len(test.rows)
        truths = [self.images.truth(row)._replace(classes=np.zeros(1, int)) for row in self.rows]
        constant = {MEAN: boxes.mean(axis=0), BEST: constant_boxes(truths, most=1).boxes[0]}
        found = {
            name: test._overlapping(np.tile(box, (count, 1))) for name, box in constant.items()
        }
        return found | {PIXELS: test._overlapping(self._linear(test))}

    def _linear(self, test: Localised) -> np.ndarray:
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        own, asked = (coarse(part.images.read(part.rows)) for part in (self, test))
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 6, 13)))
        return np.asarray(model.fit(own, self._boxes()).predict(asked))

    def _boxes(self) -> np.ndarray:
        return np.concatenate([self.images.boxes.boxes[row] for row in self.rows])  # (images, 4)

    def _overlapping(self, boxes: np.ndarray) -> Scores:
        pairs = zip(boxes, self._boxes(), strict=True)
        overlaps = [intersection_over_union(one, other)[0, 0] for one, other in pairs]
        return {FRACTION: float(np.mean(np.array(overlaps) >= OVERLAP))}


def coarse(images: np.ndarray) -> np.ndarray:
    """Return images averaged to about 16 x 16, as rows: `(images, values)`.

    Example:
        >>> coarse(np.ones((2, 64, 40, 3))).shape
        (2, 960)
    """
    height, width = images.shape[1:3]
    down, across = max(1, height // _COARSE), max(1, width // _COARSE)
    rows, columns = height // down, width // across
    cut = images[:, : rows * down, : columns * across]
    blocks = cut.reshape(len(images), rows, down, columns, across, -1)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(images), -1))


def check_one_box(boxes: Boxes) -> None:
    """Raise a `UserError` unless each image has one box that counts."""
    for file, own, ignored in zip(boxes.files, boxes.boxes, boxes.ignored, strict=True):
        if len(own) != 1 or ignored.any():
            told = f"{len(own)} boxes" if len(own) != 1 else "a box that is ignored"
            raise UserError(
                f"{boxes.where}: {file.name} has {told}, and one_box needs one of each image: take "
                "the image out, or set one_box: false to find all objects"
            )
