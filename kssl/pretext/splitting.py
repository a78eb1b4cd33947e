"""Predict any part of the input from any other part."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.moved import renamed
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import blank, filled, put
from kssl.pretext.random import permutation
from kssl.pretext.task import Task

Part = Literal["top", "bottom", "left", "right", "past", "future", "center", "surround", "random"]

_ROWS, _COLUMNS, _TIME = ("top", "bottom"), ("left", "right"), ("past", "future")
_MIDDLE = ("center", "surround")
_PARTS = (*_ROWS, *_COLUMNS, *_TIME, *_MIDDLE, "random")
_REMOVABLE = (*_ROWS, *_COLUMNS, *_TIME)

# Number of dimensions of one example -> its axes of places, by what they are.
_AXES = {
    1: {"time": 0},
    2: {"time": 0},
    3: {"rows": 0, "columns": 1},
    4: {"time": 0, "rows": 1, "columns": 2},
}


@renamed(share="fraction")
def split(
    hide: Part = "bottom",
    fraction: float = 0.5,
    remove: bool = False,
    fill: float = 0.0,
    key: str = "image",
    rank: int = 3,
) -> MapFunction:
    """Hide one part of the input, to be predicted from the rest.

    The general pretext task: pretend that there is a part of the input that you do not know, and
    predict it (Y. LeCun, "Self-supervised learning", AAAI 2020). For images, sequences, rows of
    numbers and video, whatever their type.

    Args:
        hide: `top`, `bottom`, `left` and `right` of an image or of every frame; `past` and
            `future`, the start and the end of a sequence, sound or video; `center`, a rectangle
            (of a sequence: a stretch) in the middle, or `surround`, all around it; `random`, as
            many places anywhere, other ones for each example.
        fraction: Fraction of the places that is hidden, between 0 and 1; counted in whole rows,
            columns, steps or places, at least one hidden and one visible.
        remove: False blanks the hidden part and keeps the shape. True cuts the input in two,
            where the cut is straight.
        fill: What the hidden places are blanked with, in the units of the input.
        key: What is split.
        rank: Dimensions of one example: 3 for an image, 4 for a video; 1 for a row, for sound
            or for tokens; 2 for a sequence of vectors, `(steps, features)`.

    Returns:
        A map function. `key` is the input with the hidden part blanked; `target` is the whole
        input; `mask` is bool, True for each hidden place: `(height, width)` for an image,
        `(steps,)` for a sequence or a row, `(frames, height, width)` for a video. With `remove`,
        `key` is the visible and `target` the hidden part, and there is no `mask`.

    Raises:
        UserError: The part is unknown, does not exist at this rank or cannot be cut off, or the
            fraction is out of range; from the map function, when there is nothing to divide.

    Example:
        >>> task = split("right", fraction=0.25)({"image": tf.ones((4, 8, 8, 1))})
        >>> task["image"][0, 0, :, 0].numpy().astype(int).tolist()
        [1, 1, 1, 1, 1, 1, 0, 0]
        >>> cut = split("future", remove=True, key="audio", rank=1)({"audio": tf.ones(10)})
        >>> cut["target"].shape
        TensorShape([5])
    """
    _check(hide, fraction, remove, key, rank)

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        value = batch[key]
        lengths = _lengths(value, key, rank)
        if remove:
            return _cut(value, key, _axis(hide, rank), hide, fraction)
        mask = (
            _random(seeds[0], lengths, fraction)
            if seeds
            else _straight(lengths, hide, fraction, rank)
        )
        mask = tf.broadcast_to(mask, [tf.shape(value)[0], *lengths])  # (batch, *places)
        return {key: blank(value, mask, fill), "target": value, "mask": mask}

    picture = partial(filled, key) if rank == 3 and not remove else None
    # A part that is cut out has another shape.
    task = Task(key, skipped=not remove, picture=picture)
    return by_batch("split", change, {key: rank}, random=hide == "random", task=task)


def _random(seeds: tf.Tensor, lengths: list[int], fraction: float) -> tf.Tensor:
    """bool `(batch, *places)`: exactly the fraction."""
    count = 1
    for length in lengths:
        count *= length
    order = permutation(seeds, count)  # (batch, places)
    hit = tf.ones_like(order[:, : _part("random", count, fraction)])
    return tf.reshape(put(hit, order) > 0, [-1, *lengths])


def _straight(lengths: list[int], hide: str, fraction: float, rank: int) -> tf.Tensor:
    """bool `(1, *places)`."""
    if hide in _MIDDLE:
        inside = fraction if hide == "center" else 1.0 - fraction
        axes = [axis for name, axis in _AXES[rank].items() if name != "time" or rank < 3]
        side = inside ** (1.0 / len(axes))  # as much of each side
        sizes = {axis: _part(hide, lengths[axis], side) for axis in axes}
        stretches = {axis: ((lengths[axis] - size) // 2, size) for axis, size in sizes.items()}
    else:
        axis = _axis(hide, rank)
        stretches = {axis: _stretch(hide, lengths[axis], fraction)}
    mask = tf.ones([1, *[1] * len(lengths)], tf.bool)
    for axis, (start, size) in stretches.items():
        place = tf.range(lengths[axis])
        inside_axis = (place >= start) & (place < start + size)
        shape = [1] + [lengths[axis] if each == axis else 1 for each in range(len(lengths))]
        mask &= tf.reshape(inside_axis, shape)
    return ~mask if hide == "surround" else mask


def _cut(value: tf.Tensor, key: str, axis: int, hide: str, fraction: float) -> dict[str, tf.Tensor]:
    length = value.shape[axis + 1]
    start, size = _stretch(hide, length, fraction)
    pieces = tf.split(
        value, [size, length - size] if start == 0 else [length - size, size], axis + 1
    )
    hidden, visible = pieces if start == 0 else reversed(pieces)
    return {key: visible, "target": hidden}


def _stretch(hide: str, length: int, fraction: float) -> tuple[int, int]:
    """Start and size of the hidden stretch of an axis."""
    size = _part(hide, length, fraction)
    return (0 if hide in ("top", "left", "past") else length - size), size


def _part(hide: str, length: int, fraction: float) -> int:
    """That fraction of a length, at least one and not all."""
    if length < 2:
        raise UserError(f"split: there is nothing to divide: '{hide}' of a length of {length}")
    return min(max(round(fraction * length), 1), length - 1)


def _axis(hide: str, rank: int) -> int:
    name = "time" if hide in _TIME else "rows" if hide in _ROWS else "columns"
    return _AXES[rank][name]


def _lengths(value: tf.Tensor, key: str, rank: int) -> list[int]:
    lengths = value.shape[1 : 1 + len(_AXES[rank])].as_list()
    if None in lengths:
        raise UserError(
            f"split needs examples of one known size, but '{key}' has the shape {value.shape}: "
            "resize, crop or pad them first"
        )
    return lengths  # type: ignore[no-any-return]


def _check(hide: str, fraction: float, remove: bool, key: str, rank: int) -> None:
    if hide not in _PARTS:
        raise UserError(f"split: hide '{hide}'{nearest(hide, _PARTS)}")
    if rank not in _AXES:
        raise UserError(f"split: rank {rank} is not 1, 2, 3 (an image) or 4 (a video)")
    if not 0.0 < fraction < 1.0:
        raise UserError(f"split: fraction {fraction} is not between 0 and 1")
    if key in ("target", "mask"):
        raise UserError(f"split writes '{key}' itself: rename the key")
    if remove and hide not in _REMOVABLE:
        raise UserError(
            f"split: '{hide}' cannot be cut off, only blanked; there is: {', '.join(_REMOVABLE)}"
        )
    if hide in _REMOVABLE:
        try:
            _axis(hide, rank)
        except KeyError:
            known = "past, future" if rank < 3 else "top, bottom, left, right"
            raise UserError(
                f"split: an example of rank {rank} has no '{hide}'; it has {known}, center, "
                "surround, random"
            ) from None
