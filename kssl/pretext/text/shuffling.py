"""Words or sentences in another order, or left out, to be restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext import random
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.task import Task
from kssl.pretext.text.layout import (
    check_fraction,
    chosen,
    ids_of,
    of_group,
    sources,
    special_table,
    taken,
    words_of,
)
from kssl.tokenizers.vocabulary import vocabulary_of


def shuffle_words(vocabulary: Any = None, distance: int | None = 3) -> MapFunction:
    """Put words into another order; tokens of a word stay together, special ones where they are.

    With a `distance`, as in G. Lample et al., "Unsupervised machine translation using monolingual
    corpora only", arXiv:1711.00043: words are sorted by place + U(0, distance + 1), so that none
    moves further than that.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        distance: How far a word can move, in words; None for any order of the row.

    Returns:
        A map function; `tokens` is in another order, `target` in the true one. Without `starts`
        in the data, each token is a word. If there are, they follow.

    Raises:
        UserError: There is no vocabulary, or the distance is below 1.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["a b c d"], "words")
        >>> shuffled = shuffle_words(words, None)({"tokens": tf.constant([2, 5, 6, 7, 8, 3])})
        >>> sorted(shuffled["tokens"].numpy().tolist())
        [2, 3, 5, 6, 7, 8]
    """
    if distance is not None and distance < 1:
        raise UserError(f"shuffle_words: distance {distance} is not 1 or more, or null for any")
    special = special_table(vocabulary_of(vocabulary, "shuffle_words"))

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = ids_of("shuffle_words", batch)
        plain = ~tf.gather(special, ids)
        starts = batch.get("starts", tf.ones_like(plain))
        word = words_of(starts)
        keys = random.uniform(seeds, ids.shape[1:])
        if distance is not None:
            keys = keys * (distance + 1) + tf.cast(tf.range(ids.shape[1]), tf.float32)
        order = _sorted_within(of_group(keys, word), plain)
        result = {"tokens": tf.gather(ids, order, batch_dims=1), "target": ids, "sentence": None}
        if "starts" in batch:
            result["starts"] = tf.gather(starts, order, batch_dims=1)
        return result

    optional = {"starts": 1, "sentence": 1}
    return by_batch("shuffle_words", change, {"tokens": 1}, True, optional, Task("tokens"))


def _sorted_within(keys: tf.Tensor, movable: tf.Tensor) -> tf.Tensor:
    """An order in which what is movable is sorted by its keys, and the rest stays in place."""
    infinity = tf.fill(tf.shape(keys), float("inf"))
    by_key = tf.argsort(tf.where(movable, keys, infinity), axis=-1, stable=True)
    number = tf.cumsum(tf.cast(movable, tf.int32), axis=-1) - 1  # of the movable places
    moved = tf.gather(by_key, tf.maximum(number, 0), batch_dims=1)
    return tf.where(movable, moved, tf.range(keys.shape[1]))


def shuffle_sentences() -> MapFunction:
    """Put the sentences of a row into random order, as BART does.

    M. Lewis et al., BART, arXiv:1910.13461. Special tokens stay where they are.

    Returns:
        A map function for rows of sentences: `tokens` is in another order, `target` in the true
        one; `sentence` and `starts` follow.

    Example:
        >>> row = {"tokens": tf.constant([2, 5, 6, 7, 3])}
        >>> row["sentence"] = tf.constant([-1, 0, 0, 1, -1])
        >>> shuffle_sentences()(row)["target"].numpy().tolist()
        [2, 5, 6, 7, 3]
    """

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, sentence = ids_of("shuffle_sentences", batch), batch["sentence"]
        keys = of_group(random.uniform(seeds, ids.shape[1:]), sentence)
        order = _sorted_within(keys, sentence >= 0)
        names = [name for name in ("tokens", "sentence", "starts") if name in batch]
        moved = {name: tf.gather(batch[name], order, batch_dims=1) for name in names}
        return moved | {"target": ids}

    reads = {"tokens": 1, "sentence": 1}
    return by_batch("shuffle_sentences", change, reads, True, {"starts": 1}, Task("tokens"))


def mask_sentences(
    vocabulary: Any = None, rate: float = 0.3, target_length: int | None = None
) -> MapFunction:
    """Replace whole sentences by one `[MASK]` each; they are to be generated.

    Gap sentences: J. Zhang et al., PEGASUS, arXiv:1912.08777, with sentences chosen at random
    ("Random"), not by how much they tell.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        rate: Fraction of the sentences of a row that are hidden: `max(1, round(rate * n))`.
        target_length: Ids of the target; that of the row if None.

    Returns:
        A map function for rows of sentences: `tokens` with `[MASK]` in place of the sentences,
        `padding_mask`, and `target`: the hidden sentences one after another, then `[SEP]`, int32
        `(target_length,)`, -1 behind it. `sentence` and `starts` follow.

    Raises:
        UserError: There is no vocabulary, or it lacks a special token, or the rate is none.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("test", "python_topics", {"kind": "words"}, 64, "sentences")
        >>> mask_sentences(rows.vocabulary, target_length=40)(next(iter(rows)))["target"].shape
        TensorShape([40])
    """
    check_fraction("mask_sentences", rate, "rate")
    known = vocabulary_of(vocabulary, "mask_sentences")
    mask, end, pad = (known.role(role, "mask_sentences") for role in ("mask", "end", "pad"))

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, sentence = ids_of("mask_sentences", batch), batch["sentence"]
        length = ids.shape[1]
        total = tf.reduce_max(sentence, axis=1) + 1
        number = tf.cast(tf.round(tf.cast(total, tf.float32) * rate), tf.int32)
        wanted = tf.minimum(tf.maximum(number, 1), total)
        eligible = tf.range(length) < total[:, None]
        hidden = chosen(random.uniform(seeds, (length,)), eligible, wanted, length)
        hit = of_group(hidden, sentence) & (sentence >= 0)  # (batch, length)
        new = tf.concat([tf.ones_like(hit[:, :1]), sentence[:, 1:] != sentence[:, :-1]], axis=1)
        index = sources((~hit & (ids != pad)) | (hit & new), length)
        tokens = taken(tf.where(hit, mask, ids), index, pad)
        result = {"tokens": tokens, "padding_mask": index < length}
        result["sentence"] = taken(tf.where(hit, -1, sentence), index, -1)
        if "starts" in batch:
            result["starts"] = taken(batch["starts"] | hit | (new & (sentence >= 0)), index, True)
        return result | {"target": _written(ids, hit, target_length or length, end)}

    reads = {"tokens": 1, "sentence": 1}
    return by_batch("mask_sentences", change, reads, True, {"starts": 1}, Task("tokens"))


def _written(ids: tf.Tensor, hit: tf.Tensor, length: int, end: int) -> tf.Tensor:
    """The tokens that were hit, then an end: `(batch, length)`, -1 behind it."""
    hit = hit & (tf.cumsum(tf.cast(hit, tf.int32), axis=1) < length)
    some = tf.reduce_any(hit, axis=1, keepdims=True)
    ids = tf.concat([ids, tf.fill(tf.shape(ids[:, :1]), end)], axis=1)
    return taken(ids, sources(tf.concat([hit, some], axis=1), length), -1)
