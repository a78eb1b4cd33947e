"""A dataset and a transform: TensorFlow and NumPy, never Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError, nearest

RADII = (0.2, 0.3, 0.4)  # of the image's width; the label is the index
SPLITS = ("train", "validation", "test")


def rings(split: str = "train", examples: int = 2000, size: int = 16) -> tf.data.Dataset:
    """Rings of three sizes at random places: every image follows from its index alone.

    Args:
        split: "train", "validation" or "test"; they have different indices.
        examples: Number of images in a split.
        size: Height and width in pixels.

    Returns:
        A dataset of dicts: "image" uint8 `(size, size, 1)`, "label" int64 0 to 2.

    Raises:
        UserError: There is no such split.

    Example:
        >>> rings("test", examples=10).element_spec["image"].shape
        TensorShape([16, 16, 1])
    """
    if split not in SPLITS:
        raise UserError(f"rings has no split {split!r}{nearest(split, SPLITS)}")
    first = SPLITS.index(split) * examples
    images, labels = draw(range(first, first + examples), size)
    return tf.data.Dataset.from_tensor_slices({"image": images, "label": labels})


def draw(indices: Iterable[int], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images `(n, size, size, 1)` uint8 and labels `(n,)` of some indices."""
    drawn = [np.random.default_rng(index).random(3) for index in indices]
    chance = np.stack(drawn)[:, :, None, None]  # (n, 3, 1, 1)
    labels = (chance[:, 0] * len(RADII)).astype(np.int64).reshape(-1)
    centre = 0.4 + 0.2 * chance[:, 1:]  # (n, 2, 1, 1)
    grid = (np.arange(size) + 0.5) / size
    away = np.hypot(grid[None, :, None] - centre[:, 0], grid[None, None, :] - centre[:, 1])
    thickness = (away - np.asarray(RADII)[labels][:, None, None]) * size  # (n, size, size), pixels
    images = np.clip(1.5 - np.abs(thickness), 0.0, 1.0) * 255
    return images.astype(np.uint8)[..., None], labels


def occlude(size: int = 6) -> Callable[..., dict[str, Any]]:
    """Hide a square of each image; the task is to restore it.

    Pathak et al., Context Encoders, arXiv:1604.07379, with one square at a random place.

    Args:
        size: Height and width of the square in pixels.

    Returns:
        A map function: "image" has the square set to zero, "target" is the image as it was.

    Raises:
        UserError: The square has no size.

    Example:
        >>> dataset = rings().map(pretext.to_float()).batch(64).map(occlude(size=4))
    """
    if size < 1:
        raise UserError(f"occlude: size must be at least 1 pixel; got {size}")

    def change(batch: dict[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        image = batch["image"]  # (batch, height, width, channels)
        height, width = tf.shape(image)[1], tf.shape(image)[2]
        corner = pretext.random.uniform(seeds, (2,))  # (batch, 2)
        rows = _hidden(corner[:, 0], height, size)[:, :, None, None]
        columns = _hidden(corner[:, 1], width, size)[:, None, :, None]
        return {"image": tf.where(rows & columns, tf.zeros_like(image), image), "target": image}

    return pretext.by_batch("occlude", change, {"image": 3}, random=True)


def _hidden(corner: tf.Tensor, length: tf.Tensor, size: int) -> tf.Tensor:
    """Return `(batch, length)`: which rows, or columns, the square covers."""
    room = tf.cast(tf.maximum(length - size, 0) + 1, tf.float32)
    first = tf.cast(tf.floor(corner * room), tf.int32)[:, None]
    position = tf.range(length)[None]
    return (position >= first) & (position < first + size)
