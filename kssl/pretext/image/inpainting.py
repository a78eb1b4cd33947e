"""Inpainting: predict missing regions of images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.moved import renamed
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import blank, by_rows, filled, image_size
from kssl.pretext.random import choice, fold_in, uniform
from kssl.pretext.task import Task

_KINDS = ("center", "blocks", "free_form")

_STROKES, _STEPS = 4, 4  # of free forms: brush strokes and straight pieces of each
_HALVINGS = 12  # finds the width of the brush to 1 / 4096 of the image's


@renamed(share="fraction")
def inpaint(
    kind: Literal["center", "blocks", "free_form"] = "center",
    fraction: float = 0.25,
    blocks: int = 5,
    fill: float = 0.0,
    key: str = "image",
) -> MapFunction:
    """Cut a hole into each image, which is to be filled in from what is around it.

    D. Pathak et al., "Context encoders: feature learning by inpainting", arXiv:1604.07379 (a hole
    in the centre, and random blocks), and J. Yu et al., "Free-form image inpainting with gated
    convolution", arXiv:1806.03589 (brush strokes).

    Args:
        kind: `center`, one hole in the middle with the sides of the image; `blocks`, rectangles at
            random places, which may overlap; `free_form`, random brush strokes.
        fraction: Fraction of the pixels in the hole, a quarter in the first paper. `center` and
            `free_form` come as near to it as whole rows and a round brush can; of `blocks` it is
            the most: each has half to all of `fraction / blocks` of the pixels.
        blocks: How many rectangles `blocks` has; they are up to twice as long as wide.
        fill: What the hole is filled with, in the units of the images; the first paper takes the
            mean of the data.
        key: The images, `(height, width, channels)`, of any type.

    Returns:
        A map function; `key` has the hole, `target` is the whole image, and `mask` is bool
        `(height, width)`, True in the hole.

    Raises:
        UserError: A setting is unknown or out of range; from the map function, when the image is
            too small for the hole.

    Example:
        >>> hole = inpaint("blocks")({"image": tf.ones((8, 32, 32, 3))})
        >>> hole["image"].shape, hole["mask"].shape
        (TensorShape([8, 32, 32, 3]), TensorShape([8, 32, 32]))
    """
    _check(kind, fraction, blocks, key)

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        images = batch[key]
        height, width, _ = image_size("inpaint", batch, key)
        if min(height, width) < 3:
            raise UserError(f"inpaint: '{key}' is {height} x {width}; a hole needs 3 x 3 pixels")
        if kind == "center":
            hole = _center(height, width, fraction)
            mask = tf.broadcast_to(hole, [tf.shape(images)[0], height, width])
        elif kind == "blocks":
            mask = _blocks(*seeds, height, width, fraction, blocks)
        else:
            mask = _free_form(*seeds, height, width, fraction)
        return {key: blank(images, mask, fill), "target": images, "mask": mask}

    task = Task(key, picture=partial(filled, key))
    return by_batch("inpaint", change, {key: 3}, random=kind != "center", task=task)


def _center(height: int, width: int, fraction: float) -> tf.Tensor:
    """bool `(1, height, width)`; at least one pixel in the hole and one row outside."""
    sides = [
        min(max(round(length * math.sqrt(fraction)), 1), length - 1) for length in (height, width)
    ]
    top, left = (height - sides[0]) // 2, (width - sides[1]) // 2
    rows, columns = tf.range(height), tf.range(width)
    inside_rows = (rows >= top) & (rows < top + sides[0])
    inside_columns = (columns >= left) & (columns < left + sides[1])
    return (inside_rows[:, None] & inside_columns)[None]


def _blocks(seeds: tf.Tensor, height: int, width: int, fraction: float, blocks: int) -> tf.Tensor:
    """bool `(batch, height, width)`: the union of rectangles."""
    area = uniform(fold_in(seeds, 0), (blocks,), 0.5, 1.0) * (fraction / blocks * height * width)
    tilt = uniform(fold_in(seeds, 1), (blocks,), -0.5, 0.5) * math.log(2.0)
    ratio = by_rows(tf.exp, tilt)  # square root of height / width
    root = tf.sqrt(area)
    # Rounded down: the blocks together must not exceed the fraction.
    rows = tf.clip_by_value(tf.cast(root * ratio, tf.int32), 1, height)
    columns = tf.clip_by_value(tf.cast(root / ratio, tf.int32), 1, width)
    top = choice(fold_in(seeds, 2), (blocks,), height - rows + 1)
    left = choice(fold_in(seeds, 3), (blocks,), width - columns + 1)
    mask = tf.zeros([tf.shape(seeds)[0], height, width], tf.bool)
    for block in range(blocks):
        inside = [
            (tf.range(length) >= first[:, block, None])
            & (tf.range(length) < (first + size)[:, block, None])
            for length, first, size in ((height, top, rows), (width, left, columns))
        ]
        mask |= inside[0][:, :, None] & inside[1][:, None]
    return mask


def _free_form(seeds: tf.Tensor, height: int, width: int, fraction: float) -> tf.Tensor:
    """bool `(batch, height, width)`: strokes of a brush just as wide as the fraction needs."""
    points = _walks(seeds, height, width, fraction)  # (batch, strokes, steps + 1, 2)
    nearest_square = None
    rows, columns = tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32)
    for stroke in range(_STROKES):
        for step in range(_STEPS):
            ends = points[:, stroke, step], points[:, stroke, step + 1]
            square = _distance_to_line(*ends, rows, columns)  # (batch, height, width)
            nearest_square = (
                square if nearest_square is None else tf.minimum(nearest_square, square)
            )
    return _smallest(nearest_square, fraction, float(height * height + width * width))


def _walks(seeds: tf.Tensor, height: int, width: int, fraction: float) -> tf.Tensor:
    """Corners of the strokes, `(batch, strokes, steps + 1, 2)`: rows and columns."""
    shape = (_STROKES, _STEPS)
    first = uniform(fold_in(seeds, 0), (_STROKES, 1), 0.0, 2.0 * math.pi)
    bends = uniform(fold_in(seeds, 1), shape, -0.4 * math.pi, 0.4 * math.pi)
    angle = first + tf.cumsum(bends, axis=2)
    # As long in all as needs a brush of about an eighth of the image.
    whole = 8.0 * fraction * math.sqrt(height * width)
    length = uniform(fold_in(seeds, 2), shape, 0.5, 1.5) * (whole / (_STROKES * _STEPS))
    moves = [length * by_rows(tf.sin, angle), length * by_rows(tf.cos, angle)]
    start = uniform(fold_in(seeds, 3), (_STROKES, 1, 2))
    limit = tf.constant([height - 1.0, width - 1.0])
    path = tf.concat([start * limit, tf.stack(moves, axis=-1)], axis=2)
    return tf.clip_by_value(tf.cumsum(path, axis=2), 0.0, limit)


def _distance_to_line(
    start: tf.Tensor, end: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor
) -> tf.Tensor:
    """Squared distance of each pixel from a straight piece: `(batch, height, width)`."""
    down, right = tf.unstack((end - start)[:, None, None], axis=-1)  # (batch, 1, 1)
    row = rows[None, :, None] - start[:, None, :1]  # (batch, height, 1)
    column = columns[None, None] - start[:, None, 1:]  # (batch, 1, width)
    length = tf.maximum(down * down + right * right, 1e-6)
    along = tf.clip_by_value(row * (down / length) + column * (right / length), 0.0, 1.0)
    return tf.square(row - along * down) + tf.square(column - along * right)


def _smallest(values: tf.Tensor, fraction: float, most: float) -> tf.Tensor:
    """True where a value is in that smallest fraction of the image's; by halving, not sorting."""
    pixels = values.shape[1] * values.shape[2]
    wanted = max(int(fraction * pixels), 1)
    low = tf.zeros_like(values[:, :1, :1])
    high = tf.fill(tf.shape(low), math.sqrt(most))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        inside = tf.cast(values <= middle * middle, tf.int32)
        few = tf.reduce_sum(inside, axis=[1, 2], keepdims=True) <= wanted
        low, high = tf.where(few, middle, low), tf.where(few, high, middle)
    return values <= low * low


def _check(kind: str, fraction: float, blocks: int, key: str) -> None:
    if kind not in _KINDS:
        raise UserError(f"inpaint: kind '{kind}'{nearest(kind, _KINDS)}")
    if not 0.0 < fraction < 1.0:
        raise UserError(f"inpaint: fraction {fraction} is not between 0 and 1")
    if blocks < 1:
        raise UserError(f"inpaint: {blocks} blocks; at least 1 is needed")
    if key in ("target", "mask"):
        raise UserError(f"inpaint writes '{key}' itself: rename the key")
