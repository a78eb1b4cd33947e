"""Single tokens hidden, to be predicted from their context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.moved import renamed
from kssl.pretext import random
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.task import Task
from kssl.pretext.text.layout import (
    check_fraction,
    count,
    ids_of,
    of_group,
    scattered,
    special_table,
    words_of,
)
from kssl.tokenizers.vocabulary import vocabulary_of

_PASSES = 4  # times that whole words are looked for to fill what is left of the number


@renamed(mask_share="mask_fraction", random_share="random_fraction")
def mask_tokens(
    vocabulary: Any = None,
    rate: float = 0.15,
    mask_fraction: float = 0.8,
    random_fraction: float = 0.1,
    whole_words: bool = False,
    exact: bool = True,
) -> MapFunction:
    """Hide tokens, which a model like BERT predicts from both sides; anew in every epoch.

    J. Devlin et al., BERT, arXiv:1810.04805; dynamic as in RoBERTa, arXiv:1907.11692. Of the
    tokens that are not special, `rate` are selected: of these, 80 % become `[MASK]`, 10 % a random
    token, 10 % stay as they are, and all are predicted. Random tokens are drawn evenly from those
    that are not special (BERT's own code draws from all, special ones too).

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        rate: Fraction of the tokens that are selected.
        mask_fraction: Fraction of the selected that become `[MASK]`.
        random_fraction: Fraction of the selected that become a random token; the rest is kept.
        whole_words: Whether all tokens of a word are selected or none; needs `starts` in the
            data. Words are taken in random order, one that would exceed the number is passed over,
            so that slightly fewer may be selected. What replaces a token is drawn for each.
        exact: Select exactly `max(1, round(rate * n))` of a row's `n` tokens, as BERT does (which
            counts special ones in `n`); or toss a coin for each, as RoBERTa does in Hugging Face's
            collator: then a row can have none.

    Returns:
        A map function; of int32 `(length,)` `tokens` some are replaced, `target` has the true ids
        of those selected and -1 elsewhere, and bool `masked` says which they are.

    Raises:
        UserError: There is no vocabulary, or it lacks `[MASK]`, or a fraction is not from 0 to 1.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["the cat sat on the mat"], "words")
        >>> example = mask_tokens(words, rate=0.4)({"tokens": tf.constant([2, 5, 6, 7, 8, 9, 3])})
        >>> int(tf.reduce_sum(tf.cast(example["masked"], tf.int32)))
        2
    """
    check_fraction("mask_tokens", rate, "rate")
    both = mask_fraction + random_fraction
    check_fraction("mask_tokens", both, "mask_fraction + random_fraction")
    smaller = min(mask_fraction, random_fraction)
    check_fraction("mask_tokens", smaller, "mask_fraction or random_fraction")
    known = vocabulary_of(vocabulary, "mask_tokens")
    if whole_words and not exact:
        raise UserError("mask_tokens: whole_words selects exact numbers only; leave exact: true")
    draw = _Replacements(known, mask_fraction, random_fraction)
    special = special_table(known)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = ids_of("mask_tokens", batch)
        eligible = ~tf.gather(special, ids)  # (batch, length)
        if not exact:
            hit = eligible & random.bernoulli(random.fold_in(seeds, 0), ids.shape[1:], rate)
            return _written(ids, hit, draw(seeds, ids))
        wanted = _wanted(count(eligible), rate)
        if whole_words:
            hit = _whole_words(seeds, eligible, batch["starts"], wanted)
            return _written(ids, hit, draw(seeds, ids))
        return _exactly(seeds, ids, eligible, wanted, draw, rate)

    reads = {"tokens": 1} | ({"starts": 1} if whole_words else {})
    return by_batch("mask_tokens", change, reads, True, task=Task("tokens"))


class _Replacements:
    """What stands where a token was selected: the mask, a random token, or the token."""

    def __init__(self, vocabulary: Any, mask_fraction: float, random_fraction: float) -> None:
        self.mask = vocabulary.role("mask", "mask_tokens")
        plain = np.setdiff1d(np.arange(vocabulary.size), vocabulary.special_ids)
        self.plain = plain.astype(np.int32)
        self.bounds = (mask_fraction, mask_fraction + random_fraction)

    def __call__(self, seeds: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        coin = random.uniform(random.fold_in(seeds, 1), ids.shape[1:])
        place = random.choice(random.fold_in(seeds, 2), ids.shape[1:], len(self.plain))
        first = int(self.plain[0])
        if len(self.plain) == self.plain[-1] - first + 1:
            other = place + first
        else:
            other = tf.gather(self.plain, place)
        replaced = tf.where(coin < self.bounds[1], other, ids)
        return tf.where(coin < self.bounds[0], self.mask, replaced)


def _wanted(eligible: tf.Tensor, rate: float) -> tf.Tensor:
    """How many of a row are selected; none of a row without any."""
    if rate == 0.0:
        return tf.zeros_like(eligible)
    number = tf.cast(tf.round(tf.cast(eligible, tf.float32) * rate), tf.int32)
    return tf.minimum(tf.maximum(number, 1), eligible)


def _written(ids: tf.Tensor, hit: tf.Tensor, new: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"tokens": tf.where(hit, new, ids), "target": tf.where(hit, ids, -1), "masked": hit}


def _exactly(
    seeds: tf.Tensor,
    ids: tf.Tensor,
    eligible: tf.Tensor,
    wanted: tf.Tensor,
    draw: _Replacements,
    rate: float,
) -> dict[str, tf.Tensor]:
    """Select by the largest of random keys; replacements are drawn for those alone."""
    length = ids.shape[1]
    most = min(length, max(1, round(length * rate) + 1))
    keys = random.uniform(random.fold_in(seeds, 0), (length,))
    _, index = tf.math.top_k(tf.where(eligible, keys, -1.0), most)  # (batch, most)
    old = tf.gather(ids, index, batch_dims=1)
    hit = tf.range(most) < wanted[:, None]
    index = tf.where(hit, index, length)  # the rest is written to a column that is cut off
    target = scattered(index, old, length + 1, -1)[:, :length]
    new = scattered(index, draw(seeds, old), length + 1, 0)[:, :length]
    return _written(ids, target >= 0, new) | {"target": target}


def _whole_words(
    seeds: tf.Tensor, eligible: tf.Tensor, starts: tf.Tensor, wanted: tf.Tensor
) -> tf.Tensor:
    """Select words in random order as long as they fit: bool `(batch, length)`."""
    length = eligible.shape[1]
    word = words_of(starts)
    keys = of_group(random.uniform(random.fold_in(seeds, 0), (length,)), word)
    order = tf.argsort(tf.where(eligible, keys, 2.0), axis=-1, stable=True)  # words stay whole
    sorted_word = tf.gather(word, order, batch_dims=1)
    can = tf.gather(eligible, order, batch_dims=1)
    size = tf.gather(_sizes(eligible, word, length), sorted_word, batch_dims=1)
    first = tf.concat([tf.ones_like(can[:, :1]), sorted_word[:, 1:] != sorted_word[:, :-1]], axis=1)
    hit = tf.zeros_like(can)
    for _ in range(_PASSES):
        left = (wanted - count(hit))[:, None]
        fits = can & ~hit & (size <= left)
        filled = tf.cumsum(tf.where(fits & first, size, 0), axis=1)
        hit |= fits & (filled <= left)
    return scattered(order, hit, length, False)


def _sizes(eligible: tf.Tensor, word: tf.Tensor, length: int) -> tf.Tensor:
    """Tokens of each word, `(batch, length)`."""
    batch = tf.shape(word)[0]
    flat = tf.reshape(tf.range(batch)[:, None] * length + tf.maximum(word, 0), [-1])
    ones = tf.reshape(tf.cast(eligible, tf.int32), [-1])
    return tf.reshape(tf.math.unsorted_segment_sum(ones, flat, batch * length), [batch, length])


def word_dropout(vocabulary: Any = None, rate: float = 0.5) -> MapFunction:
    """Replace tokens by `[UNK]`, so that a decoder cannot rely on the words before.

    S. Bowman et al., "Generating sentences from a continuous space", arXiv:1511.06349, for the
    decoder of a text VAE. Each token that is not special is replaced with probability `rate`.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        rate: Probability of each token to be replaced.

    Returns:
        A map function; in `tokens` some are `[UNK]`, `target` has all the true ids.

    Raises:
        UserError: There is no vocabulary, or it lacks `[UNK]`, or the rate is not from 0 to 1.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["the cat sat"], "words")
        >>> word_dropout(words, rate=1.0)({"tokens": tf.constant([2, 5, 6, 3])})["tokens"].numpy()
        array([2, 1, 1, 3], dtype=int32)
    """
    check_fraction("word_dropout", rate, "rate")
    known = vocabulary_of(vocabulary, "word_dropout")
    unknown, special = known.role("unknown", "word_dropout"), special_table(known)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = ids_of("word_dropout", batch)
        hit = random.bernoulli(seeds, ids.shape[1:], rate) & ~tf.gather(special, ids)
        return {"tokens": tf.where(hit, unknown, ids), "target": ids}

    return by_batch("word_dropout", change, {"tokens": 1}, True, task=Task("tokens"))
