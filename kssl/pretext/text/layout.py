"""What the transforms of tokens share: closing gaps, choosing, words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kssl.errors import UserError


def ids_of(name: str, batch: Mapping[str, tf.Tensor], key: str = "tokens") -> tf.Tensor:
    """The ids under `key` as int32, of a static length.

    Raises:
        UserError: They are no whole numbers, or their length is not known.
    """
    ids = batch[key]
    if not ids.dtype.is_integer:
        raise UserError(
            f"{name} takes ids, but '{key}' is {ids.dtype.name}: put tokenize before it, or take "
            "the data from tokens"
        )
    if ids.shape[-1] is None:
        raise UserError(f"{name} needs '{key}' of one length, but its shape is {ids.shape}")
    return tf.cast(ids, tf.int32)


def count(mask: tf.Tensor) -> tf.Tensor:
    """How many are True in each row: int32 `(batch,)`."""
    return tf.reduce_sum(tf.cast(mask, tf.int32), axis=-1)


def rank(keep: tf.Tensor) -> tf.Tensor:
    """The number of each True among those of its row, from 0; int32 like `keep`."""
    return tf.cumsum(tf.cast(keep, tf.int32), axis=-1) - 1


def sources(keep: tf.Tensor, length: int) -> tf.Tensor:
    """Where each place of the result comes from when gaps are closed.

    Args:
        keep: bool `(batch, places)`; what is False is left out.
        length: Places of the result.

    Returns:
        int32 `(batch, length)`: the place in `keep`; the number of places where nothing is left.
    """
    size = keep.shape[-1]
    place = rank(keep)
    place = tf.where(keep & (place < length), place, length)  # what is left out goes to the dump
    return scattered(place, tf.range(size)[None] + tf.zeros_like(place), length + 1, size)[
        :, :length
    ]


def scattered(place: tf.Tensor, values: tf.Tensor, length: int, fill: Any) -> tf.Tensor:
    """Write values to places of rows: `(batch, n)` each -> `(batch, length)`."""
    batch = tf.shape(place)[0]
    rows = tf.range(batch)[:, None] * length
    flat = tf.reshape(rows + place, [-1, 1])  # (batch * n, 1)
    empty = tf.fill([batch * length], tf.cast(fill, values.dtype))
    written = tf.tensor_scatter_nd_update(empty, flat, tf.reshape(values, [-1]))
    return tf.reshape(written, [place.shape[0] or batch, length])


def taken(values: tf.Tensor, index: tf.Tensor, fill: Any) -> tf.Tensor:
    """Values at `index`, `(batch, length)`; `fill` where the index is behind the last one."""
    filler = tf.fill(tf.shape(values[:, :1]), tf.cast(fill, values.dtype))
    return tf.gather(tf.concat([values, filler], axis=1), index, batch_dims=1)


def chosen(keys: tf.Tensor, eligible: tf.Tensor, wanted: tf.Tensor, most: int) -> tf.Tensor:
    """Which `wanted` of the eligible have the largest keys: exactly so many, of each row.

    Args:
        keys: float32 `(batch, places)` above 0.
        eligible: bool `(batch, places)`.
        wanted: int32 `(batch,)`, at most the number of eligible ones.
        most: The largest that `wanted` can be.

    Returns:
        bool `(batch, places)`.
    """
    places = keys.shape[-1]
    _, index = tf.math.top_k(tf.where(eligible, keys, -1.0), min(most, places))
    hit = tf.range(index.shape[-1]) < wanted[:, None]  # (batch, most)
    return scattered(tf.where(hit, index, places), hit, places + 1, False)[:, :places]


def words_of(starts: tf.Tensor) -> tf.Tensor:
    """The number of the word that each token is of: int32 like `starts`, from 0."""
    return tf.cumsum(tf.cast(starts, tf.int32), axis=-1) - 1


def of_group(values: tf.Tensor, group: tf.Tensor) -> tf.Tensor:
    """The value of each token's group: `values[group]` in each row; group -1 is taken as 0."""
    return tf.gather(values, tf.maximum(group, 0), batch_dims=1)


def special_table(vocabulary: Any) -> tf.Tensor:
    """Whether each id is special: bool `(size,)`."""
    table = [False] * vocabulary.size
    for number in vocabulary.special_ids:
        table[int(number)] = True
    return tf.constant(table)


def check_fraction(name: str, fraction: float, what: str) -> None:
    """Raise a UserError unless this is a fraction."""
    if not 0.0 <= fraction <= 1.0:
        raise UserError(f"{name}: {what} {fraction} is not a fraction from 0 to 1")
