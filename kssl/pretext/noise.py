"""Transforms that corrupt the input, so that a model can learn to restore it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.pixels import put
from kssl.pretext.random import bernoulli, fold_in, normal, permutation
from kssl.pretext.scale import lengths, values_of
from kssl.pretext.task import Task


def noise(
    kind: Literal["gaussian", "masking", "salt_and_pepper", "swap"] = "gaussian",
    amount: float = 0.3,
    key: str = "image",
    target: str = "target",
    rank: int = 3,
) -> MapFunction:
    """Add noise to the input, and keep the clean one as the target.

    The corruptions of denoising autoencoders: P. Vincent et al., "Extracting and composing
    robust features with denoising autoencoders", ICML 2008 (masking), and "Stacked denoising
    autoencoders", JMLR 11, 2010 (the first three).

    Args:
        kind: `gaussian` adds normal noise of standard deviation `amount`, and does not clip, so
            that the noise has no bias at black and white. `masking` sets each value to 0 with
            probability `amount`. `salt_and_pepper` sets each value, with that probability, to 0 or
            1 with equal probability. `swap` lets each place, with probability `amount`, change
            places with another one of the same example, drawn at random: pixels with all their
            channels, steps of a sequence, single values of a row; so every value stays in the
            example. (For values of other rows of a table there is `corrupt_features`.)
        amount: How strong; 0 changes nothing. For all but the first it is a probability, at most 1.
        key: What is spoiled: float in [0, 1] (put `to_float` before).
        target: Where the clean one is written.
        rank: Dimensions of one example: 3 for an image, 1 for a row, 2 for a sequence.

    Returns:
        A map function; `key` is the noisy and `target` the clean input, both float32.

    Raises:
        UserError: The kind is unknown, the amount out of range, or the two keys the same; from
            the map function, when `key` is not float.

    Example:
        >>> spoiled = noise("masking", 0.5)({"image": tf.ones((4, 28, 28, 1))})
        >>> sorted(spoiled)
        ['image', 'target']
    """
    _check(kind, amount, key, target)
    spoil = _KINDS[kind]

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        clean = values_of("noise", batch, key)
        return {key: spoil(clean, amount, seeds), target: clean}

    return by_batch("noise", change, {key: rank}, random=True, task=Task(key, target=target))


def _gaussian(clean: tf.Tensor, amount: float, seeds: tf.Tensor) -> tf.Tensor:
    return clean + amount * normal(seeds, lengths(clean))


def _masking(clean: tf.Tensor, amount: float, seeds: tf.Tensor) -> tf.Tensor:
    return tf.where(bernoulli(seeds, lengths(clean), amount), 0.0, clean)


def _salt_and_pepper(clean: tf.Tensor, amount: float, seeds: tf.Tensor) -> tf.Tensor:
    hit = bernoulli(fold_in(seeds, 0), lengths(clean), amount)
    salt = bernoulli(fold_in(seeds, 1), lengths(clean))
    return tf.where(hit, tf.cast(salt, tf.float32), clean)


def _swap(clean: tf.Tensor, amount: float, seeds: tf.Tensor) -> tf.Tensor:
    sizes = lengths(clean)
    places = math.prod(sizes[:-1]) if len(sizes) > 1 else sizes[0]
    order = permutation(fold_in(seeds, 0), places)  # (batch, places)
    pairs = places // 2
    first, second, alone = order[:, :pairs], order[:, pairs : 2 * pairs], order[:, 2 * pairs :]
    hit = bernoulli(fold_in(seeds, 1), (pairs,), amount)
    sources = tf.where(tf.tile(hit, [1, 2]), tf.concat([second, first], 1), order[:, : 2 * pairs])
    sources = tf.concat([sources, alone], axis=1)
    sources = put(sources, order)  # (batch, places), where the value of each place comes from
    flat = tf.reshape(clean, tf.concat([[-1, places], tf.shape(clean)[max(2, len(sizes)) :]], 0))
    return tf.reshape(tf.gather(flat, sources, batch_dims=1), tf.shape(clean))


_KINDS: dict[str, Callable[[tf.Tensor, float, tf.Tensor], tf.Tensor]] = {
    "gaussian": _gaussian,
    "masking": _masking,
    "salt_and_pepper": _salt_and_pepper,
    "swap": _swap,
}


def _check(kind: str, amount: float, key: str, target: str) -> None:
    if kind not in _KINDS:
        raise UserError(f"noise: kind '{kind}'{nearest(kind, _KINDS)}")
    limit = float("inf") if kind == "gaussian" else 1.0
    if not 0.0 <= amount <= limit:
        meaning = (
            "a standard deviation, 0 or more" if kind == "gaussian" else "a probability, 0 to 1"
        )
        raise UserError(f"noise: amount {amount} is not {meaning}")
    if key == target:
        raise UserError(f"noise: key and target are both '{key}'; the clean input would be lost")
