"""Finding objects: whether the features of an encoder say what is where on an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kssl.data.boxes import BoxSplits, read_boxes
from kssl.data.locate import NotFound
from kssl.errors import UserError
from kssl.evaluation.base import Evaluation, Result, Skipped, Task, named, positive
from kssl.evaluation.finetuning.boxed import (
    Detected,
    Images,
    Localised,
    check_one_box,
    image_shape,
)
from kssl.evaluation.finetuning.comparison import FINE_TUNING, Problem, Regime, compared
from kssl.evaluation.finetuning.protocol import Protocol

FROZEN, UNTRAINED, WHOLE = "frozen", "untrained, frozen", "fine-tuned"


def detection(
    path: str | Mapping[str, str],
    *,
    one_box: bool = False,
    modes: Sequence[str] = (FROZEN, WHOLE),
    image_size: int | Sequence[int] | None = None,
    stride: int = 8,
    labels: int | None = None,
    fraction: float | Sequence[float] = (0.1, 1.0),
    draws: int = 1,
    epochs: int = 30,
    batch_size: int = 32,
    max_steps: int | None = 1000,
    learning_rates: float | Sequence[float] = (1e-3, 3e-4),
    weight_decay: float = 0.05,
    test_examples: int | None = 2000,
) -> Evaluation:
    """Find objects with a small head on the encoder's feature map, frozen and fine-tuned.

    The head has no anchors (Zhou et al., Objects as Points, arXiv:1904.07850): a hidden convolution
    of 3 x 3 and one of 1 x 1 give at each cell of a map the heat of each class, where in the cell
    the centre of an object is, and the size of its box. The target of the heat is 1 at the cell of
    a centre and falls around it as a Gaussian, as wide as the box may be shifted and still overlap
    itself by 0.7; the loss is the penalty-reduced focal loss (α = 2, β = 4), with the absolute
    errors of offset and, times 0.1, of size, in cells, all divided by the objects of the image.
    Found is each cell whose heat is not below that of its eight neighbours, the 100 surest of an
    image. There is no augmentation.

    The number is the mean average precision at an overlap of 0.5 as Pascal VOC counts it since
    2010: at all points of recall, each truth found once, the best score first; objects that are
    difficult, or crowds, count for nothing, and classes without an object in test are left out.

    With `one_box` there is one box for each image, of whatever class, by a hidden convolution and a
    dense layer; the loss is the mean absolute error of centre and size, the number the fraction of
    the test images whose box overlaps the truth by 0.5.

    The map is the last one that the encoder has before it averages or flattens it; of a transformer
    it is the tokens of its patches. An encoder without any is not measured. Images are stretched to
    one size, by which no overlap changes, and then take the transforms of the run.

    Baselines: of `frozen`, which trains the head alone, the same encoder untrained; of
    `fine-tuned`, which trains all, the same from scratch. Beside both the best constant boxes:
    those of the labelled images that overlap objects on most of these. Of one box the mean box, the
    best constant one, and a ridge regression of the pixels.

    Args:
        path: A folder in the layout of Pascal VOC, COCO or Tiny ImageNet, a JSON file of COCO, or
            `{train: …, test: …}`; see `kssl.data.boxes.read_boxes`.
        one_box: Whether each image has one box that is asked for, of whatever class.
        modes: `frozen`, `fine-tuned`, or both.
        image_size: Height and width of the images in pixels, or one number for both; None is what
            the run was trained on. A network of convolutions takes any.
        stride: Most pixels from one cell to the next: a coarser map is doubled.
        labels: Images to train on, drawn at random, instead of `fraction`.
        fraction: This fraction of the images; of several, one number for each.
        draws: Random choices of the images, and of new weights; the number is the mean.
        epochs: Passes over the labelled images, at least 100 steps.
        batch_size: Images of a step.
        max_steps: Bounds the time with many images; None: no bound.
        learning_rates: The highest learning rate; of several, each network gets the one that does
            best for it on a fifth of the labelled images, held out.
        weight_decay: Of kernels and embeddings; biases and gains have none.
        test_examples: So many images of the test split, evenly chosen; None: all.

    Returns:
        A function of a `Task` that returns a `Result` for each of `modes` and fraction.

    Raises:
        UserError: A setting is out of its range, or something in the files is wrong.

    Example:
        >>> evaluate = detection("cells", image_size=160, fraction=0.1, draws=3)
    """
    protocols = _protocols(
        labels, fraction, (draws, epochs, batch_size, max_steps, learning_rates, weight_decay)
    )
    size = _size(image_size)
    positive("stride", stride)
    positive("test_examples", test_examples)
    if not modes or not set(modes) <= {FROZEN, WHOLE}:
        raise UserError(f"modes are {FROZEN} and {WHOLE}, one or both; got {list(modes)}")

    def evaluate(task: Task) -> list[Result]:
        head, grid = _head(task, size, None if one_box else 1, stride)  # before files are read
        shape, floating = image_shape(task, size)
        splits = _splits(path)
        parts: list[Any] = []
        for boxes, most in ((splits.train, None), (splits.test, test_examples)):
            images = Images(boxes, task, shape, floating)
            rows = _evenly(len(boxes), most)
            if one_box:
                check_one_box(boxes)
            parts.append(Localised(images, rows) if one_box else Detected(images, rows, grid))
        if not one_box:
            head, _ = _head(task, size, len(splits.train.names), stride)
        settings = {"image size": f"{shape[0]} x {shape[1]}", "hidden features": head.width}
        settings |= {"classes": list(splits.train.names), "train images": len(splits.train)}
        if not one_box:
            settings["grid"] = f"{grid[0]} x {grid[1]}"
        problem = Problem(head, *parts, "images", settings, _regimes(modes))
        sizes = {f", {each.in_words()}": each for each in protocols}
        return compared(task, "detection", problem.part(task.part), sizes)

    return named("detection", evaluate, needs=["Embeds"], modalities=["image"])


def _protocols(
    labels: int | None, fraction: float | Sequence[float], rest: tuple[Any, ...]
) -> list[Protocol]:
    fractions = [fraction] if isinstance(fraction, int | float) else list(fraction)
    if labels is not None:
        return [Protocol(labels, None, None, *rest)]
    if not fractions:
        raise UserError("fraction must have one at least")
    return [Protocol(None, None, float(each), *rest) for each in fractions]


def _size(image_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if image_size is None:
        return None
    both = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(both) != 2:
        raise UserError(f"image_size is a number, or [height, width]; got {list(both)}")
    for each in both:
        positive("image_size", each)
    return both


def _head(
    task: Task, size: tuple[int, int] | None, classes: int | None, stride: int
) -> tuple[Any, tuple[int, int]]:
    """The head for so many classes, or for one box if that is None, and the grid of its cells."""
    from kssl.evaluation.finetuning.box_heads import BoxHead, CentreHead

    if classes is None:
        head: Any = BoxHead(size)
    else:
        head = CentreHead(size, classes=classes, stride=stride)
    shape = head.on(task.model).output_shape
    return head, (shape[1], shape[2] if len(shape) > 2 else 1)


def _splits(path: str | Mapping[str, str]) -> BoxSplits:
    try:
        return read_boxes(path)
    except NotFound as error:
        raise Skipped(str(error)) from error


def _evenly(count: int, most: int | None) -> np.ndarray:
    few = min(count, most or count)
    return np.arange(few) * count // few


def _regimes(modes: Sequence[str]) -> list[Regime]:
    from kssl.evaluation.finetuning.box_heads import FrozenNetworks, MapNetworks

    known = {
        FROZEN: Regime(FROZEN, UNTRAINED, ", frozen", "a head trained", FrozenNetworks),
        WHOLE: Regime(FINE_TUNING.trained, FINE_TUNING.fresh, ", fine-tuned", networks=MapNetworks),
    }
    return [known[mode] for mode in modes]
