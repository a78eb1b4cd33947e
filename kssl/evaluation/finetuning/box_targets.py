"""Boxes as what a head without anchors gives at each place of a map, and back.

Zhou et al., Objects as Points, arXiv:1904.07850. A map of `(rows, columns)` cells covers the image.
An object stands at the cell that its centre is in. There the heat of its class is 1; around it, it
falls as a Gaussian whose width grows with the box, so that a centre that is a little off, and whose
box still overlaps the truth by 0.7, is wrong only a little. At the cell itself stand the place of
the centre within it and the size of the box, in cells.
"""

from __future__ import annotations

import numpy as np

from kssl.evaluation.finetuning.box_scores import Found, Truth

MOST = 100  # boxes of an image
_STILL = 0.7  # overlap of a box with itself when it is shifted by the radius
# Behind the classes: offset across and down, width, height.
SIDES = 4
# Behind these in a target: whether a cell is a centre, and whether background counts there.
MARKS = 2


def radius(width: float, height: float) -> float:
    """Return how far a box may be shifted across and down and still overlap itself by 0.7.

    Of `(w - r) (h - r) = 2 · 0.7 / (1 + 0.7) · w h` the smaller root.

    Example:
        >>> round(radius(10, 10), 4)
        0.9251
    """
    shared = 2 * _STILL / (1 + _STILL)
    both = width + height
    return float(both - np.sqrt(both**2 - 4 * (1 - shared) * width * height)) / 2


def to_target(truth: Truth, grid: tuple[int, int], classes: int) -> np.ndarray:
    """Return what a head is to give for an image.

    Of two objects in one cell the smaller one gives offset and size. Within the box of an ignored
    object no heat is background.

    Args:
        truth: Boxes in fractions of the image.
        grid: Rows and columns of the map.
        classes: How many there are.

    Returns:
        `(rows, columns, classes + 4 + 2)` float32: heat of each class, offset, size, whether a
        cell is a centre, whether background counts.
    """
    rows, columns = grid
    target = np.zeros((rows, columns, classes + SIDES + MARKS), np.float32)
    target[..., -1] = 1.0
    boxes = truth.boxes * [columns, rows, columns, rows]  # in cells
    sizes = boxes[:, 2:] - boxes[:, :2]
    for left, top, right, bottom in boxes[truth.ignored]:
        inside = slice(int(top), int(np.ceil(bottom))), slice(int(left), int(np.ceil(right)))
        target[(*inside, -1)] = 0.0
    for each in np.argsort(-np.prod(sizes, axis=1), kind="stable"):  # the smallest one last
        if truth.ignored[each]:
            continue
        centre = (boxes[each, :2] + boxes[each, 2:]) / 2
        column, row = np.minimum(centre.astype(int), [columns - 1, rows - 1])
        heat = target[..., truth.classes[each]]
        np.maximum(heat, _gaussian(grid, (row, column), sizes[each]), out=heat)
        target[row, column, classes : classes + SIDES] = [*(centre - [column, row]), *sizes[each]]
        target[row, column, -2] = 1.0
    return target


def _gaussian(grid: tuple[int, int], at: tuple[int, int], size: np.ndarray) -> np.ndarray:
    """Heat around a cell, `(rows, columns)`: 1 in the cell itself."""
    sigma = (2 * radius(*size) + 1) / 6  # a third of the radius, and next to nothing at radius 0
    squares = [(np.arange(count) - place) ** 2 for count, place in zip(grid, at, strict=True)]
    return np.exp(-np.add.outer(*squares) / (2 * sigma**2))


def to_boxes(outputs: np.ndarray, classes: int, most: int = MOST) -> Found:
    """Return the boxes that a head gives for an image: a box for each peak of the heat.

    A peak is a cell that is not below its eight neighbours, which stands in for the suppression
    of boxes that overlap.

    Args:
        outputs: `(rows, columns, classes + 4)`: logits of the heat, offset and size.
        classes: How many there are.
        most: The surest so many of all classes.
    """
    rows, columns = outputs.shape[:2]
    heat = outputs[..., :classes].astype(np.float64)
    edge = np.pad(heat, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    around = [edge[r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    peaks = np.argwhere(heat == np.max(around, axis=0))  # (peaks, 3)
    logits = heat[tuple(peaks.T)]
    best = np.argsort(-logits, kind="stable")[:most]
    row, column, kind = peaks[best].T
    offset, size = np.split(outputs[row, column, classes : classes + SIDES], 2, axis=1)
    centre = np.stack([column, row], axis=1) + offset
    half = np.maximum(size, 0) / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)  # (boxes, 4) in cells
    boxes = np.clip(corners / [columns, rows, columns, rows], 0, 1)
    return Found(boxes, kind, 1 / (1 + np.exp(-np.clip(logits[best], -60, 60))))
