"""Random changes of colour for whole batches: one small matrix per view, not one pass per change.

Brightness b, contrast c, saturation s, hue h and grey are linear in a pixel's colour. With luma
Y = 0.299 R + 0.587 G + 0.114 B, its mean M over the view, and the two chroma components of YIQ:

    Y' = b (c Y + (1 - c) M),   chroma' = b c s · chroma, turned by 360° h

Each alone is torchvision's, but for hue, which turns the chroma of YIQ (as DALI does) where
torchvision turns HSV's hue: the luma stays, and the direction is the same (red, yellow, green). As
they are linear, their order does not matter: a random order of them, as in SimCLR, differs only in
where values are clipped. Here they are clipped to [0, 1] once, at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from kssl.pretext.image.geometry import Range, between
from kssl.pretext.image.pixels import by_rows

DRAWS = 7  # numbers that a change of colour takes

LUMA = np.array([0.299, 0.587, 0.114])
_YIQ = np.stack([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_TURN = np.linalg.inv(_YIQ) @ [[0, 0, 0], [0, 0, 1], [0, -1, 0]] @ _YIQ  # by 90°, red to yellow

# What a row of pixels is multiplied with, as rows of nine numbers: to stay, be grey, be turned.
_PARTS = np.stack([np.eye(3), np.outer(LUMA, np.ones(3)), _TURN.T]).reshape(3, 9).astype("float32")


def color_jitter(
    values: tf.Tensor,
    numbers: tf.Tensor,
    probabilities: tuple[Any, Any],
    ranges: tuple[Range, Range, Range, Range],
) -> tf.Tensor:
    """Change the colours of views at random, and clip them to [0, 1].

    Args:
        values: In [0, 1], `(rows, height, width, channels)`; of one channel only brightness and
            contrast change, with three they are red, green and blue.
        numbers: Even in [0, 1), `(rows, DRAWS)`.
        probabilities: To change brightness, contrast, saturation and hue at all, and to become
            grey.
        ranges: Of brightness, contrast and saturation, factors around 1; of hue, a part of the
            circle around 0.

    Returns:
        float32, shaped like `values`, in [0, 1].
    """
    jitter, *four, gray = tf.split(numbers, DRAWS, axis=1)  # each (rows, 1)
    jittered = jitter < probabilities[0]
    brightness, contrast, saturation = (
        tf.where(jittered, between(number, limits), 1.0)
        for number, limits in zip(four[:3], ranges[:3], strict=True)
    )
    hue = tf.where(jittered, between(four[3], ranges[3]), 0.0)
    saturation = tf.where(gray < probabilities[1], 0.0, saturation)
    scale, pixels = brightness * contrast, values.shape[1] * values.shape[2]
    if values.shape[3] == 1:
        colored = tf.reshape(values, [-1, pixels]) * scale
    else:
        matrix = _matrix(scale, saturation, hue)
        colored = tf.matmul(tf.reshape(values, [-1, pixels, 3]), matrix)
        colored = tf.reshape(colored, [-1, pixels * 3])
    offset = brightness * (1.0 - contrast) * _mean_luma(values)  # (rows, 1)
    return tf.reshape(tf.clip_by_value(colored + offset, 0.0, 1.0), [-1, *values.shape[1:]])


def solarize(values: tf.Tensor, number: tf.Tensor, probability: Any) -> tf.Tensor:
    """Invert what is lighter than 0.5, in some of the views.

    Args:
        values: In [0, 1], `(rows, height, width, channels)`.
        number: Even in [0, 1), `(rows, 1)`.
        probability: Of a view to be solarized.

    Returns:
        float32, shaped like `values`.
    """
    threshold = tf.where(number < probability, 0.5, 1.0)
    flat = tf.reshape(values, [-1, values.shape[1:].num_elements()])
    return tf.reshape(flat - 2.0 * tf.nn.relu(flat - threshold), [-1, *values.shape[1:]])


def _matrix(scale: tf.Tensor, saturation: tf.Tensor, hue: tf.Tensor) -> tf.Tensor:
    """What a row of red, green and blue is multiplied with, `(rows, 3, 3)`."""
    angle = 2.0 * np.pi * hue
    along, aside = saturation * by_rows(tf.cos, angle), saturation * by_rows(tf.sin, angle)
    weights = tf.stack([scale * along, scale * (1.0 - along), scale * aside], axis=2)
    # A product of matrices, as TensorFlow would reorder a sum with constants inside tf.data.
    return tf.reshape(tf.matmul(weights, _PARTS), [-1, 3, 3])  # (rows, 1, 3) times (3, 9)


def _mean_luma(values: tf.Tensor) -> tf.Tensor:
    """Mean luma of each view, `(rows, 1)`."""
    height, width, channels = values.shape[1:]
    # Not `tf.reduce_mean`: its last bit depends on the batch where a row is no whole vector.
    colors = tf.nn.avg_pool2d(values, [height, width], 1, "VALID")[:, 0, 0]  # (rows, channels)
    if channels == 1:
        return colors
    return tf.reduce_sum(colors * LUMA.astype(np.float32), axis=1, keepdims=True)
