"""Learning to count: the features of the parts add up to those of the whole image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import choose_rows, grayscale, image_size, unit_images
from kssl.pretext.random import bernoulli, choice, fold_in
from kssl.pretext.task import Task

# Both factors of a product of matrices are whole numbers, so small that their sums are exact in
# float32: an image is made small in the same way whatever batch it is in.
_PIXELS, _WEIGHTS = 2040.0, 4096.0

_TAPS = np.arange(-1.75, 2.0, 0.5)  # pixels under a filter, from its centre, in large pixels


def count(
    data: tf.data.Dataset | np.ndarray | None = None,
    pool: int = 1024,
    key: str = "image",
    gray: float = 2 / 3,
) -> MapFunction:
    """Make the whole image, small, its four quarters, and another image, small.

    M. Noroozi, H. Pirsiavash and P. Favaro, "Representation learning by learning to count",
    arXiv:1708.06734. A vector that counts things gives for the whole the sum of what it gives for
    the quarters, and something else for another image; the latter forbids that all be 0. What is
    made small is filtered at random in one of three ways (box, triangle, cubic), so that the
    traces of one filter do not tell small images from quarters; most images lose their colour,
    whose fringes would tell too. Probes see the whole, halved with the box filter, in its colours.

    Args:
        data: Where the other images come from: a dataset of examples, unbatched, or an array
            `(images, height, width, channels)`; in a recipe a dataset such as `{use: cifar10}`, of
            which the training split is taken. They do not come from the batch, so that what
            becomes of an example does not depend on which others are with it. If left out there
            is no `contrast`: a model can take the wholes of the batch's other examples.
        pool: At most so many images of `data` are kept in memory, from its start.
        key: The images: uint8, or float in [0, 1], `(height, width, channels)` with even sides.
        gray: Probability that an image of three channels loses its colour, in all its parts; two
            thirds in the paper.

    Returns:
        A map function; `key` becomes the small whole, `tiles` are the quarters row by row, `(4,
        height / 2, width / 2, channels)`, and `contrast` is a random small image of `data`, the
        next one where that is the image itself; all float32 in [0, 1], but the cubic filter
        overshoots a little at edges; what is made small is rounded to
        1 / 2040 before.

    Raises:
        UserError: `data` does not fit, `gray` is no probability; from the map function, when a side
            is odd or the images are not of the size of those in `data`.

    Example:
        >>> parts = count(np.zeros((5, 32, 32, 3), np.uint8))({"image": tf.zeros((8, 32, 32, 3))})
        >>> parts["image"].shape, parts["tiles"].shape, parts["contrast"].shape
        (TensorShape([8, 16, 16, 3]), TensorShape([8, 4, 16, 16, 3]), TensorShape([8, 16, 16, 3]))
    """
    if key in ("tiles", "contrast"):
        raise UserError(f"count writes '{key}' itself: rename the key")
    if not 0.0 <= gray <= 1.0:
        raise UserError(f"count: gray {gray} must be a probability")
    others = None if data is None else tf.constant(_read(data, pool, key))

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, Any]:
        images = _even(batch, key)
        shown = _without_color(images, gray, fold_in(seeds, 3))
        made = {key: _halved(shown, _filter(fold_in(seeds, 0))), "tiles": _quarters(shown)}
        if others is not None:
            other = _another(images, others, fold_in(seeds, 1), key)
            other = _without_color(other, gray, fold_in(seeds, 4))
            made["contrast"] = _halved(other, _filter(fold_in(seeds, 2)))
        return made

    def small(batch: Mapping[str, Any]) -> dict[str, Any]:
        images = _even(batch, key)
        return {**batch, key: _halved(images, tf.zeros(tf.shape(images)[:1], tf.int32))}

    return by_batch("count", change, {key: 3}, random=True, task=Task(key, instead=small))


def _even(batch: Mapping[str, tf.Tensor], key: str) -> tf.Tensor:
    height, width, _ = image_size("count", batch, key)
    if height % 2 or width % 2:
        raise UserError(
            f"count cuts images into quarters, which needs even sides, but '{key}' is {height} "
            f"x {width}: crop or resize it first"
        )
    return unit_images("count", batch, key)


def _without_color(images: tf.Tensor, gray: float, seeds: tf.Tensor) -> tf.Tensor:
    """Images of which so many have lost their colour."""
    if gray == 0.0 or images.shape[-1] != 3:
        return images
    without = tf.broadcast_to(grayscale(images), tf.shape(images))
    return choose_rows(bernoulli(seeds, (), gray), without, images)


def _quarters(images: tf.Tensor) -> tf.Tensor:
    height, width = images.shape[1] // 2, images.shape[2] // 2
    corners = [(top, left) for top in (0, height) for left in (0, width)]
    parts = [images[:, top : top + height, left : left + width] for top, left in corners]
    return tf.stack(parts, axis=1)  # (batch, 4, height / 2, width / 2, channels)


def _another(images: tf.Tensor, others: tf.Tensor, seeds: tf.Tensor, key: str) -> tf.Tensor:
    """A random one of the others for each image; the next one where that is the image itself."""
    if images.shape[1:] != others.shape[1:]:
        raise UserError(
            f"count: '{key}' is {tuple(images.shape[1:])}, but in `data` it is "
            f"{tuple(others.shape[1:])}: both must be made in the same way"
        )
    number = choice(seeds, (), others.shape[0])
    same = tf.reduce_all(_unit(others, number, key) == images, axis=[1, 2, 3])
    return _unit(others, (number + tf.cast(same, tf.int32)) % others.shape[0], key)


def _unit(others: tf.Tensor, number: tf.Tensor, key: str) -> tf.Tensor:
    return unit_images("count", {key: tf.gather(others, number)}, key)


def _filter(seeds: tf.Tensor) -> tf.Tensor:
    return choice(seeds, (), 3)  # box, triangle or cubic


def _halved(images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Half as high and wide, each image through the filter of that number."""
    height, width, channels = images.shape[1:]
    down, across = (tf.gather(_matrices(length), number) for length in (height, width))
    pixels = tf.round(images * _PIXELS)
    low = tf.matmul(down, tf.reshape(pixels, [-1, height, width * channels]))
    low = tf.round(low * (1 / _WEIGHTS))  # (batch, height / 2, width * channels)
    turned = tf.transpose(tf.reshape(low, [-1, height // 2, width, channels]), [0, 2, 1, 3])
    turned = tf.reshape(turned, [-1, width, height // 2 * channels])
    small = tf.matmul(across, turned) * (1 / (_PIXELS * _WEIGHTS))
    small = tf.reshape(small, [-1, width // 2, height // 2, channels])
    return tf.transpose(small, [0, 2, 1, 3])  # (batch, height / 2, width / 2, channels)


def _matrices(length: int) -> tf.Tensor:
    """The filters along an axis, mirrored at its ends: `(3, length / 2, length)`, whole numbers."""
    weights = np.round(_filters() * _WEIGHTS)
    weights[:, 3] += (_WEIGHTS - weights.sum(axis=1)) / 2
    weights[:, 4] += _WEIGHTS - weights.sum(axis=1)
    sources = 2 * np.arange(length // 2)[:, None] + np.arange(-3, 5)  # (length / 2, 8)
    sources = np.mod(sources, 2 * length)
    sources = np.where(sources < length, sources, 2 * length - 1 - sources)
    matrices = np.zeros((3, length // 2, length), np.float32)
    for tap, source in enumerate(sources.T):
        matrices[:, np.arange(length // 2), source] += weights[:, tap, None]
    return tf.constant(matrices)


def _filters() -> np.ndarray:
    """Weights of the pixels under a filter, which add up to 1: float32 `(3, 8)`."""
    distance = np.abs(_TAPS)
    box = (distance < 0.5) * 1.0
    triangle = np.maximum(1.0 - distance, 0.0)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1.0
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4.0 * distance + 2.0
    cubic = np.where(distance < 1.0, near, far)  # Keys 1981, with slope -1/2
    filters = np.stack([box, triangle, cubic])
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)


def _read(data: tf.data.Dataset | np.ndarray, pool: int, key: str) -> np.ndarray:
    if isinstance(data, tf.data.Dataset):
        if not isinstance(data.element_spec, dict) or key not in data.element_spec:
            raise UserError(f"count: the examples of `data` have no '{key}'")
        images = list(data.map(lambda example: example[key]).take(pool).as_numpy_iterator())
        data = np.stack(images) if images else np.zeros(0)
    data = np.asarray(data)[:pool]
    if data.ndim != 4 or len(data) < 2:
        raise UserError(
            "count: data must hold at least two images of one size, (images, height, width, "
            f"channels), but its shape is {data.shape}"
        )
    return data
