"""Colours as lightness and two opponent axes: conversion, and views of each kind.

CIE 1976 L*a*b* of sRGB colours (IEC 61966-2-1) under the white of daylight, D65, as the two-degree
observer sees it. L is 0 for black and 100 for white; a runs from green (negative) to red, b from
blue (negative) to yellow: -86 to 98 and -108 to 94 within sRGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import by_rows, unit_images
from kssl.pretext.task import Task

AB_RANGE = 110.0  # larger than any a or b of sRGB

# Linear red, green, blue -> X, Y, Z; the rows add up to the white of D65.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)
_FROM_RGB = (_TO_XYZ / _WHITE[:, None]).astype(np.float32)  # to X, Y, Z relative to white
_TO_RGB = np.linalg.inv(_TO_XYZ / _WHITE[:, None]).astype(np.float32)

_LINEAR_BELOW = (6 / 29) ** 3  # below, the cube root is replaced by a straight line
_SLOPE = (29 / 6) ** 2 / 3

# Luma and two colour differences of SECAM television (ITU-R BT.470), from -1 to 1.
_YDBDR = np.array(
    [[0.299, 0.587, 0.114], [-0.450, -0.883, 1.333], [-1.333, 1.116, 0.217]], np.float32
) / np.array([[1.0], [1.333], [1.333]], np.float32)


def color_views(
    space: Literal["lab", "ydbdr"] = "lab", keep: bool = True, key: str = "image"
) -> MapFunction:
    """Make two views of each image: its brightness and its colour.

    Two parts of one picture that share what is seen but no number: contrasted in Y. Tian,
    D. Krishnan and P. Isola, "Contrastive multiview coding", arXiv:1906.05849, and predicted from
    one another in R. Zhang, P. Isola and A. Efros, "Split-brain autoencoders", arXiv:1611.09842.
    No crop and no flip: put those before.

    Args:
        space: `lab` (L against a and b, both papers) or `ydbdr` (luma against two differences, a
            weighted sum of the channels; a little better in the first paper).
        keep: Whether `key` stays in the example, for probes and other evaluations.
        key: The images: uint8, or float in [0, 1], `(height, width, 3)`.

    Returns:
        A map function; `view_1` is brightness in 0 to 1, `(height, width, 1)`, and `view_2`
        colour within -1 to 1, `(height, width, 2)`, 0 for grey; L is divided by 100, a and b by
        110.

    Raises:
        UserError: The space is unknown; from the map function, when the images have no colour.

    Example:
        >>> views = color_views()({"image": tf.ones((8, 32, 32, 3))})
        >>> views["view_1"].shape, views["view_2"].shape
        (TensorShape([8, 32, 32, 1]), TensorShape([8, 32, 32, 2]))
    """
    if space not in ("lab", "ydbdr"):
        raise UserError(f"color_views: space '{space}'{nearest(space, ('lab', 'ydbdr'))}")

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        images = unit_images("color_views", batch, key, color=True)
        if space == "lab":
            light, color = scaled_lab(images)
        else:
            luma, *differences = _mixed(tf.unstack(images, axis=-1), _YDBDR)
            light, color = luma[..., None], tf.stack(differences, axis=-1)
        return {"view_1": light, "view_2": color, **({} if keep else {key: None})}

    task = None if keep else Task("view_1")  # else the image is still there for probes
    return by_batch("color_views", change, {key: 3}, task=task)


def scaled_lab(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """L / 100 `(batch, …, 1)` and a, b divided by 110 `(batch, …, 2)` of images in [0, 1]."""
    light, a, b = lab_channels(images)
    return light[..., None] * 0.01, tf.stack([a, b], axis=-1) * (1 / AB_RANGE)


def rgb_to_lab(images: tf.Tensor) -> tf.Tensor:
    """Convert sRGB colours to CIE Lab, D65.

    Args:
        images: float32 `(batch, …, 3)` in [0, 1], of a static shape.

    Returns:
        float32 of the same shape: L in 0 to 100, a, b; right to about 0.001.

    Example:
        >>> rgb_to_lab(tf.constant([[1.0, 0.0, 0.0]])).numpy().round(2)
        array([[53.24, 80.09, 67.2 ]], dtype=float32)
    """
    return tf.stack(lab_channels(images), axis=-1)


def lab_channels(images: tf.Tensor) -> list[tf.Tensor]:
    """L, a and b by themselves, see `rgb_to_lab`."""
    linear = by_rows(_linear, tf.convert_to_tensor(images, tf.float32))
    xyz = _mixed(tf.unstack(linear, axis=-1), _FROM_RGB)
    x, y, z = (by_rows(_bend, value) for value in xyz)
    return [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]


def lab_to_rgb(lab: tf.Tensor, clip: bool = True) -> tf.Tensor:
    """Convert CIE Lab, D65, to sRGB colours.

    Args:
        lab: float32 `(batch, …, 3)`: L in 0 to 100, a, b; of a static shape.
        clip: Whether colours outside of sRGB are cut to [0, 1], channel by channel.

    Returns:
        float32 of the same shape.

    Example:
        >>> lab_to_rgb(tf.constant([[100.0, 0.0, 0.0]])).numpy().round(3)
        array([[1., 1., 1.]], dtype=float32)
    """
    light, a, b = tf.unstack(tf.convert_to_tensor(lab, tf.float32), axis=-1)
    y = (light + 16.0) / 116.0
    xyz = [_straighten(bent) for bent in (y + a / 500.0, y, y - b / 200.0)]
    encoded = by_rows(_encoded, tf.stack(_mixed(xyz, _TO_RGB), axis=-1))
    return tf.clip_by_value(encoded, 0.0, 1.0) if clip else encoded


def _mixed(channels: list[tf.Tensor], matrix: np.ndarray) -> list[tf.Tensor]:
    """Each row of the matrix times the channels."""
    # Not `tf.matmul`, whose rounding depends on how many rows there are.
    first, second, third = channels
    return [row[0] * first + row[1] * second + row[2] * third for row in matrix]


def _linear(encoded: tf.Tensor) -> tf.Tensor:
    # exp and log, because `tf.pow` takes five times as long.
    curve = tf.exp(2.4 * tf.math.log((tf.maximum(encoded, 0.0) + 0.055) / 1.055))
    return tf.where(encoded > 0.04045, curve, encoded / 12.92)


def _encoded(linear: tf.Tensor) -> tf.Tensor:
    curve = 1.055 * tf.exp(tf.math.log(tf.maximum(linear, 1e-9)) / 2.4) - 0.055
    return tf.where(linear > 0.0031308, curve, 12.92 * linear)


def _bend(value: tf.Tensor) -> tf.Tensor:
    root = tf.exp(tf.math.log(tf.maximum(value, 1e-9)) / 3.0)
    return tf.where(value > _LINEAR_BELOW, root, _SLOPE * value + 4 / 29)


def _straighten(bent: tf.Tensor) -> tf.Tensor:
    return tf.where(bent > 6 / 29, bent * bent * bent, (bent - 4 / 29) / _SLOPE)
