"""Spans of tokens taken out of a row, to be written by the model: T5's task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.task import Task
from kssl.pretext.text.layout import check_fraction, count, ids_of, sources, taken
from kssl.pretext.text.span_mask import noise_mask
from kssl.tokenizers.vocabulary import vocabulary_of

_STALE = ("document", "sentence", "starts")  # of the row as it was: left out
_OPTIONAL = {"padding_mask": 1, **dict.fromkeys(_STALE, 1)}


def corrupt_spans(
    vocabulary: Any = None,
    rate: float = 0.15,
    mean_length: float = 3.0,
    inputs_length: int | None = None,
    targets_length: int | None = None,
) -> MapFunction:
    """Replace spans by sentinels; the target has the spans, each behind its sentinel.

    C. Raffel et al., T5, arXiv:1910.10683. Of a row of `n` tokens, `round(rate * n)` (at least 1,
    at most n - 1) are taken out in `max(1, round(noise / mean_length))` spans; the lengths of the
    spans and of what is between them are random segmentations into so many parts, none empty, so
    that their numbers are exact. A row begins with what stays. Sentinels are the last ids of the
    vocabulary, the very last first. Halves are rounded to even, as T5 does.

    Full rows of 568 tokens give inputs of 512 and targets of 114 with their `[SEP]`, at the default
    rates (`raw_length(512)` says so): nothing is padded. Rows with padding have fewer.

    Args:
        vocabulary: A `Vocabulary` made with `sentinels`, or its file; in a recipe, that of the
            data unless it is given.
        rate: Fraction of the tokens that are taken out.
        mean_length: Of a span.
        inputs_length: Ids of the inputs; what a full row gives if None.
        targets_length: Ids of the target; what a full row gives if None.

    Returns:
        A map function. `tokens` int32 `(inputs_length,)` has a sentinel for each span, `[SEP]` at
        the end, then `[PAD]`, with `padding_mask`; `target` int32 `(targets_length,)` has each
        sentinel and the tokens of its span, `[SEP]` at the end, then -1. Special tokens at the
        edges (`[CLS]`, `[SEP]`, `[PAD]`) are left out first. What does not fit is cut off.

    Raises:
        UserError: There is no vocabulary, or it has too few sentinels, or the rate is not from 0
            to 1.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["a b c d e f g h i j"], "words", sentinels=4)
        >>> example = corrupt_spans(words, 0.3)({"tokens": tf.range(5, 15)})
        >>> example["tokens"].shape, example["target"].shape, int(example["target"][0])
        (TensorShape([9]), TensorShape([5]), 18)
    """
    spans = _Spans("corrupt_spans", vocabulary, rate, mean_length)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor | None]:
        ids, real, length = spans.read(batch)
        noise, most = spans.noise(seeds, real, length)
        spans.check_sentinels(most)
        first = spans.known.size - 1
        lengths = spans.lengths(length, True)
        there = tf.range(length) < real[:, None]
        inputs = replace_spans(ids, noise & there, first, there)
        targets = replace_spans(ids, ~noise & there, first, there)
        # The mask begins with what stays: so the target's first sentinel stands for that, and
        # the sentinel of a span is in front of its tokens.
        return spans.written(inputs, targets, inputs_length or lengths[0],
                             targets_length or lengths[1])  # fmt: skip

    task = Task("tokens", instead=lambda batch: spans.cut(batch, inputs_length, True))
    return by_batch("corrupt_spans", change, {"tokens": 1}, True, _OPTIONAL, task)


def drop_spans(
    vocabulary: Any = None,
    rate: float = 0.15,
    mean_length: float = 3.0,
    inputs_length: int | None = None,
    targets_length: int | None = None,
) -> MapFunction:
    """Take spans out without a trace; the target has their tokens one after another.

    "Drop corrupted tokens" of C. Raffel et al., T5, arXiv:1910.10683: spans are chosen as in
    `corrupt_spans`, but nothing tells where they were.

    Args:
        vocabulary: A `Vocabulary` or its file; in a recipe, that of the data unless it is given.
        rate: Fraction of the tokens that are taken out.
        mean_length: Of a span.
        inputs_length: Ids of the inputs; what a full row gives if None.
        targets_length: Ids of the target; what a full row gives if None.

    Returns:
        A map function. `tokens` int32 `(inputs_length,)` has what stays, `[SEP]`, then `[PAD]`,
        with `padding_mask`; `target` int32 `(targets_length,)` has what was taken out, `[SEP]`,
        then -1.

    Raises:
        UserError: There is no vocabulary, or the rate is not from 0 to 1.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["a b c d e f g h i j"], "words")
        >>> example = drop_spans(words, 0.3)({"tokens": tf.range(5, 15)})
        >>> example["tokens"].shape, example["target"].shape
        (TensorShape([8]), TensorShape([4]))
    """
    spans = _Spans("drop_spans", vocabulary, rate, mean_length)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor | None]:
        ids, real, length = spans.read(batch)
        noise, _ = spans.noise(seeds, real, length)
        lengths = spans.lengths(length, False)
        there = tf.range(length) < real[:, None]
        inputs, targets = (ids, ~noise & there), (ids, noise & there)
        return spans.written(inputs, targets, inputs_length or lengths[0],
                             targets_length or lengths[1])  # fmt: skip

    task = Task("tokens", instead=lambda batch: spans.cut(batch, inputs_length, False))
    return by_batch("drop_spans", change, {"tokens": 1}, True, _OPTIONAL, task)


Kept = tuple[tf.Tensor, tf.Tensor]  # ids and which of them are kept, (batch, length) each


class _Spans:
    """What both tasks share: settings, the spans, and how the result is written."""

    def __init__(self, name: str, vocabulary: Any, rate: float, mean_length: float) -> None:
        check_fraction(name, rate, "rate")
        if mean_length < 1:
            raise UserError(f"{name}: mean_length {mean_length} is not 1 or more")
        self.name, self.rate, self.mean_length = name, rate, mean_length
        self.known = vocabulary_of(vocabulary, name)
        self.end, self.pad = self.known.role("end", name), self.known.role("pad", name)
        self.edges = [self.known.special[each] for each in ("pad", "start", "end")
                      if each in self.known.special]  # fmt: skip

    def read(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, int]:
        """Ids without special ones at the edges, how many there are, and the length of the row."""
        ids = ids_of(self.name, batch)
        if "padding_mask" not in batch:  # packed: each [SEP] is of the text
            return ids, tf.fill(tf.shape(ids)[:1], ids.shape[1]), ids.shape[1]
        plain = tf.reduce_all(ids[..., None] != tf.constant(self.edges), axis=-1)
        kept = taken(ids, sources(plain, ids.shape[1]), self.pad)
        return kept, count(plain), ids.shape[1]

    def noise(self, seeds: tf.Tensor, real: tf.Tensor, length: int) -> tuple[tf.Tensor, int]:
        """Which tokens are taken out, and how many spans there can be at most."""
        most = span_counts(length, self.rate, self.mean_length)[1]
        noise, spans = _counts(real, self.rate, self.mean_length)
        return noise_mask(seeds, real, noise, spans, length, most), most

    def lengths(self, length: int, sentinels: bool) -> tuple[int, int]:
        """Ids of inputs and target of a full row, with their `[SEP]`."""
        noise, spans, rest = span_counts(length, self.rate, self.mean_length)
        marks = spans if sentinels else 0
        return rest + marks + 1, noise + marks + 1

    def cut(
        self, batch: Mapping[str, tf.Tensor], length: int | None, sentinels: bool
    ) -> dict[str, tf.Tensor]:
        """Whole rows as long as inputs are: what a model reads where no span is taken out."""
        length = length or self.lengths(batch["tokens"].shape[-1], sentinels)[0]
        rows = {key: batch[key][..., :length] for key in ("tokens", *_OPTIONAL) if key in batch}
        return {**batch, **rows}

    def check_sentinels(self, most: int) -> None:
        there = getattr(self.known, "sentinels", 0)
        if there < most:
            raise UserError(
                f"{self.name}: rows have up to {most} spans, and the vocabulary has {there} "
                f"sentinels: make it with sentinels: {most} or more"
            )

    def written(
        self, inputs: Kept, targets: Kept, inputs_length: int, targets_length: int
    ) -> dict[str, tf.Tensor | None]:
        tokens, mask = self._ended(inputs, inputs_length, self.pad)
        target, _ = self._ended(targets, targets_length, -1)
        return {"tokens": tokens, "padding_mask": mask, "target": target, **dict.fromkeys(_STALE)}

    def _ended(self, kept: Kept, length: int, fill: int) -> tuple[tf.Tensor, tf.Tensor]:
        ids, keep = kept
        keep = keep & (tf.cumsum(tf.cast(keep, tf.int32), axis=1) < length)
        ids = tf.concat([ids, tf.fill(tf.shape(ids[:, :1]), self.end)], axis=1)
        keep = tf.concat([keep, tf.ones_like(keep[:, :1])], axis=1)
        index = sources(keep, length)
        return taken(ids, index, fill), index < ids.shape[1]


def span_counts(length: int, rate: float = 0.15, mean_length: float = 3.0) -> tuple[int, int, int]:
    """How many tokens of a row are taken out, in how many spans, and how many stay.

    Example:
        >>> span_counts(512)
        (77, 26, 435)
    """
    noise = min(max(round(length * rate), 1), max(length - 1, 1))
    spans = min(max(1, round(noise / mean_length)), max(length - noise, 1))
    return noise, spans, length - noise


def raw_length(inputs_length: int, rate: float = 0.15, mean_length: float = 3.0) -> tuple[int, int]:
    """How long rows must be so that inputs come out at a length, and how long the targets are.

    Args:
        inputs_length: Ids of the inputs, with their `[SEP]`.
        rate: See `corrupt_spans`.
        mean_length: See `corrupt_spans`.

    Returns:
        Tokens of a row: `length` of the `tokens` dataset; and ids of the target. At a rate of
        0.5, both are one less where the target would be longer than the inputs, as in T5.

    Example:
        >>> raw_length(512)
        (568, 114)
    """

    def lengths(raw: int) -> tuple[int, int]:
        noise = round(raw * rate)
        spans = round(noise / mean_length)
        return raw - noise + spans + 1, noise + spans + 1

    raw = inputs_length
    while lengths(raw + 1)[0] <= inputs_length:
        raw += 1
    inputs, targets = lengths(raw)
    if rate == 0.5 and targets > inputs:
        raw, targets = raw - 1, targets - 1
    return raw, targets


def _counts(real: tf.Tensor, rate: float, mean_length: float) -> tuple[tf.Tensor, tf.Tensor]:
    """`span_counts` of rows of any length, from a table: exactly the numbers of Python."""
    size = 2**14
    table = np.array([span_counts(max(n, 1), rate, mean_length)[:2] for n in range(size)], np.int32)
    found = tf.gather(tf.constant(table), tf.minimum(real, size - 1))
    enough = tf.cast(real > 1, tf.int32)  # of one token none can be taken out
    return found[:, 0] * enough, found[:, 1] * enough


def replace_spans(
    ids: tf.Tensor, mask: tf.Tensor, first: int, there: tf.Tensor | None = None
) -> Kept:
    """Put one sentinel in place of each span of a mask: ids descend from `first`.

    Args:
        ids: int32 `(batch, length)`.
        mask: bool, like `ids`: what is replaced.
        first: The sentinel of the first span.
        there: bool, like `ids`: which tokens there are; all if None.

    Returns:
        The ids with sentinels at the first place of each span, and which places are kept.
    """
    before = tf.pad(mask[:, :-1], [[0, 0], [1, 0]])
    begins = mask & ~before
    number = tf.cumsum(tf.cast(begins, tf.int32), axis=1) - 1
    keep = begins | ~mask
    return tf.where(begins, first - number, ids), keep if there is None else keep & there
