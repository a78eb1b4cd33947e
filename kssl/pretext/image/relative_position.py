"""Relative position: where does the second patch lie, seen from the first?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import crops, image_size, unit_images
from kssl.pretext.random import choice, fold_in, normal
from kssl.pretext.shortcuts import patch_colors
from kssl.pretext.task import Task

# Steps down and to the right, row by row around the centre; the index is the label.
_STEPS = np.array([[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]], np.int32)

_NAMES = ("above left", "above", "above right", "left", "right")
_NAMES += ("below left", "below", "below right")

_COLOURS = ("drop", "project", "keep")


def relative_position(
    patch: int | None = None,
    gap: int | None = None,
    jitter: int | None = None,
    color: Literal["drop", "project", "keep"] = "drop",
    keep: bool = True,
    key: str = "image",
) -> MapFunction:
    """Cut out a patch and one of its eight neighbours; which neighbour it is is the label.

    C. Doersch, A. Gupta and A. Efros, "Unsupervised visual representation learning by context
    prediction", arXiv:1505.05192. A gap and a jitter keep lines that run on from giving the
    answer away. So does the lens: it enlarges green less than red and blue, so that the shift
    between the colours tells where in the photograph a patch was. `color` says what is done
    against that.

    Args:
        patch: Side of a patch in pixels; if left out, two ninths of the image's shorter side.
        gap: Pixels between a patch and its neighbour; half a patch if left out (48 of 96 in the
            paper).
        jitter: The neighbour is moved by up to so many pixels, in both directions; a
            fourteenth of the patch, at least 1, if left out (7 of 96 in the paper).
        color: `drop` keeps one random channel of each patch and fills the others with noise, a
            hundredth as strong, around its mean; `project` takes away the axis from green to
            magenta, along which the shift shows; `keep` leaves colours alone. Of one channel,
            all three do.
        keep: Whether `key` stays in the example, for probes and other evaluations.
        key: The images: uint8, or float in [0, 1], `(height, width, channels)`; 1 or 3 channels.

    Returns:
        A map function; `patches` is float32 `(2, patch, patch, channels)`, the patch and its
        neighbour, which are also `view_1` and `view_2`; `target` is int32: 0, 1, 2 above it from
        left to right, 3 and 4 beside, 5, 6, 7 below. The first patch lies anywhere where all eight
        neighbours are in the image, so that its place says nothing.

    Raises:
        UserError: A setting is out of range; from the map function, when three patches with gaps
            and jitter are larger than the image, or it has another number of channels.

    Example:
        >>> pair = relative_position()({"image": tf.zeros((8, 96, 96, 3))})
        >>> pair["patches"].shape, pair["target"].shape
        (TensorShape([8, 2, 21, 21, 3]), TensorShape([8]))
    """
    _check(patch, gap, jitter, color)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, Any]:
        height, width, channels = image_size("relative_position", batch, key)
        side, between, shift = _sizes(min(height, width), patch, gap, jitter)
        _check_size(height, width, channels, (side, between, shift), key)
        position = choice(fold_in(seeds, 0), (), len(_STEPS))
        starts = _starts(seeds, position, (height, width), (side, between, shift))
        images = unit_images("relative_position", batch, key)
        pair = crops(images, starts[..., 0], starts[..., 1], (side, side))
        if channels == 3 and color == "drop":
            pair = _one_channel(pair, fold_in(seeds, 3))
        elif channels == 3 and color == "project":
            pair = _projected(pair)
        one, two = tf.unstack(pair, axis=1)
        kept = {} if keep else {key: None}
        return {"patches": pair, "view_1": one, "view_2": two, "target": position, **kept}

    task = Task(
        inputs="patches",
        classes=len(_STEPS),
        names=_NAMES,
        chance=1 / len(_STEPS),
        shortcut=patch_colors("patches"),
    )
    return by_batch("relative_position", change, {key: 3}, random=True, task=task)


def _starts(
    seeds: tf.Tensor, position: tf.Tensor, size: tuple[int, int], lengths: tuple[int, int, int]
) -> tf.Tensor:
    """Corners of the patch and of its neighbour, `(batch, 2 patches, 2)`: rows and columns."""
    side, between, shift = lengths
    reach, drawn = side + between + shift, fold_in(seeds, 2)
    steps = tf.gather(tf.constant(_STEPS), position) * (side + between)  # (batch, 2)
    moved = choice(fold_in(seeds, 1), (2,), 2 * shift + 1) - shift
    free = [length - 2 * reach - side + 1 for length in size]
    places = [choice(fold_in(drawn, axis), (), free[axis]) for axis in (0, 1)]
    centre = reach + tf.stack(places, axis=1)  # (batch, 2)
    return tf.stack([centre, centre + steps + moved], axis=1)


def _one_channel(pair: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """One channel of each patch; in the place of the others noise around that one's mean."""
    count, side = pair.shape[1:3]
    kept = tf.one_hot(choice(fold_in(seeds, 0), (count,), 3), 3)[:, :, None]  # (batch, 2, 1, 3)
    flat = tf.reshape(pair, [-1, count, side * side, 3])
    only = tf.reduce_sum(flat * kept, axis=-1)  # (batch, 2, pixels)
    mean = tf.reduce_mean(only, axis=2, keepdims=True)
    spread = tf.sqrt(tf.reduce_mean(tf.square(only - mean), axis=2, keepdims=True))
    noise = normal(fold_in(seeds, 1), (count, side * side, 3))
    filled = mean[..., None] + 0.01 * spread[..., None] * noise
    return tf.reshape(flat * kept + filled * (1.0 - kept), tf.shape(pair))


def _projected(pair: tf.Tensor) -> tf.Tensor:
    """Colours without their part along (-1, 2, -1), from magenta to green."""
    red, green, blue = tf.unstack(pair, axis=-1)
    part = (2.0 * green - red - blue) / 6.0
    return tf.stack([red + part, green - 2.0 * part, blue + part], axis=-1)


def _sizes(
    side: int, patch: int | None, gap: int | None, jitter: int | None
) -> tuple[int, int, int]:
    patch = side * 2 // 9 if patch is None else patch
    gap = patch // 2 if gap is None else gap
    jitter = max(round(patch / 14), 1) if jitter is None else jitter
    return patch, gap, jitter


def _check_size(
    height: int, width: int, channels: int, sizes: tuple[int, int, int], key: str
) -> None:
    patch, gap, jitter = sizes
    needed = 3 * patch + 2 * (gap + jitter)
    if patch < 1 or needed > min(height, width):
        raise UserError(
            f"relative_position: three patches of {patch} with gaps of {gap} and a jitter of "
            f"{jitter} need {max(needed, 5)} pixels, but '{key}' is {height} x {width}: take "
            "larger images or smaller patches"
        )
    if channels not in (1, 3):
        raise UserError(f"relative_position takes 1 or 3 channels; '{key}' has {channels}")


def _check(patch: int | None, gap: int | None, jitter: int | None, color: str) -> None:
    if color not in _COLOURS:
        raise UserError(f"relative_position: color '{color}'{nearest(color, _COLOURS)}")
    for name, value, least in (("patch", patch, 1), ("gap", gap, 0), ("jitter", jitter, 0)):
        if value is not None and value < least:
            raise UserError(f"relative_position: {name} {value} is less than {least}")
