"""Transforms that change how values are written: scale, shape, number of levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.random import bernoulli, content_seeds

_MODES = ("dynamic", "fixed", "threshold")

_LARGEST = {tf.uint8: 255.0, tf.uint16: 65535.0, tf.bool: 1.0}


def to_float(key: str = "image") -> MapFunction:
    """Scale whole-number pixels to float32 in [0, 1].

    uint8 is divided by 255, uint16 by 65,535; bool becomes 0 and 1. Floats keep their values,
    and must already lie in [0, 1]: the decoders and losses of kssl's models rely on it.

    Args:
        key: What is scaled; any shape.

    Returns:
        A map function; `key` becomes float32 of the same shape.

    Raises:
        UserError: From the map function, when `key` has another type.
        tf.errors.InvalidArgumentError: While data is read, when a float lies outside [0, 1].

    Example:
        >>> to_float()({"image": tf.constant([[[255]]], tf.uint8)})["image"].numpy().item()
        1.0
    """

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        value = batch[key]
        if value.dtype.is_floating:
            return {key: _in_unit_range("to_float", key, tf.cast(value, tf.float32))}
        if value.dtype not in _LARGEST:
            raise UserError(
                f"to_float takes uint8, uint16, bool or floats, but '{key}' is "
                f"{value.dtype.name}, whose largest value is unknown: divide it yourself"
            )
        return {key: tf.cast(value, tf.float32) / _LARGEST[value.dtype]}

    return by_batch("to_float", change, {key: None})


def flatten(key: str = "image", rank: int = 3) -> MapFunction:
    """Write each example as one row of numbers.

    Args:
        key: What is flattened.
        rank: Dimensions of one example: 3 for an image, 4 for a video.

    Returns:
        A map function; `key` goes from `(batch, …)` to `(batch, product of the rest)`.

    Raises:
        UserError: From the map function, when the shape is not known or not of this rank.

    Example:
        >>> flatten()({"image": tf.zeros((8, 28, 28, 1))})["image"].shape
        TensorShape([8, 784])
    """

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        value = batch[key]
        size = value.shape[1:].num_elements()
        if size is None:
            raise UserError(
                f"flatten needs '{key}' of one size, but its shape is {value.shape}: resize first"
            )
        return {key: tf.reshape(value, [-1, size])}  # (batch, size)

    return by_batch("flatten", change, {key: rank})


def binarize(
    mode: Literal["dynamic", "fixed", "threshold"] = "dynamic",
    threshold: float = 0.5,
    key: str = "image",
    rank: int = 3,
) -> MapFunction:
    """Make pixels black or white: 0.0 or 1.0.

    `dynamic` tosses a coin for every pixel, with its grey value as the probability of 1, anew in
    every epoch: R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief
    networks", ICML 2008, made their training set in this way once; drawing again is the
    custom since Y. Burda et al., arXiv:1509.00519. `fixed` tosses once: what comes up follows
    from the example itself, so that it is the same in each epoch and each run, whatever their
    seeds. It is not the set of 2008, which is a file. Log-likelihoods on fixed and dynamic
    pixels differ by about 2 nats on MNIST, so state which was used. `threshold` draws nothing.

    Args:
        mode: `dynamic`, `fixed` or `threshold`.
        threshold: With `threshold`, values above it become 1.
        key: What is binarized: float in [0, 1] (put `to_float` before).
        rank: Dimensions of one example: 3 for an image, 1 for a row.

    Returns:
        A map function; `key` becomes float32 of 0.0 and 1.0, of the same shape.

    Raises:
        UserError: The mode is unknown; from the map function, when `key` is not float.

    Example:
        >>> gray = {"image": tf.fill((2, 28, 28, 1), 0.5)}
        >>> sorted(set(binarize()(gray)["image"].numpy().ravel().tolist()))
        [0.0, 1.0]
    """
    if mode not in _MODES:
        raise UserError(f"binarize: mode '{mode}'{nearest(mode, _MODES)}")

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        value = values_of("binarize", batch, key)
        if mode == "threshold":
            return {key: tf.cast(value > threshold, tf.float32)}
        own = seeds[0] if seeds else content_seeds(value)
        return {key: tf.cast(bernoulli(own, lengths(value), value), tf.float32)}

    return by_batch("binarize", change, {key: rank}, random=mode == "dynamic")


def values_of(name: str, batch: Mapping[str, tf.Tensor], key: str) -> tf.Tensor:
    """The tensor under `key` as float32, or an error that tells how to get there."""
    if not batch[key].dtype.is_floating:
        raise UserError(
            f"{name} takes floats in [0, 1], but '{key}' is {batch[key].dtype.name}: "
            "put to_float before it"
        )
    return tf.cast(batch[key], tf.float32)


def lengths(value: tf.Tensor) -> list[int | tf.Tensor]:
    """The shape of one example: numbers where they are static, else scalar tensors."""
    dynamic = tf.shape(value)
    return [
        dynamic[axis] if length is None else length
        for axis, length in enumerate(value.shape)
        if axis > 0
    ]


def _in_unit_range(name: str, key: str, value: tf.Tensor) -> tf.Tensor:
    # The negated comparison catches NaN too.
    inside = tf.reduce_all((value >= 0.0) & (value <= 1.0))
    message = (
        f"{name}: '{key}' is already float, and must then lie in [0, 1]; "
        "it has values outside or NaN: scale the data"
    )
    with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
        return tf.identity(value)
