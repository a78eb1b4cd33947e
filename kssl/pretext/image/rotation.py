"""Rotation prediction: quarter turns as labels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import image_size, take_pixels
from kssl.pretext.random import choice
from kssl.pretext.shortcuts import borders
from kssl.pretext.task import Task


def rotate(all_four: bool = False, key: str = "image", label: str = "target") -> MapFunction:
    """Turn each image by 0, 90, 180 or 270 degrees; which one is the label.

    S. Gidaris, P. Singh and N. Komodakis, "Unsupervised representation learning by predicting
    image rotations", arXiv:1803.07728. Quarter turns only move pixels, so that no trace of
    resampling gives the label away. One that is older than the image can: the 8 × 8 blocks of a
    JPEG file lie elsewhere after a turn unless the side is a multiple of 8.

    Args:
        all_four: False turns each image in one way, each as likely; True gives all four of each
            image, as the paper trains, with an axis in front of the image: a model merges it
            into the batch, `dataset.unbatch()` makes four examples of it.
        key: The images, `(height, width, channels)` with equal sides, of any type.
        label: Where the number of quarter turns, anticlockwise, is written; before kssl 0.2 it was
            `rotation`.

    Returns:
        A map function; `key` keeps its shape and type and `label` is an int32 scalar; with
        `all_four` they become `(4, height, width, channels)` and `(4,)`, in order 0, 1, 2, 3.

    Raises:
        UserError: From the map function, when the images are not square.

    Example:
        >>> turned = rotate()({"image": tf.zeros((8, 32, 32, 3))})
        >>> turned["image"].shape, turned["target"].shape
        (TensorShape([8, 32, 32, 3]), TensorShape([8]))
    """
    if key == label:
        raise UserError(f"rotate: key and label are both '{key}'; the images would be lost")
    if label == "rotation":
        warnings.warn(
            "rotate: since kssl 0.2 pseudo-labels are under 'target': leave label='rotation' out",
            FutureWarning,
            stacklevel=2,
        )

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        height, width, _ = image_size("rotate", batch, key)
        if height != width:
            raise UserError(
                f"rotate turns by 90 degrees, which needs square images, but '{key}' is {height} x "
                f"{width}: crop or resize it to a square first"
            )
        size = tf.shape(batch[key])[0]
        turns = tf.tile(tf.range(4)[None], [size, 1]) if all_four else choice(*seeds, (), 4)
        places = tf.gather(tf.constant(_sources(height)), turns)  # (batch, [4,] side, side)
        return {key: take_pixels(batch[key], places), label: turns}

    task = Task(
        inputs=key,
        classes=4,
        shape=(4,) if all_four else None,
        names=("0 degrees", "90 degrees", "180 degrees", "270 degrees"),
        chance=0.25,
        shortcut=None if all_four else borders(key),
        target=label,
    )
    return by_batch("rotate", change, {key: 3}, random=not all_four, task=task)


def _sources(side: int) -> np.ndarray:
    """For each number of turns, where each pixel comes from: int32 `(4, side, side)`."""
    upright = np.arange(side * side, dtype=np.int32).reshape(side, side)
    return np.stack([np.rot90(upright, turns) for turns in range(4)])
