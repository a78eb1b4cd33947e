"""Images as grids of overlapping patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.geometry import in_unit_range
from kssl.pretext.image.view import View, changed, checked_images, make_views
from kssl.pretext.random import fold_in
from kssl.pretext.task import Task

_STILL = View((1.0, 1.0), flip=0.0, jitter=0.0, gray=0.0, blur=0.0)


def patch_grid(
    size: int | None = None,
    stride: int | None = None,
    augment: Mapping[str, Any] | None = None,
    keep: bool = True,
    key: str = "image",
) -> MapFunction:
    """Cut each image into a grid of overlapping patches, for contrastive predictive coding.

    A. van den Oord et al., arXiv:1807.03748 (CPC), and O. Henaff et al., arXiv:1905.09272. From
    256 pixels the papers take 7 × 7 patches of 64 with half overlap.

    Args:
        size: Side of a patch in pixels; a quarter of the image's shorter side if left out, as in
            the papers.
        stride: Distance from one patch to the next; half of `size` if left out, so that the grid
            is 7 × 7. What does not fill another patch is left at the borders, evenly.
        augment: Settings of `kssl.pretext.View` by which each patch is changed at random by itself,
            so that neighbours cannot be recognised by their colours: `{jitter: 0.8, gray: 0.2}`,
            `{scale: [0.8, 1.0]}`. Left out, patches stay as they are.
        keep: Whether `key` stays in the example, see `two_views`.
        key: The images: uint8, or float in [0, 1], `(height, width, channels)`; 1 or 3 channels.

    Returns:
        A map function; `patches` is float32 in [0, 1], `(rows, columns, size, size, channels)`.

    Raises:
        UserError: A setting is out of range; from the map function, when a patch is larger than
            the image, or `key` is no image of a known size with 1 or 3 channels.

    Example:
        >>> patch_grid()({"image": tf.zeros((8, 32, 32, 3))})["patches"].shape
        TensorShape([8, 7, 7, 8, 8, 3])
    """
    for name, value in (("size", size), ("stride", stride)):
        if value is not None and value < 1:
            raise UserError(f"patch_grid: {name} is {value}, but must be 1 or more")
    view = changed("patch_grid", _STILL, augment)
    random = view != _STILL

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, Any]:
        images = checked_images("patch_grid", batch[key])
        patches = _patches(images, size or min(images.shape[1:3]) // 4, stride)
        patches = _augmented(patches, view, *seeds) if random else in_unit_range(patches)
        return {"patches": patches} if keep else {"patches": patches, key: None}

    task = None if keep else Task("patches")  # else the image is still there for probes
    return by_batch("patch_grid", change, {key: 3}, random=random, task=task)


def _patches(images: tf.Tensor, size: int, stride: int | None) -> tf.Tensor:
    stride = stride or max(1, size // 2)
    sides = images.shape[1:3]
    if not 1 <= size <= min(sides):
        raise UserError(
            f"patch_grid: a patch of {size} x {size} does not fit into an image of "
            f"{sides[0]} x {sides[1]}: take smaller patches or larger images"
        )
    counts = [(side - size) // stride + 1 for side in sides]
    starts = [
        (side - size - (count - 1) * stride) // 2 for side, count in zip(sides, counts, strict=True)
    ]
    rows, columns = (
        [[start + stride * number + place for place in range(size)] for number in range(count)]
        for start, count in zip(starts, counts, strict=True)
    )
    patches = tf.gather(tf.gather(images, rows, axis=1), columns, axis=3)
    # (batch, rows, size, columns, size, channels)
    return tf.transpose(patches, [0, 1, 3, 2, 4, 5])


def _augmented(patches: tf.Tensor, view: View, seeds: tf.Tensor) -> tf.Tensor:
    """Each patch as an image of its own, with its own seed."""
    rows, columns, size, _, channels = patches.shape[1:]
    apart = tf.stack([fold_in(seeds, number) for number in range(rows * columns)], axis=1)
    single = tf.reshape(patches, [-1, size, size, channels])
    made = make_views("patch_grid", single, tf.reshape(apart, [-1, 2]), [view], size)
    return tf.reshape(made, [-1, rows, columns, size, size, channels])
