"""A word and its neighbours, for word embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext import random
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.task import Task
from kssl.pretext.text.layout import ids_of, sources, taken
from kssl.tokenizers.vocabulary import vocabulary_of

Rule = Literal["word2vec", "paper"]

_TASK = Task("center", target="context")


def skip_gram(
    vocabulary: Any = None,
    window: int = 5,
    negatives: int = 5,
    sample: float = 1e-3,
    rule: Rule = "word2vec",
    power: float = 0.75,
    pairs: int | None = None,
) -> MapFunction:
    """Pairs of a word and a neighbour, and noise words: word2vec's skip-gram.

    T. Mikolov et al., "Distributed representations of words and phrases", arXiv:1310.4546, as
    word2vec.c does it. Frequent words are left out first, so that the words around them come
    nearer; each word then looks `1 … window` words to both sides, the number drawn evenly for
    each word, anew in every epoch; windows do not cross documents where rows have `document`.

    Args:
        vocabulary: With the counts of its ids; in a recipe, that of the data unless it is given.
        window: Most words to each side.
        negatives: Noise words for each pair.
        sample: Threshold of the sub-sampling: 1e-3 is word2vec.c's; 0 keeps all.
        rule: A word of frequency `f` is kept with probability `sqrt(sample / f) + sample / f`, as
            in word2vec.c and gensim (`word2vec`), or `sqrt(sample / f)`, as the paper says
            (`paper`).
        power: Noise words are drawn in proportion to `count ** power`. One that is the neighbour
            itself is drawn once more.
        pairs: Pairs of a row, so that shapes are static: what is lacking has weight 0, what is
            over is left out at the end. None is the number without sub-sampling plus four
            standard deviations.

    Returns:
        A map function; adds `center` and `context` int32 `(pairs,)`, `negatives` int32
        `(pairs, negatives)` and `weight` float32 `(pairs,)`, 1 for a pair and 0 for none. Special
        tokens are never in a pair.

    Raises:
        UserError: There is no vocabulary, or it has no counts, or a setting is out of range.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("train", "python_topics", {"kind": "words"}, 64)
        >>> example = skip_gram(rows.vocabulary, window=2, pairs=100)(next(iter(rows)))
        >>> example["center"].shape, example["negatives"].shape
        (TensorShape([100]), TensorShape([100, 5]))
    """
    task = _Words("skip_gram", vocabulary, window, negatives, sample, rule, power)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, valid, neighbours = task.windows(batch, seeds)
        length = ids.shape[1]
        spread = 4 * math.sqrt(length * (window**2 - 1) / 3)
        size = pairs or min(length * 2 * window, math.ceil(length * (window + 1) + spread))
        flat = tf.reshape(valid, [-1, length * 2 * window])  # (batch, candidates)
        index = sources(flat, size)
        there = index < length * 2 * window
        center = taken(tf.repeat(ids, 2 * window, axis=1), index, 0)
        context = taken(tf.reshape(neighbours, tf.shape(flat)), index, 0)
        return {
            "center": center,
            "context": context,
            "negatives": task.noise(seeds, context),
            "weight": tf.cast(there, tf.float32),
        }

    return by_batch("skip_gram", change, {"tokens": 1}, True, {"document": 1}, _TASK)


def cbow(
    vocabulary: Any = None,
    window: int = 5,
    negatives: int = 5,
    sample: float = 1e-3,
    rule: Rule = "word2vec",
    power: float = 0.75,
) -> MapFunction:
    """A word, to be predicted from the words around it, and noise words: word2vec's CBOW.

    T. Mikolov et al., "Efficient estimation of word representations", arXiv:1301.3781. Sub-sampling
    and windows are those of `skip_gram`.

    Args:
        vocabulary: With the counts of its ids; in a recipe, that of the data unless it is given.
        window: Most words to each side.
        negatives: Noise words for each word.
        sample: See `skip_gram`.
        rule: See `skip_gram`.
        power: See `skip_gram`.

    Returns:
        A map function; adds `center` int32 `(length,)`, `context` int32 `(length, 2 * window)`
        with `context_mask` bool, `negatives` int32 `(length, negatives)` and `weight` float32
        `(length,)`: 0 where a word was left out, or has none around it.

    Raises:
        UserError: There is no vocabulary, or it has no counts, or a setting is out of range.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("train", "python_topics", {"kind": "words"}, 64)
        >>> example = cbow(rows.vocabulary, window=2)(next(iter(rows)))
        >>> example["center"].shape, example["context"].shape
        (TensorShape([64]), TensorShape([64, 4]))
    """
    task = _Words("cbow", vocabulary, window, negatives, sample, rule, power)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, valid, neighbours = task.windows(batch, seeds)
        return {
            "center": ids,
            "context": tf.where(valid, neighbours, 0),
            "context_mask": valid,
            "negatives": task.noise(seeds, ids),
            "weight": tf.cast(tf.reduce_any(valid, axis=2), tf.float32),
        }

    return by_batch("cbow", change, {"tokens": 1}, True, {"document": 1}, _TASK)


class _Words:
    """What both share: which words are kept, their windows, and the noise."""

    def __init__(
        self,
        name: str,
        vocabulary: Any,
        window: int,
        negatives: int,
        sample: float,
        rule: Rule,
        power: float,
    ) -> None:
        known = vocabulary_of(vocabulary, name)
        if window < 1 or negatives < 1 or sample < 0:
            raise UserError(
                f"{name}: window {window} and negatives {negatives} must be 1 or more, and "
                f"sample {sample} 0 or more"
            )
        counts = np.array(known.counts, np.float64)
        counts[known.special_ids[known.special_ids < len(counts)]] = 0  # never in a pair
        if not counts.any():
            raise UserError(f"{name} needs a vocabulary with the counts of its ids in a corpus")
        self.name, self.window, self.negatives = name, window, negatives
        kept = keep_probability(counts, sample, rule) if sample else (counts > 0).astype(float)
        self.kept = tf.constant(kept, tf.float32)
        self.threshold, self.alias = (tf.constant(each) for each in _alias(counts, power))

    def windows(
        self, batch: Mapping[str, tf.Tensor], seeds: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Ids without those left out, and for each the words around it, and which of them count."""
        ids = ids_of(self.name, batch)
        length, window = ids.shape[1], self.window
        probability = tf.gather(self.kept, ids)
        index = sources(random.bernoulli(random.fold_in(seeds, 0), (length,), probability), length)
        there = index < length  # (batch, length)
        ids = taken(ids, index, 0)
        group = taken(batch["document"], index, -1) if "document" in batch else tf.zeros_like(ids)
        group = tf.where(there, group, -1)
        reach = 1 + random.choice(random.fold_in(seeds, 1), (length,), window)
        sides = [each for each in range(-window, window + 1) if each]
        around = tf.stack([_shifted(ids, side, 0) for side in sides], axis=2)
        # (batch, length, 2 * window)
        near = tf.constant([abs(side) for side in sides]) <= reach[..., None]
        same = tf.stack([_shifted(group, side, -2) == group for side in sides], axis=2)
        return ids, near & same & there[..., None], around

    def noise(self, seeds: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """Noise words for each word: `(batch, words, negatives)`."""
        size = words.shape[1]
        drawn = self._draw(random.fold_in(seeds, 2), (size, self.negatives))
        again = self._draw(random.fold_in(seeds, 3), (size, 1))
        return tf.where(drawn == words[..., None], again, drawn)

    def _draw(self, seeds: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
        column = random.choice(random.fold_in(seeds, 0), shape, self.alias.shape[0])
        coin = random.uniform(random.fold_in(seeds, 1), shape)
        stays = coin < tf.gather(self.threshold, column)
        return tf.where(stays, column, tf.gather(self.alias, column))


def _shifted(values: tf.Tensor, side: int, fill: int) -> tf.Tensor:
    """The values `side` places further on; `fill` where there are none."""
    if side > 0:
        return tf.pad(values[:, side:], [[0, 0], [0, side]], constant_values=fill)
    return tf.pad(values[:, :side], [[0, 0], [-side, 0]], constant_values=fill)


def keep_probability(counts: Any, sample: float, rule: Rule = "word2vec") -> np.ndarray:
    """The probability with which each word is kept when frequent ones are thinned out.

    Args:
        counts: How often each word is in the corpus.
        sample: Threshold.
        rule: `word2vec`: `sqrt(t / count) + t / count`, at most 1, with `t = sample * total`, the
            rule of word2vec.c and gensim. `paper`: `sqrt(t / count)`, that of arXiv:1310.4546.

    Returns:
        float64, like `counts`; 0 for words that are never there.

    Example:
        >>> keep_probability([1000, 1], 1e-3).round(4).tolist()
        [0.0326, 1.0]
    """
    if rule not in ("word2vec", "paper"):
        raise UserError(f"rule '{rule}'{nearest(str(rule), ('word2vec', 'paper'))}")
    counts = np.asarray(counts, np.float64)
    ratio = sample * counts.sum() / np.maximum(counts, 1e-12)
    kept = np.sqrt(ratio) + (ratio if rule == "word2vec" else 0.0)
    return np.where(counts > 0, np.minimum(kept, 1.0), 0.0)


def noise_distribution(counts: Any, power: float = 0.75) -> np.ndarray:
    """The probability of each word as noise: in proportion to `count ** power`.

    Example:
        >>> noise_distribution([16, 1, 0]).round(4).tolist()
        [0.8889, 0.1111, 0.0]
    """
    counts = np.asarray(counts, np.float64)
    weights = np.where(counts > 0, counts, 1.0) ** power * (counts > 0)
    return weights / weights.sum()


def _alias(counts: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Vose's tables: draw a column evenly, then the column itself or its alias by a coin."""
    scaled = noise_distribution(counts, power) * len(counts)
    threshold, alias = np.ones(len(counts)), np.arange(len(counts))
    small = [int(each) for each in np.flatnonzero(scaled < 1)]
    large = [int(each) for each in np.flatnonzero(scaled >= 1)]
    while small and large:
        low, high = small.pop(), large[-1]
        threshold[low], alias[low] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1:
            small.append(large.pop())
    for left in small:  # rounding left them over: they are 1, unless nothing is to be drawn there
        if counts[left] == 0:
            threshold[left], alias[left] = 0.0, int(np.argmax(counts))
    return threshold.astype(np.float32), alias.astype(np.int32)
