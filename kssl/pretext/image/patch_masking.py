"""Masked image modelling: patches hidden from an encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import blank, by_rows, image_size
from kssl.pretext.random import choice, fold_in, uniform
from kssl.pretext.task import Task

_KINDS = ("random", "blocks")

_PROPOSALS = 16  # blocks that are drawn; the first few fill the fraction
_LEAST = 16 / 196  # fraction of the patches that a block has at least, as in BEiT
_LONGEST = 1 / 0.3  # a block is at most so many times as long as wide, as in BEiT


def mask_patches(
    patch_size: int = 16,
    mask_ratio: float = 0.75,
    kind: Literal["random", "blocks"] = "random",
    fill: float | None = None,
    key: str = "image",
) -> MapFunction:
    """Choose which patches of each image are hidden; their content is what is to be predicted.

    `random` hides patches anywhere, as in K. He et al., "Masked autoencoders are scalable vision
    learners", arXiv:2111.06377. `blocks` hides rectangles of patches, as in H. Bao et al., "BEiT",
    arXiv:2106.08254, at random places and up to 3.3 times as long as wide, until the count is
    reached; the last one is cut down around its centre. Both hide the same number in every image.

    Args:
        patch_size: Side of a patch in pixels.
        mask_ratio: Fraction of the patches that is hidden; the rest, rounded down, stays visible.
            0.75 for `random`; BEiT hides 0.4 in blocks.
        kind: `random` or `blocks`.
        fill: None leaves the image as it is, for a model that takes the visible patches out of it.
            A number blanks the hidden patches with it, in the units of the images, and the whole
            image is kept as `target`: for an encoder that cannot leave patches out.
        key: The images, `(height, width, channels)`, of any type.

    Returns:
        A map function; patches are counted row by row. `mask` is bool `(patches,)`, True for
        hidden; `visible` is int32 `(kept,)`, the visible patches in random order, or, for `blocks`,
        in the order of the rows; `restore` is int32 `(patches,)`: the place of each patch in the
        visible ones followed by the hidden ones, as `kssl.layers.MaskTokens` takes it.

    Raises:
        UserError: A setting is unknown or out of range; from the map function, when patches do not
            fill the image, or none is visible.

    Example:
        >>> masked = mask_patches(4)({"image": tf.zeros((8, 32, 32, 3))})
        >>> masked["mask"].shape, masked["visible"].shape
        (TensorShape([8, 64]), TensorShape([8, 16]))
    """
    _check(patch_size, mask_ratio, kind, key)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        rows, columns = _grid(*image_size("mask_patches", batch, key)[:2], patch_size, key)
        kept = _kept(rows * columns, mask_ratio)
        if kind == "random":
            order = tf.argsort(uniform(seeds, (rows * columns,)), axis=1, stable=True)
        else:
            order = _by_blocks(seeds, rows, columns, kept)
        places = _places(order, kept)
        if fill is None:
            return places
        hidden = tf.reshape(places["mask"], [-1, rows, columns])
        pixels = tf.repeat(tf.repeat(hidden, patch_size, axis=1), patch_size, axis=2)
        return {**places, key: blank(batch[key], pixels, fill), "target": batch[key]}

    return by_batch("mask_patches", change, {key: 3}, random=True, task=Task(key))


def _places(order: tf.Tensor, kept: int) -> dict[str, tf.Tensor]:
    """What is written, given the patches in order, the visible ones first: `(batch, patches)`."""
    restore = tf.argsort(order, axis=1)  # (batch, patches), the rank of each patch
    return {"mask": restore >= kept, "visible": order[:, :kept], "restore": restore}


def _by_blocks(seeds: tf.Tensor, rows: int, columns: int, kept: int) -> tf.Tensor:
    """The patches in order, those outside of all blocks first: int32 `(batch, patches)`."""
    reached = _first_block(seeds, rows, columns, rows * columns - kept)
    late = tf.argsort(tf.reshape(reached, [-1, rows * columns]), axis=1, direction="DESCENDING")
    return tf.concat([tf.sort(late[:, :kept], axis=1), late[:, kept:]], axis=1)


def _first_block(seeds: tf.Tensor, rows: int, columns: int, hidden: int) -> tf.Tensor:
    """When each patch is hidden: the number of the first block over it, plus how far out it is.

    float32 `(batch, rows, columns)`. Patches under no block come last, in random order.
    """
    count = rows * columns
    least = min(max(round(_LEAST * count), 1), hidden)
    area = uniform(fold_in(seeds, 0), (_PROPOSALS,), least, max(hidden, least))
    longer = uniform(fold_in(seeds, 1), (_PROPOSALS,), -0.5, 0.5) * math.log(_LONGEST)
    ratio = by_rows(tf.exp, longer)  # square root of height / width
    root = tf.sqrt(area)
    height = tf.clip_by_value(tf.cast(tf.round(root * ratio), tf.int32), 1, rows)
    width = tf.clip_by_value(tf.cast(tf.round(root / ratio), tf.int32), 1, columns)
    top = choice(fold_in(seeds, 2), (_PROPOSALS,), rows - height + 1)
    left = choice(fold_in(seeds, 3), (_PROPOSALS,), columns - width + 1)
    number = tf.range(_PROPOSALS, dtype=tf.float32)[:, None, None]
    down, right = _from_centre(top, height, rows), _from_centre(left, width, columns)
    out = tf.maximum(down[..., None], right[..., None, :])  # (batch, blocks, rows, columns)
    ties = uniform(fold_in(seeds, 4), (rows, columns))
    when = tf.where(out < 1.0, number + 0.9 * out, float(_PROPOSALS))
    return tf.reduce_min(when, axis=1) + 0.01 * ties


def _from_centre(first: tf.Tensor, size: tf.Tensor, length: int) -> tf.Tensor:
    """Distance from a block's centre, below 1 inside of it: float32 `(batch, blocks, length)`."""
    half = 0.5 * tf.cast(size, tf.float32)[..., None]
    centre = tf.cast(first, tf.float32)[..., None] + half
    return tf.abs(tf.range(length, dtype=tf.float32) + 0.5 - centre) / half


def _grid(height: int, width: int, patch_size: int, key: str) -> tuple[int, int]:
    if height % patch_size or width % patch_size:
        raise UserError(
            f"mask_patches: '{key}' is {height} x {width}, which patches of {patch_size} do not "
            "fill: crop or resize it, or take another patch_size"
        )
    return height // patch_size, width // patch_size


def _kept(patches: int, mask_ratio: float) -> int:
    kept = int(patches * (1 - mask_ratio))
    if kept < 1:
        raise UserError(
            f"mask_patches: mask_ratio {mask_ratio} leaves none of {patches} patches: lower it, or "
            "take smaller patches"
        )
    return kept


def _check(patch_size: int, mask_ratio: float, kind: str, key: str) -> None:
    if kind not in _KINDS:
        raise UserError(f"mask_patches: kind '{kind}'{nearest(kind, _KINDS)}")
    if patch_size < 1:
        raise UserError(f"mask_patches: patch_size {patch_size} is less than 1")
    if not 0.0 < mask_ratio < 1.0:
        raise UserError(f"mask_patches: mask_ratio {mask_ratio} is not between 0 and 1")
    if key in ("mask", "visible", "restore", "target"):
        raise UserError(f"mask_patches writes '{key}' itself: rename the key")
