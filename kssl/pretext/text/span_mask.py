"""Which tokens of a row are taken out: spans of random lengths at random places."""

from __future__ import annotations

import tensorflow as tf

from kssl.pretext import random


def noise_mask(
    seeds: tf.Tensor, real: tf.Tensor, noise: tf.Tensor, spans: tf.Tensor, length: int, most: int
) -> tf.Tensor:
    """Which tokens are taken out: spans of random lengths, with random lengths between them.

    Args:
        seeds: int32 `(batch, 2)`.
        real: Tokens of each row, `(batch,)`.
        noise: How many are taken out, `(batch,)`.
        spans: In how many spans, `(batch,)`, at most `noise` and `real - noise`.
        length: Places of a row.
        most: Largest of `spans`.

    Returns:
        bool `(batch, length)`.
    """
    out = _segments(random.fold_in(seeds, 0), noise, spans, length, most)  # (batch, most)
    stay = _segments(random.fold_in(seeds, 1), real - noise, spans, length, most)
    # A row is: stay, out, stay, out, …
    both = tf.reshape(tf.stack([stay, out], axis=2), [-1, 2 * most])
    ends = tf.cumsum(both, axis=1)
    places = tf.range(length)[None] + tf.zeros_like(ends[:, :1])
    number = tf.searchsorted(ends, places, side="right")  # of the part that a place is in
    return (number % 2 == 1) & (number < 2 * spans[:, None])


def _segments(
    seeds: tf.Tensor, items: tf.Tensor, parts: tf.Tensor, length: int, most: int
) -> tf.Tensor:
    """Lengths of `parts` random parts of `items`, none empty: `(batch, most)`, 0 behind."""
    if most == 1:
        return items[:, None]
    # Cuts are parts - 1 different places among items - 1, each set of them equally likely.
    keys = random.uniform(seeds, (length,))
    keys = tf.where(tf.range(length) < items[:, None] - 1, keys, -1.0)
    _, cuts = tf.math.top_k(keys, min(most - 1, length))  # (batch, most - 1)
    used = tf.range(cuts.shape[1]) < parts[:, None] - 1
    cuts = tf.sort(tf.where(used, cuts + 1, items[:, None]), axis=1)
    edges = tf.concat([tf.zeros_like(items[:, None]), cuts, items[:, None]], axis=1)
    sizes = edges[:, 1:] - edges[:, :-1]
    return tf.pad(sizes, [[0, 0], [0, most - sizes.shape[1]]])
