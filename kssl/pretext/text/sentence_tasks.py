"""Two sentences of a document, or not: tasks of sentence order and of neighbours.

The rows come from `tokens` with `rows: sentences` or `pairs`: `tokens` and `sentence`, which
sentence of the row each token is of, -1 at special ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from kssl.errors import UserError
from kssl.moved import renamed
from kssl.pretext import random
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.shortcuts import lengths_and_first_tokens
from kssl.pretext.task import Task
from kssl.pretext.text.layout import check_fraction, count, ids_of, rank, sources, taken
from kssl.tokenizers.vocabulary import vocabulary_of


class _Part(NamedTuple):
    """Tokens of which some are wanted, in order."""

    ids: tf.Tensor  # (batch, length)
    keep: tf.Tensor  # (batch, length)
    starts: tf.Tensor | None


class _Frame:
    """`[CLS] A [SEP] B [SEP]`, cut as BERT does where it is too long."""

    def __init__(self, vocabulary: Any, name: str) -> None:
        known = vocabulary_of(vocabulary, name)
        self.name = name
        self.start, self.end, self.pad = (
            known.role(role, name) for role in ("start", "end", "pad")
        )

    def two(self, seeds: tf.Tensor, one: _Part, other: _Part) -> dict[str, tf.Tensor]:
        """The keys of a pair: `tokens`, `segment`, `padding_mask`, and `starts` if there are."""
        length = one.ids.shape[1]
        one, other = _trimmed(seeds, one, other, length - 3)
        ids = [self._all(self.start, one), one.ids, self._all(self.end, one), other.ids,
               self._all(self.end, one)]  # fmt: skip
        edge = tf.ones_like(one.keep[:, :1])
        keep = tf.concat([edge, one.keep, edge, other.keep, edge], axis=1)
        index = sources(keep, length)  # (batch, length)
        there = index < keep.shape[1]
        result = {
            "tokens": taken(tf.concat(ids, axis=1), index, self.pad),
            "segment": tf.cast(there & (index > length + 1), tf.int32),
            "padding_mask": there,
        }
        if one.starts is not None and other.starts is not None:
            starts = [edge, one.starts, edge, other.starts, edge]
            begins = taken(tf.concat(starts, axis=1), index, True)
            result["starts"] = begins | _after(result["segment"], there)
        return result

    def one(self, part: _Part, length: int) -> tf.Tensor:
        """`[CLS] tokens [SEP]` of some length, cut at the end; only `[PAD]` if there are none."""
        keep = part.keep & (rank(part.keep) < length - 2)
        some = tf.reduce_any(keep, axis=1, keepdims=True)
        ids = tf.concat([self._all(self.start, part), part.ids, self._all(self.end, part)], axis=1)
        return taken(ids, sources(tf.concat([some, keep, some], axis=1), length), self.pad)

    def _all(self, token: int, part: _Part) -> tf.Tensor:
        return tf.fill(tf.shape(part.ids[:, :1]), token)


def _after(segment: tf.Tensor, there: tf.Tensor) -> tf.Tensor:
    """True at the first token of each part: a word begins there."""
    second = tf.concat([tf.zeros_like(segment[:, :1]), segment[:, 1:] - segment[:, :-1]], axis=1)
    first = tf.range(segment.shape[1]) == 1
    return ((second > 0) | first) & there


def _trimmed(seeds: tf.Tensor, one: _Part, other: _Part, room: int) -> tuple[_Part, _Part]:
    """Take tokens off the longer part, each from its front or its back with equal probability."""
    first, second = count(one.keep), count(other.keep)
    # Off the longer until both are alike, then in turn, the second first.
    new_first = tf.where(second <= room // 2, room - second, tf.minimum(first, (room + 1) // 2))
    new_first = tf.minimum(first, new_first)
    new_second = tf.minimum(second, room - new_first)
    return (
        _cut(random.fold_in(seeds, 11), one, first, new_first),
        _cut(random.fold_in(seeds, 12), other, second, new_second),
    )


def _cut(seeds: tf.Tensor, part: _Part, size: tf.Tensor, wanted: tf.Tensor) -> _Part:
    length = part.ids.shape[1]
    lost = (size - wanted)[:, None]
    coins = random.bernoulli(seeds, (length,)) & (tf.range(length) < lost)
    front = count(coins)[:, None]
    place = rank(part.keep)
    keep = part.keep & (place >= front) & (place < front + wanted[:, None])
    return part._replace(keep=keep)


@renamed(random_share="random_probability")
def sentence_pairs(vocabulary: Any = None, random_probability: float = 0.5) -> MapFunction:
    """Next sentence prediction: does B follow A, or is it from another document?

    J. Devlin et al., BERT, arXiv:1810.04805. A row is cut after a random sentence: A is what is in
    front. B is the rest of the row, or, with `random_probability` and always where the row has
    one sentence only, the `other` row from a random sentence on. What is too long loses tokens of
    the longer part, each from its front or back at random. Of BERT's own procedure two things are
    left out: sequences of random length (10 %), and putting unused sentences back; the other
    document of a row is the same in each epoch.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        random_probability: That B is wrong. Rows of one sentence come on top of it, so that the
            realised fraction is somewhat larger.

    Returns:
        A map function for rows of `tokens` with `rows: pairs`. `tokens` becomes
        `[CLS] A [SEP] B [SEP]`, `segment` is 0 in A and 1 in B, `padding_mask` and `starts`
        follow, and `pair_target` int32 is 1 where B follows A and 0 where it is random (BERT's own
        files have it the other way round). The other keys of the row are left out.

    Raises:
        UserError: There is no vocabulary, or it lacks a special token.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("test", "python_topics", {"kind": "words"}, 64, "pairs")
        >>> pair = sentence_pairs(rows.vocabulary)(next(iter(rows)))
        >>> sorted(set(pair) - set(rows.element_spec))
        ['pair_target', 'segment']
    """
    check_fraction("sentence_pairs", random_probability, "random_probability")
    frame = _Frame(vocabulary, "sentence_pairs")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, sentence = ids_of("sentence_pairs", batch), batch["sentence"]
        total = tf.reduce_max(sentence, axis=1) + 1
        end = 1 + below(random.fold_in(seeds, 0), total - 1)  # sentences of A
        wrong = random.bernoulli(random.fold_in(seeds, 1), (), random_probability) | (total < 2)
        begin = below(random.fold_in(seeds, 2), tf.reduce_max(batch["other_sentence"], axis=1) + 1)
        right_keep = (sentence >= end[:, None]) & ~wrong[:, None]
        wrong_keep = (batch["other_sentence"] >= begin[:, None]) & wrong[:, None]
        starts = batch.get("starts")
        following = _Part(
            tf.where(wrong[:, None], ids_of("sentence_pairs", batch, "other"), ids),
            right_keep | wrong_keep,
            None if starts is None else _b_starts(batch, wrong),
        )
        first = _Part(ids, (sentence >= 0) & (sentence < end[:, None]), starts)
        pair = frame.two(seeds, first, following)
        stale = dict.fromkeys(("sentence", "other", "other_sentence", "other_starts"))
        return stale | pair | {"pair_target": tf.cast(~wrong, tf.int32)}

    reads = {"tokens": 1, "sentence": 1, "other": 1, "other_sentence": 1}
    optional = {"starts": 1, "other_starts": 1}
    task = _task(("from another document", "next"), random_probability)
    return by_batch("sentence_pairs", change, reads, True, optional, task)


def _b_starts(batch: Mapping[str, tf.Tensor], wrong: tf.Tensor) -> tf.Tensor:
    if "other_starts" not in batch:
        raise UserError("sentence_pairs: the data has 'starts', and so must have 'other_starts'")
    return tf.where(wrong[:, None], batch["other_starts"], batch["starts"])


def below(seeds: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
    """A whole number from 0 to limit - 1 for each row; 0 where limit is less."""
    drawn = random.uniform(seeds, ()) * tf.cast(tf.maximum(limit, 1), tf.float32)
    return tf.minimum(tf.cast(drawn, tf.int32), tf.maximum(limit - 1, 0))


@renamed(swap_share="swap_probability")
def sentence_order(vocabulary: Any = None, swap_probability: float = 0.5) -> MapFunction:
    """Are two parts of a document in their order, or swapped?

    Z. Lan et al., ALBERT, arXiv:1909.11942. A row is cut after a random sentence. Both parts are
    of the same document, so that its topic tells nothing.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        swap_probability: Probability that they are swapped.

    Returns:
        A map function for rows of sentences. `tokens` becomes `[CLS] A [SEP] B [SEP]`, with
        `segment`, `padding_mask` and `starts`; `pair_target` int32 is 1, or 0 where they are
        swapped, and -1 where the row has one sentence only.

    Raises:
        UserError: There is no vocabulary, or it lacks a special token.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("test", "python_topics", {"kind": "words"}, 64, "sentences")
        >>> pair = sentence_order(rows.vocabulary, swap_probability=1.0)(next(iter(rows)))
        >>> int(pair["pair_target"]) <= 0
        True
    """
    check_fraction("sentence_order", swap_probability, "swap_probability")
    frame = _Frame(vocabulary, "sentence_order")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, sentence = ids_of("sentence_order", batch), batch["sentence"]
        total = tf.reduce_max(sentence, axis=1) + 1
        end = (1 + below(random.fold_in(seeds, 0), total - 1))[:, None]
        swapped = random.bernoulli(random.fold_in(seeds, 1), (), swap_probability) & (total > 1)
        front, back = (sentence >= 0) & (sentence < end), sentence >= end
        turned = swapped[:, None]
        one = _Part(ids, tf.where(turned, back, front), batch.get("starts"))
        pair = frame.two(seeds, one, one._replace(keep=tf.where(turned, front, back)))
        in_order = tf.where(total > 1, tf.cast(~swapped, tf.int32), -1)
        return pair | {"pair_target": in_order, "sentence": None}

    reads = {"tokens": 1, "sentence": 1}
    task = _task(("swapped", "in order"), swap_probability)
    return by_batch("sentence_order", change, reads, True, {"starts": 1}, task)


def _task(names: tuple[str, str], probability: float) -> Task:
    """Not `target`: that is for the masked tokens, which BERT predicts beside the pair."""
    chance, shortcut = max(probability, 1.0 - probability), lengths_and_first_tokens()
    return Task("tokens", 2, None, names, chance, shortcut, target="pair_target")


def neighbour_sentences(vocabulary: Any = None, length: int = 32) -> MapFunction:
    """A sentence, and the ones before and after it, which are to be predicted from it.

    R. Kiros et al., "Skip-thought vectors", arXiv:1506.06726. The sentence is drawn anew in every
    epoch, among those that have both neighbours where there are any.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        length: Ids of a sentence with `[CLS]` and `[SEP]`; longer ones are cut.

    Returns:
        A map function for rows of sentences. `tokens` becomes the sentence, with `padding_mask`;
        `previous` and `next` are its neighbours, all int32 `(length,)`; a neighbour that the row
        does not have is all `[PAD]`. `sentence` becomes that of the new `tokens`, `starts` is left
        out.

    Raises:
        UserError: There is no vocabulary, or it lacks a special token, or `length` is too small.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("test", "python_topics", {"kind": "words"}, 96, "sentences")
        >>> example = neighbour_sentences(rows.vocabulary, 16)(next(iter(rows)))
        >>> example["tokens"].shape, example["previous"].shape, example["next"].shape
        (TensorShape([16]), TensorShape([16]), TensorShape([16]))
    """
    if length < 3:
        raise UserError(f"neighbour_sentences: length {length} is not 3 or more")
    frame = _Frame(vocabulary, "neighbour_sentences")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, sentence = ids_of("neighbour_sentences", batch), batch["sentence"]
        total = tf.reduce_max(sentence, axis=1) + 1
        inner = tf.maximum(total - 2, 0)
        middle = tf.where(total > 2, 1, 0) + below(seeds, tf.where(total > 2, inner, total))

        def row(number: tf.Tensor) -> tf.Tensor:
            there = (sentence == number[:, None]) & (sentence >= 0)
            return frame.one(_Part(ids, there, None), length)

        tokens = row(middle)  # (batch, length)
        result = {"tokens": tokens, "previous": row(middle - 1), "next": row(middle + 1)}
        result["padding_mask"] = tokens != frame.pad
        plain = (tokens != frame.pad) & (tokens != frame.start) & (tokens != frame.end)
        result["sentence"] = tf.where(plain, 0, -1)
        return result | {"starts": None}

    return by_batch(
        "neighbour_sentences", change, {"tokens": 1, "sentence": 1}, True, {"starts": 1}
    )
