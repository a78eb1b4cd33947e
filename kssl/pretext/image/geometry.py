"""Random crops, flips and blur of whole batches, the same for an image whatever its batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.pretext.image.pixels import by_rows

TRIES = 10  # crops that are tried before the largest one is taken
LANES = 16  # whole vectors only, so that a row does not feel its batch: see `by_rows`
DRAWS = 2 * LANES + 3  # numbers that a box takes

# Both factors of each matrix product are whole numbers, so small that float32 adds the products
# exactly: pixels up to 4080 = 16 * 255, weights up to 4096. The sum is then the same in any order:
# for any batch, number of cores and kind of processor.
PIXELS, WEIGHTS = 4080.0, 4096.0

# Inside tf.data, TensorFlow multiplies and adds constants in another order than it is told, which
# changes the last bit. Here a product or a sum holds one number that is no constant, or two.

Size = tuple[int, int]  # height, width
Range = tuple[Any, Any]  # least and largest: numbers, or tensors `(rows, 1)`


@dataclass(frozen=True)
class Boxes:
    """Where views are cut out of their images.

    Attributes:
        top: First row of pixels, float32 `(rows,)`; whole numbers, like the next three.
        left: First column.
        height: Rows of pixels.
        width: Columns.
        flip: Whether left and right are swapped, bool `(rows,)`.
    """

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    flip: tf.Tensor


def random_boxes(numbers: tf.Tensor, image: Size, scale: Range, ratio: Range, flip: Any) -> Boxes:
    """Draw the boxes of random resized crops, as Inception, torchvision and SimCLR do.

    An area is drawn evenly, and a ratio of width to height evenly on a logarithmic scale; the sides
    are rounded to pixels. Of ten such draws the first that fits into the image counts; if none
    does, the largest box of an allowed ratio. Its place is drawn evenly.

    Args:
        numbers: Even in [0, 1), `(rows, DRAWS)`.
        image: Height and width of the images.
        scale: Area, as a fraction of the image's.
        ratio: Width / height.
        flip: Probability of swapping left and right.
    """
    height, width = (float(side) for side in image)
    areas, ratios, others = tf.split(numbers, [LANES, LANES, 3], axis=1)
    pixels = height * width
    side = tf.sqrt(between(areas, (scale[0] * pixels, scale[1] * pixels)))  # (rows, LANES)
    half = between(ratios, (0.5 * _log(ratio[0]), 0.5 * _log(ratio[1])))
    tried = tf.round(side * tf.exp(-half)), tf.round(side * tf.exp(half))
    largest = tf.minimum(width / ratio[0], height), tf.minimum(height * ratio[1], width)
    heights, widths = (
        tf.concat([sides[:, :TRIES], tf.round(tf.ones_like(side[:, :1]) * last)], axis=1)
        for sides, last in zip(tried, largest, strict=True)
    )  # (rows, TRIES + 1)
    fits = (heights >= 1.0) & (heights <= height) & (widths >= 1.0) & (widths <= width)
    first = tf.argmax(tf.cast(fits, tf.int32), axis=1)  # (rows,)
    rows, columns = (tf.gather(sides, first, batch_dims=1) for sides in (heights, widths))
    top = tf.floor(others[:, 0] * (height - rows + 1.0))
    left = tf.floor(others[:, 1] * (width - columns + 1.0))
    return Boxes(top, left, rows, columns, (others[:, 2:] < flip)[:, 0])


def cut(images: tf.Tensor, boxes: Boxes, size: Size, sigma: Any = None) -> tf.Tensor:
    """Cut views out of images, and resize them with bilinear interpolation and antialiasing.

    Pixel centres lie at half a pixel. Beyond the image its border goes on; at the border of a box
    the pixels outside of it count, as in Pillow's `resize(box=)`.

    Where no box can be larger than the result there is nothing to antialias, and one operation of
    TensorFlow does it all. Otherwise each axis is a product with one matrix per view, which holds
    the triangle filter of Pillow and torchvision (width: two pixels of the coarser grid), and the
    blur. It rounds to 1/16 of a grey level of 255.

    Args:
        images: uint8, or float32 in [0, 1], `(batch, height, width, channels)`.
        boxes: `(rows,)`; the same number for each image, those of an image in succession.
        size: Height and width of the views.
        sigma: Standard deviation of a Gaussian blur of the views in pixels, `(rows, 1)`; 0 is none.

    Returns:
        float32 in [0, 1], `(rows, *size, channels)`.
    """
    if sigma is None and images.shape[1] <= size[0] and images.shape[2] <= size[1]:
        return _interpolated(images, boxes, size)
    return _filtered(images, boxes, size, sigma)


def between(numbers: tf.Tensor, limits: Range) -> tf.Tensor:
    """Spread numbers from [0, 1) over a range."""
    low, high = limits
    return low + (high - low) * numbers


def _log(limit: Any) -> Any:
    return by_rows(tf.math.log, limit) if tf.is_tensor(limit) else math.log(limit)


def in_unit_range(images: tf.Tensor) -> tf.Tensor:
    """The same as float32, bytes divided by 255."""
    return tf.cast(images, tf.float32) * (1 / 255) if images.dtype == tf.uint8 else images


def _interpolated(images: tf.Tensor, boxes: Boxes, size: Size) -> tf.Tensor:
    # One pixel of border on each side: beyond the image the operation would give black.
    padded = tf.concat([images[:, :1], images, images[:, -1:]], axis=1)
    padded = tf.concat([padded[:, :, :1], padded, padded[:, :, -1:]], axis=2)
    top, bottom = _ends(boxes.top, boxes.height, size[0], images.shape[1])
    left, right = _ends(boxes.left, boxes.width, size[1], images.shape[2])
    left, right = tf.where(boxes.flip, right, left), tf.where(boxes.flip, left, right)
    corners = tf.stack([top, left, bottom, right], axis=1)  # (rows, 4)
    return tf.image.crop_and_resize(in_unit_range(padded), corners, _sources(images, boxes), size)


def _ends(start: tf.Tensor, length: tf.Tensor, size: int, image: int) -> list[tf.Tensor]:
    """Where the first and the last pixel of a view lie, on the padded image from 0 to 1."""
    margin, unit = 0.5 / size, 1 / (image + 1)
    return [(start + length * fraction) * unit + 0.5 * unit for fraction in (margin, 1 - margin)]


def _sources(images: tf.Tensor, boxes: Boxes) -> tf.Tensor:
    """The number of each view's image, `(rows,)`."""
    batch = tf.shape(images)[0]
    return tf.repeat(tf.range(batch), tf.shape(boxes.top)[0] // batch)


def _filtered(images: tf.Tensor, boxes: Boxes, size: Size, sigma: Any) -> tf.Tensor:
    height, width, channels = images.shape[1:]
    batch, rows = tf.shape(images)[0], tf.shape(boxes.top)[0]
    across = _weights(boxes.left, boxes.width, boxes.flip, size[1], width, sigma)
    down = _weights(boxes.top, boxes.height, tf.zeros_like(boxes.flip), size[0], height, sigma)
    turned = tf.transpose(_whole(images), [0, 2, 1, 3])
    turned = tf.reshape(turned, [batch, 1, width, height * channels])
    across = tf.reshape(across, [batch, -1, size[1], width])  # one product for each view
    narrow = tf.matmul(across, turned)  # (batch, views, new width, height * channels)
    narrow = tf.round(narrow * ((16.0 if images.dtype == tf.uint8 else 1.0) / WEIGHTS))
    narrow = tf.transpose(tf.reshape(narrow, [rows, size[1], height, channels]), [0, 2, 1, 3])
    views = tf.matmul(down, tf.reshape(narrow, [rows, height, size[1] * channels]))
    return tf.reshape(views * (1 / (PIXELS * WEIGHTS)), [-1, *size, channels])


def _whole(images: tf.Tensor) -> tf.Tensor:
    """The pixels as whole numbers, in float32."""
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32)
    return tf.round(images * PIXELS)


def _weights(
    start: tf.Tensor, length: tf.Tensor, flip: tf.Tensor, size: int, image: int, sigma: Any
) -> tf.Tensor:
    """How much of each pixel of the image is in each of the view, `(rows, size, image)`, whole."""
    length = length[:, None]
    fractions = (np.arange(size, dtype=np.float32)[None] + 0.5) / size  # (1, size)
    fractions = tf.where(flip[:, None], fractions[:, ::-1], fractions)  # (rows, size)
    centres = tf.reshape(start[:, None] + length * fractions, [-1, 1])  # (rows * size, 1)
    reach = tf.reshape(tf.tile(tf.maximum(length * (1 / size), 1.0), [1, size]), [-1, 1])
    places = np.arange(image, dtype=np.float32)[None] + 0.5
    weights = tf.nn.relu(reach - tf.abs(places - centres))  # (rows * size, image)
    weights = tf.round(weights / tf.reduce_sum(weights, axis=1, keepdims=True) * WEIGHTS)
    weights = tf.reshape(weights, [-1, size, image])
    if sigma is None:
        return weights
    return tf.round(tf.matmul(_blur(sigma, size), weights) * (1 / WEIGHTS))


def _blur(sigma: tf.Tensor, size: int) -> tf.Tensor:
    """Gaussian blur along one axis as matrices of whole numbers, `(rows, size, size)`.

    The kernel is as wide as a tenth of the view; beyond the border the view is mirrored.
    """
    radius = max(1, size // 20)
    pattern = _mirrored(radius, size)  # (LANES * n, size * size)
    distance = np.arange(len(pattern), dtype=np.float32)[None]
    tail = tf.exp(-0.5 * tf.square(distance / tf.maximum(sigma, 1e-3)))
    tail = tf.where((distance >= 1) & (distance <= radius) & (sigma > 0.0), tail, 0.0)
    tail = tf.round(tail / (1.0 + 2.0 * tf.reduce_sum(tail, axis=1, keepdims=True)) * WEIGHTS)
    centre = WEIGHTS - 2.0 * tf.reduce_sum(tail, axis=1, keepdims=True)
    kernel = tf.where(distance == 0, centre, tail)
    return tf.reshape(tf.matmul(kernel, tf.constant(pattern)), [-1, size, size])


def _mirrored(radius: int, size: int) -> np.ndarray:
    """For each distance, which pairs of pixels have it: directly, or by way of the mirror."""
    one, other = np.arange(size)[:, None], np.arange(size)[None]
    ways = [np.abs(one - other)]
    ways.append(np.where(other >= 1, one + other, -1))
    ways.append(np.where(other <= size - 2, 2 * (size - 1) - one - other, -1))
    lanes = -(-(radius + 1) // LANES) * LANES
    distance = np.arange(lanes)[:, None, None]
    counts = sum((way == distance).astype(np.float32) for way in ways)
    return np.asarray(counts).reshape(lanes, size * size)
