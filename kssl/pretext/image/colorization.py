"""Colorization: predict the colours of an image from its lightness."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.color import AB_RANGE, lab_channels, lab_to_rgb
from kssl.pretext.image.color_bins import REACH, SIZE, Prior, ab_bins, class_table, color_weights
from kssl.pretext.image.pixels import by_rows, image_size, unit_images
from kssl.pretext.task import Task

_TARGETS = ("regression", "soft", "hard")

_NEIGHBOURS = 5
_VIVID = 0.38  # temperature of pictures
_WIDTH = 5.0  # standard deviation of the soft encoding, in units of a and b
_AROUND = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)], np.int32)


def colorize(
    target: Literal["regression", "soft", "hard"] = "regression",
    stride: int | None = None,
    prior: Prior = "photographs",
    mix: float = 0.5,
    key: str = "image",
) -> MapFunction:
    """Leave only the lightness of each image; its colours are what is to be predicted.

    R. Zhang, P. Isola and A. Efros, "Colorful image colorization", arXiv:1603.08511. Lightness is
    L of CIE Lab, colours are a and b: as two numbers, whose mean is greyish wherever a thing can
    have several colours, or as one of 313 classes, of which rare ones count more.

    Args:
        target: `regression` (a and b), `soft` (a distribution over the classes: Gaussian weights,
            5 wide, of the 5 nearest) or `hard` (the nearest class).
        stride: Side in pixels of the squares whose mean colour is predicted; 1 for regression and
            4 for classes if left out, as in the paper: 313 numbers per place are many.
        prior: How frequent each class is, which gives the weights: an `.npz` file or the 313
            numbers that `kssl.pretext.fit_color_prior` makes from the training split. The
            default counts the two photographs that scikit-learn brings, so that a recipe needs
            no file; a prior of the data itself is better. None weighs all alike.
        mix: Fraction of the uniform distribution that is mixed into the prior; 0.5 as in the paper,
            1 weighs all alike.
        key: The images: uint8, or float in [0, 1], `(height, width, 3)`.

    Returns:
        A map function; `key` becomes L / 100, float32 `(height, width, 1)`. `target` is float32
        `(height / stride, width / stride, 2)`, a and b divided by 110, within -1 to 1; for `soft`
        float32 `(…, 313)`, which adds up to 1; for `hard` int32 `(…)`. For both of these
        `weight`, float32 `(…)`, is the weight of the nearest class, 1 on average.

    Raises:
        UserError: A setting is unknown or out of range, or the prior cannot be read; from the map
            function, when the images have no colour, or sides that `stride` does not divide.

    Example:
        >>> made = colorize("soft")({"image": tf.zeros((8, 32, 32, 3))})
        >>> made["image"].shape, made["target"].shape
        (TensorShape([8, 32, 32, 1]), TensorShape([8, 8, 8, 313]))
    """
    _check(target, stride, mix, key)
    step = (1 if target == "regression" else 4) if stride is None else stride
    weights = None if target == "regression" else tf.constant(color_weights(prior, mix))

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        light, *ab = lab_channels(unit_images("colorize", batch, key, color=True))
        light = light[..., None] * 0.01  # (batch, height, width, 1)
        ab = tf.stack(ab, axis=-1)  # (batch, height, width, 2)
        ab = _averaged(ab, image_size("colorize", batch, key), step, key)
        if weights is None:
            return {key: light, "target": ab * (1 / AB_RANGE)}
        centre, offset = _nearest(ab)
        number = _look_up(centre)  # (batch, height, width)
        made = number if target == "hard" else _soft(centre, offset)
        return {key: light, "target": made, "weight": tf.gather(weights, number)}

    # Lightness is whole, and all that the model reads: it is not left out for probes.
    classes = None if target == "regression" else len(ab_bins())
    task = Task(key, classes, skipped=False, decode=decoded, picture=partial(_colored, key))
    return by_batch("colorize", change, {key: 3}, task=task)


def decoded(maps: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the a and b, divided by 110, of maps as `colorize` writes them as targets.

    Of a distribution it is the mean, which has the smallest squared error and is greyish; or,
    with a temperature below 1, the annealed mean of arXiv:1603.08511, between it and the likeliest
    class, which is vivid but changes from place to place.

    Args:
        maps: `(examples, rows, columns)` numbers of classes; or `(…, 313)` distributions over them;
            or `(…, 2)` a and b already.
        temperature: Power 1 / temperature is taken of a distribution; 0.38 in the paper's pictures.

    Returns:
        float32 `(examples, rows, columns, 2)`.

    Example:
        >>> decoded(np.zeros((1, 4, 4, 2), "float32")).shape
        (1, 4, 4, 2)
    """
    centres = ab_bins() / AB_RANGE
    if maps.ndim == 3:
        return centres[maps]
    if maps.shape[-1] != len(centres):
        return np.asarray(maps, np.float32)
    sharp = np.power(maps, 1.0 / temperature)
    sharp /= np.maximum(sharp.sum(axis=-1, keepdims=True), 1e-12)
    return np.asarray(sharp @ centres, np.float32)


def _colored(key: str, batch: Mapping[str, np.ndarray], maps: np.ndarray) -> np.ndarray:
    """Return lightness with the colours of maps, see `decoded`, as images in [0, 1]."""
    ab = decoded(maps, _VIVID)
    light = tf.constant(batch[key], tf.float32) * 100.0  # (examples, height, width, 1)
    large = tf.image.resize(tf.constant(ab, tf.float32), light.shape[1:3])
    return lab_to_rgb(tf.concat([light, large * AB_RANGE], axis=-1)).numpy()


def _averaged(ab: tf.Tensor, size: tuple[int, int, int], step: int, key: str) -> tf.Tensor:
    height, width, _ = size
    if height % step or width % step:
        raise UserError(
            f"colorize: '{key}' is {height} x {width}, which squares of {step} (stride) do not "
            "fill: crop or resize it, or take another stride"
        )
    squares = tf.reshape(ab, [-1, height // step, step, width // step, step, 2])
    return squares[:, :, 0, :, 0] if step == 1 else tf.reduce_mean(squares, axis=[2, 4])


def _nearest(ab: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Nearest point of the grid, int32, and what is left to it; both `(…, 2)`."""
    rounded = tf.round(ab / SIZE)
    return tf.cast(rounded, tf.int32), ab - SIZE * rounded


def _look_up(points: tf.Tensor) -> tf.Tensor:
    """Class of points of the grid, -1 where there is none."""
    side = 2 * REACH + 1
    places = (points[..., 0] + REACH) * side + points[..., 1] + REACH
    return tf.gather(tf.constant(class_table().ravel()), places)


def _soft(centre: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Gaussian weights of the nearest classes: `(batch, height, width, 313)`."""
    # The five nearest of all classes are among the nine points around, for every colour of sRGB.
    classes = _look_up(centre[..., None, :] + _AROUND)  # (batch, height, width, 9)
    apart = tf.square(offset[..., None, :] - tf.constant(SIZE * _AROUND, tf.float32))
    distance = tf.where(classes >= 0, apart[..., 0] + apart[..., 1], 1e6)
    nearness, which = tf.math.top_k(-distance, _NEIGHBOURS)  # (batch, height, width, 5)
    weight = by_rows(tf.exp, nearness / (2 * _WIDTH**2))
    weight /= tf.reduce_sum(weight, axis=-1, keepdims=True)
    classes = tf.reshape(tf.gather(classes, which, batch_dims=3), [-1, _NEIGHBOURS])
    pixels = tf.range(tf.shape(classes)[0])[:, None]
    places = tf.reshape(pixels * len(ab_bins()) + classes, [-1, 1])
    size = tf.shape(classes)[:1] * len(ab_bins())
    dense = tf.scatter_nd(places, tf.reshape(weight, [-1]), size)
    return tf.reshape(dense, [-1, *centre.shape[1:3], len(ab_bins())])


def _check(target: str, stride: int | None, mix: float, key: str) -> None:
    if target not in _TARGETS:
        raise UserError(f"colorize: target '{target}'{nearest(target, _TARGETS)}")
    if stride is not None and stride < 1:
        raise UserError(f"colorize: stride {stride} is less than 1")
    if not 0.0 < mix <= 1.0:
        raise UserError(f"colorize: mix {mix} is not above 0 and at most 1")
    if key in ("target", "weight"):
        raise UserError(f"colorize writes '{key}' itself: rename the key")
