"""Spans of words behind one mask each, of lengths that the model must predict: BART's task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext import random
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.task import Task
from kssl.pretext.text.layout import check_fraction, count, ids_of, scattered, special_table
from kssl.tokenizers.vocabulary import vocabulary_of

_INSERTS = 8  # lengths that are drawn beyond the number of words to hide


def infill(vocabulary: Any = None, rate: float = 0.3, mean_length: float = 3.0) -> MapFunction:
    """Replace spans of words by one `[MASK]` each; the target is the whole row.

    Text infilling of M. Lewis et al., BART, arXiv:1910.13461. `ceil(rate * n)` of a row's `n`
    words are hidden, exactly: lengths are drawn from a Poisson distribution until there are so
    many, the last is cut to fit. A length of 0 puts a `[MASK]` between two words. Where the spans
    are is drawn evenly among all ways to place them without overlap (fairseq draws their places
    one by one, so that they can fall together and hide fewer words). Special tokens stay.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        rate: Fraction of the words that are hidden; BART's is 0.3.
        mean_length: Of a span, in words.

    Returns:
        A map function. `tokens` int32 `(length,)` has the masks, and `[PAD]` behind what is left;
        `padding_mask` follows; `target` is the row as it was, -1 at `[PAD]`. Without `starts` in
        the data, each token is a word. In the rare case that masks of length 0 make a full row
        longer, its end is cut off.

    Raises:
        UserError: There is no vocabulary, or it lacks a special token, or the rate is none.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["a b c d e f g h i j"], "words")
        >>> example = infill(words)({"tokens": tf.range(5, 15)})
        >>> hidden = set(range(5, 15)) - set(example["tokens"].numpy().tolist())
        >>> len(hidden)
        3
    """
    check_fraction("infill", rate, "rate")
    if mean_length <= 0:
        raise UserError(f"infill: mean_length {mean_length} is not above 0")
    known = vocabulary_of(vocabulary, "infill")
    mask, pad = known.role("mask", "infill"), known.role("pad", "infill")
    special = special_table(known)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor | None]:
        ids = ids_of("infill", batch)
        plain = ~tf.gather(special, ids)
        starts = plain & batch.get("starts", tf.ones_like(plain))
        length = ids.shape[1]
        most = math.ceil(length * rate) + _INSERTS
        drawn = poisson(random.fold_in(seeds, 0), most, mean_length)
        lengths, spans = used_lengths(drawn, hidden_words(count(starts), rate))
        begins = _places(random.fold_in(seeds, 1), count(starts), lengths, spans, length)
        row = Row(ids, ids != pad, starts, plain)
        tokens, there = fill(row, Spans(begins, lengths, spans), mask, pad)
        made = {"tokens": tokens, "padding_mask": there, "target": tf.where(ids == pad, -1, ids)}
        return made | dict.fromkeys(("starts", "sentence", "document"))  # of the row as it was

    optional = {"starts": 1, "sentence": 1, "document": 1}
    return by_batch("infill", change, {"tokens": 1}, True, optional, Task("tokens"))


def hidden_words(words: tf.Tensor, rate: float) -> tf.Tensor:
    """How many of some words are hidden: `ceil(rate * words)`, int32 like `words`."""
    # In float64, less what rounding may have added: 0.3 * 20 must be 6, not 6.0000001.
    exact = tf.cast(words, tf.float64) * tf.constant(float(rate), tf.float64)
    return tf.cast(tf.math.ceil(exact - 1e-6), tf.int32)


def poisson(seeds: tf.Tensor, draws: int, mean: float) -> tf.Tensor:
    """Draw from a Poisson distribution by its inverse: int32 `(batch, draws)`."""
    largest = int(mean + 12 * math.sqrt(mean) + 12)  # beyond it is less than float32 can tell
    logs = [number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(largest)]
    bounds = np.cumsum(np.exp(logs)).astype(np.float32)
    drawn = random.uniform(seeds, (draws,))
    return tf.reshape(
        tf.searchsorted(tf.constant(bounds), tf.reshape(drawn, [-1]), side="right"), tf.shape(drawn)
    )


def used_lengths(drawn: tf.Tensor, budget: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Take lengths in order until their sum is the budget; the last one is cut to fit.

    Args:
        drawn: int32 `(batch, most)`.
        budget: int32 `(batch,)`.

    Returns:
        The lengths that are used, `(batch, most)`, 0 behind them, and how many, `(batch,)`.
    """
    after = tf.cumsum(drawn, axis=1)
    before = after - drawn
    used = before < budget[:, None]
    lengths = tf.where(used, tf.minimum(drawn, budget[:, None] - before), 0)
    return lengths, count(used)


def _places(
    seeds: tf.Tensor, words: tf.Tensor, lengths: tf.Tensor, spans: tf.Tensor, length: int
) -> tf.Tensor:
    """The word that each span begins at: `(batch, most)`, any way of placing them alike."""
    most = lengths.shape[1]
    left = words - tf.reduce_sum(lengths, axis=1)  # words that stay
    # Words that stay and spans make a line; which places of the line are spans is drawn.
    items = length + most
    keys = random.uniform(seeds, (items,))
    keys = tf.where(tf.range(items) < (left + spans)[:, None], keys, -1.0)
    _, place = tf.math.top_k(keys, most)  # (batch, most)
    there = tf.range(most) < spans[:, None]
    place = tf.sort(tf.where(there, place, items), axis=1)
    staying = place - tf.range(most)  # words that stay in front of a span
    return staying + tf.cumsum(lengths, axis=1, exclusive=True)


class Row(NamedTuple):
    """Tokens and their words, each `(batch, length)`.

    Attributes:
        ids: int32.
        there: What is not padding.
        starts: The first token of each word.
        plain: What is of a word.
    """

    ids: tf.Tensor
    there: tf.Tensor
    starts: tf.Tensor
    plain: tf.Tensor


class Spans(NamedTuple):
    """Spans of words, in order.

    Attributes:
        begins: int32 `(batch, most)`: the word that each begins at, ascending.
        lengths: int32 `(batch, most)`: words of each; 0 puts a mask in front of a word.
        used: int32 `(batch,)`: how many there are.
    """

    begins: tf.Tensor
    lengths: tf.Tensor
    used: tf.Tensor


def fill(row: Row, spans: Spans, mask: int, pad: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Put one mask in place of each span of words.

    Args:
        row: The tokens.
        spans: The spans; they do not overlap.
        mask: The id of the mask.
        pad: The id of padding.

    Returns:
        The new ids and what of them is not padding, `(batch, length)`.
    """
    length, most = row.ids.shape[1], spans.lengths.shape[1]
    used = tf.range(most) < spans.used[:, None]
    begins = tf.where(used, spans.begins, length + 1)
    keep = row.there & ~_hidden(row, begins, tf.where(used, begins + spans.lengths, 0))
    kept = tf.cumsum(tf.cast(keep, tf.int32), axis=1)  # tokens kept up to each place
    at = tf.gather(_word_places(row), tf.minimum(begins, length), batch_dims=1)
    at = tf.where(used, at, length + 1)  # the place that each mask is put in front of
    # A token goes behind the tokens and masks in front of it; masks keep their order.
    places = tf.range(length)[None] + tf.zeros_like(row.ids)
    token_to = kept - 1 + tf.searchsorted(at, places, side="right")
    before = tf.gather(tf.pad(kept, [[0, 0], [1, 0]]), tf.minimum(at, length), batch_dims=1)
    mask_to = before + tf.range(most)
    to = tf.concat([tf.where(keep, token_to, length), tf.where(used, mask_to, length)], axis=1)
    values = tf.concat([row.ids, tf.fill(tf.shape(at), mask)], axis=1)
    written = scattered(tf.minimum(to, length), values, length + 1, pad)[:, :length]
    total = tf.minimum(kept[:, -1] + spans.used, length)
    there = tf.range(length) < total[:, None]
    return tf.where(there, written, pad), there


def _hidden(row: Row, begins: tf.Tensor, reach: tf.Tensor) -> tf.Tensor:
    """Tokens of words in a span: the last one that begins at or before the word reaches it."""
    word = tf.cumsum(tf.cast(row.starts, tf.int32), axis=1) - 1
    number = tf.searchsorted(begins, tf.maximum(word, 0), side="right") - 1
    furthest = tf.gather(reach, tf.maximum(number, 0), batch_dims=1)
    return row.plain & (word >= 0) & (number >= 0) & (word < furthest)


def _word_places(row: Row) -> tf.Tensor:
    """Where each word begins, then where the last one ends: `(batch, length + 1)`."""
    length = row.ids.shape[1]
    word = tf.cumsum(tf.cast(row.starts, tf.int32), axis=1) - 1
    places = tf.range(length)[None] + tf.zeros_like(word)
    behind = tf.reduce_max(tf.where(row.plain, places, -1), axis=1) + 1
    first = scattered(tf.where(row.starts, word, length + 1), places, length + 2, 0)
    beyond = tf.range(length + 1) >= count(row.starts)[:, None]
    return tf.where(beyond, behind[:, None], first[:, : length + 1])
