"""What transforms of images share: sizes, cutting out, choosing between whole examples.

The work is done on flat rows of pixels: one look-up in one long table is several times faster on
a processor than a look-up along the axes of a batch, or than a broadcast choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError

_VECTOR = 16  # floats in the widest vector register


def image_size(name: str, batch: Mapping[str, tf.Tensor], key: str) -> tuple[int, int, int]:
    """Return height, width and channels of the images under `key`.

    Raises:
        UserError: They are not known before the data is read.
    """
    height, width, channels = batch[key].shape[1:]
    if None in (height, width, channels):
        raise UserError(
            f"{name} needs images of one known size, but '{key}' has the shape "
            f"{batch[key].shape}: resize or crop them first"
        )
    return height, width, channels


def unit_images(
    name: str, batch: Mapping[str, tf.Tensor], key: str, color: bool = False
) -> tf.Tensor:
    """Return images of a known size as float32 in [0, 1]; uint8 is divided by 255.

    Args:
        name: The transform's name, for its errors.
        batch: The tensors that it reads.
        key: The images.
        color: Whether they must have three channels.

    Raises:
        UserError: The size is not known, the type another one, or there is no colour.
    """
    channels = image_size(name, batch, key)[-1]
    images = batch[key]
    if color and channels != 3:
        raise UserError(
            f"{name} needs colour: '{key}' has {channels} channel{'s' * (channels != 1)}, "
            "and 3 are expected (red, green, blue)"
        )
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0  # as to_float does, to the last bit
    if not images.dtype.is_floating:
        raise UserError(
            f"{name} takes uint8, or floats in [0, 1], but '{key}' is {images.dtype.name}: "
            "put to_float before it"
        )
    return tf.cast(images, tf.float32)


def take_pixels(images: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Look pixels up by their number in the image, counted row by row.

    Args:
        images: `(batch, height, width, channels)`.
        places: int32 `(batch, *shape)`.

    Returns:
        `(batch, *shape, channels)`, of the images' type.
    """
    height, width, channels = images.shape[1:]
    first = tf.range(tf.shape(images)[0]) * (height * width)
    places += tf.reshape(first, [-1] + [1] * (places.shape.rank - 1))
    return tf.gather(tf.reshape(images, [-1, channels]), places)


def crops(images: tf.Tensor, top: tf.Tensor, left: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Cut pieces of one size out of each image.

    Args:
        images: `(batch, height, width, channels)`.
        top: int32 `(batch, *many)`, first row of each piece.
        left: int32 `(batch, *many)`, first column of each piece.
        size: Height and width of a piece.

    Returns:
        `(batch, *many, *size, channels)`.
    """
    rows = top[..., None, None] + tf.range(size[0])[:, None]  # (batch, *many, height, 1)
    columns = left[..., None, None] + tf.range(size[1])  # (batch, *many, 1, width)
    return take_pixels(images, rows * images.shape[2] + columns)


def put(values: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Write each row's values at its places, the inverse of a look-up; what is not named is 0.

    Args:
        values: `(batch, many)`.
        places: int32 `(batch, at least many)`, a permutation or the start of one.

    Returns:
        `(batch, size)`, of which `places` names the places.
    """
    size = tf.shape(places)[1]
    first = tf.range(tf.shape(places)[0])[:, None] * size
    flat = tf.reshape(places[:, : tf.shape(values)[1]] + first, [-1, 1])
    made = tf.scatter_nd(flat, tf.reshape(values, [-1]), tf.reshape(tf.size(places), [1]))
    return tf.reshape(made, tf.shape(places))


def choose_rows(condition: tf.Tensor, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    """Take whole examples from `yes` where the bool `(batch,)` is True, else from `no`."""
    # Not `tf.where`: it would spread the condition over every pixel first.
    return tf.raw_ops.Select(condition=condition, x=yes, y=no)


def grayscale(images: tf.Tensor) -> tf.Tensor:
    """Brightness `(…, 1)` of colours `(…, 3)`, as television had it (ITU-R BT.601)."""
    red, green, blue = tf.unstack(images, axis=-1)
    return (0.299 * red + 0.587 * green + 0.114 * blue)[..., None]


def by_rows(function: Callable[[tf.Tensor], tf.Tensor], values: tf.Tensor) -> tf.Tensor:
    """Apply exp, log, sin and the like so that an example does not feel its batch.

    A processor's vector instructions round them another way than its scalar ones, which finish
    what is left over; with whole vectors for each example nothing is left over.

    Args:
        function: Works on each number by itself.
        values: float32 `(batch, *shape)` with a static shape.
    """
    shape: Any = tf.shape(values)
    size = values.shape[1:].num_elements()
    missing = -size % _VECTOR
    flat = tf.reshape(values, [-1, size])
    if missing:
        flat = tf.pad(flat, [[0, 0], [0, missing]], constant_values=1.0)
    return tf.reshape(function(flat)[:, :size], shape)


def blank(values: tf.Tensor, hidden: tf.Tensor, fill: float) -> tf.Tensor:
    """Set places to one value.

    Args:
        values: `(batch, *places, …)`, of any type.
        hidden: bool `(batch, *places)`, True where `fill` goes.
        fill: In the units of `values`.
    """
    rest = values.shape[hidden.shape.rank :].num_elements()
    flat = tf.reshape(values, [-1, rest])  # (batch · places, values of a place)
    empty = tf.fill(tf.shape(flat), tf.cast(fill, values.dtype))
    return tf.reshape(choose_rows(tf.reshape(hidden, [-1]), empty, flat), tf.shape(values))


def filled(key: str, batch: Mapping[str, np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return images with values `(examples, height, width, channels)` where `mask` is True."""
    return np.where(batch["mask"][..., None], values, batch[key])
