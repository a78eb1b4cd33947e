"""Transforms of sound and other sequences: what comes next, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from kssl.errors import UserError
from kssl.moved import renamed
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.random import choice, fold_in, uniform
from kssl.pretext.task import Task

_PADDING = "padding_mask"


def future_windows(
    window: int,
    context: int,
    future: int = 1,
    negatives: int = 0,
    hop: int | None = None,
    key: str = "audio",
    rank: int = 1,
) -> MapFunction:
    """Cut a sequence into context windows, the future windows to predict, and negatives.

    The data of contrastive predictive coding: A. van den Oord et al., "Representation learning
    with contrastive predictive coding", arXiv:1807.03748. A place is drawn; from there `context`
    windows are the past and the next `future` ones are to be found among negatives. Those are
    windows of the same sequence (the paper's choice that gives the best phones, as speaker and
    room do not give the answer away), any but the right one; other examples of the batch are
    negatives enough for a loss such as `info_nce`, and need no transform.

    Where the example has a `padding_mask` (real values first), windows beyond it are not drawn,
    unless the sequence is too short for `context` + `future` of them.

    Args:
        window: Steps of a window; 160 samples are 10 ms at 16 kHz.
        context: Windows of the past.
        future: Windows of the future.
        negatives: Wrong windows for each right one.
        hop: Steps from one window to the next; by default they touch. With less, neighbours
            share steps, also negatives with the right window.
        key: The sequence.
        rank: Dimensions of one example: 1 for sound, 2 for `(steps, features)`.

    Returns:
        A map function that adds `context` `(context, window, …)`, `future` `(future, window, …)`
        and, if asked for, `negatives` `(future, negatives, window, …)`.

    Raises:
        UserError: A number is too small; from the map function, when the sequence is too short or
            of unknown length.

    Example:
        >>> cut = future_windows(window=4, context=3, future=2, negatives=5)
        >>> result = cut({"audio": tf.random.normal((8, 64))})
        >>> [result[key].shape[1:].as_list() for key in ("context", "future", "negatives")]
        [[3, 4], [2, 4], [2, 5, 4]]
    """
    step = window if hop is None else hop
    for name, value, least in (
        ("window", window, 1),
        ("context", context, 1),
        ("future", future, 1),
        ("negatives", negatives, 0),
        ("hop", step, 1),
    ):
        if value < least:
            raise UserError(f"future_windows: {name} {value} is not {least} or more")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        sequence = batch[key]
        there = _whole_windows(sequence, key, window, step, context + future)
        real = _real_steps(batch, sequence)  # (batch, 1)
        usable = tf.clip_by_value((real - window) // step + 1, context + future, there)
        start = choice(fold_in(seeds, 0), (1,), usable - (context + future) + 1)  # (batch, 1)
        past = start + tf.range(context)  # (batch, context)
        right = start + context + tf.range(future)  # (batch, future)
        cut = {
            "context": _windows(sequence, past, window, step),
            "future": _windows(sequence, right, window, step),
        }
        if negatives:
            wrong = _wrong(fold_in(seeds, 1), right, usable, negatives)
            cut["negatives"] = _windows(sequence, wrong, window, step)
        return cut

    optional = {_PADDING: 1}
    task = Task("context", target="future")
    return by_batch("future_windows", change, {key: rank}, True, optional, task)


@renamed(chance="start_fraction")
def mask_time(
    start_fraction: float = 0.065,
    span: int = 10,
    step: int = 1,
    key: str = "audio",
    target: str = "target",
    rank: int = 1,
) -> MapFunction:
    """Mask spans of a sequence, and keep the whole one as the target.

    The rule of A. Baevski et al., "wav2vec 2.0", arXiv:2006.11477, section 3.1: of n time steps,
    `start_fraction` · n (rounded up or down at random, so that it is right on average) are drawn
    without replacement as starts, and the `span` steps from each are hidden; spans may overlap, and
    end with the sequence. With the default values some 49 % of the steps of a long sequence are
    hidden, in stretches of 14.7 on average. There is always at least one start.

    Where the example has a `padding_mask`, only real steps are counted, drawn and hidden.

    Args:
        start_fraction: Fraction of the steps at which a hidden span begins.
        span: Steps that are hidden from a start on.
        step: Values of the sequence that make one time step: for raw sound the stride of the
            encoder, such as 320 samples (20 ms at 16 kHz). The last step may be shorter.
        key: The sequence, of any number type; hidden values become 0.
        target: Where the whole sequence is written.
        rank: Dimensions of one example: 1 for sound, 2 for `(steps, features)`.

    Returns:
        A map function; `key` has gaps, `target` is whole, and `mask` is bool `(time steps,)`,
        True where hidden.

    Raises:
        UserError: A setting is out of range; from the map function, when the length is unknown.

    Example:
        >>> hidden = mask_time(step=320)({"audio": tf.ones((2, 16_000))})
        >>> hidden["mask"].shape
        TensorShape([2, 50])
    """
    if not 0.0 < start_fraction <= 1.0 or span < 1 or step < 1:
        raise UserError(
            f"mask_time: start_fraction {start_fraction} must be above 0 and at most 1, "
            f"span {span} and step {step} 1 or more"
        )
    if key == target:
        raise UserError(f"mask_time: key and target are both '{key}'; the whole one would be lost")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        sequence = batch[key]
        length = _length("mask_time", sequence, key)
        real = tf.sequence_mask(_real_steps(batch, sequence)[:, 0], length)[:, ::step]
        mask = _spans(seeds, real, start_fraction, span)  # (batch, time steps)
        values = tf.repeat(mask, step, axis=1)[:, :length]
        values = tf.reshape(values, [-1, length] + [1] * (rank - 1))
        hidden = tf.where(values, tf.zeros((), sequence.dtype), sequence)
        return {key: hidden, target: sequence, "mask": mask}

    task = Task(key, target=target)
    return by_batch("mask_time", change, {key: rank}, True, {_PADDING: 1}, task)


def _spans(seeds: tf.Tensor, real: tf.Tensor, start_fraction: float, span: int) -> tf.Tensor:
    """bool `(batch, steps)`: the spans of wav2vec 2.0, within the steps that are real."""
    steps = real.shape[1]
    count = tf.reduce_sum(tf.cast(real, tf.float32), axis=1, keepdims=True)  # (batch, 1)
    starts = tf.floor(start_fraction * count + uniform(fold_in(seeds, 0), (1,)))
    starts = tf.cast(tf.clip_by_value(starts, 1.0, tf.maximum(count, 1.0)), tf.int32)
    # The largest draws: there is no need to sort them all.
    most = min(steps, int(start_fraction * steps) + 1)
    drawn = tf.where(real, uniform(fold_in(seeds, 1), (steps,)), -1.0)
    places = tf.math.top_k(drawn, most).indices  # (batch, most)
    rows = tf.broadcast_to(tf.range(tf.shape(real)[0])[:, None], tf.shape(places))
    used = tf.cast(tf.range(most) < starts, tf.int32)
    begins = tf.scatter_nd(tf.stack([rows, places], axis=-1), used, tf.shape(real))
    begun = tf.reshape(tf.cumsum(begins, axis=1), [-1, steps])
    ended = tf.pad(begun, [[0, 0], [span, 0]])[:, :steps]
    return (begun > ended) & real


def _wrong(seeds: tf.Tensor, right: tf.Tensor, usable: tf.Tensor, count: int) -> tf.Tensor:
    """Numbers of other windows for each right one, `(batch, future, count)`, each as likely."""
    future = right.shape[1]
    drawn = tf.reshape(choice(seeds, (future * count,), usable - 1), [-1, future, count])
    return drawn + tf.cast(drawn >= right[..., None], tf.int32)  # from it on, one further


def _length(name: str, sequence: tf.Tensor, key: str) -> int:
    length = sequence.shape[1]
    if length is None:
        raise UserError(
            f"{name} needs '{key}' of one length, but its shape is {sequence.shape}: give it one "
            "with tf.ensure_shape"
        )
    return int(length)


def _whole_windows(sequence: tf.Tensor, key: str, window: int, hop: int, needed: int) -> int:
    """How many windows fit."""
    length = _length("future_windows", sequence, key)
    there = (length - window) // hop + 1
    if there < needed:
        raise UserError(
            f"future_windows: {needed} windows of {window}, {hop} apart, need "
            f"{(needed - 1) * hop + window} steps, but '{key}' has {length}"
        )
    return there


def _real_steps(batch: Mapping[str, tf.Tensor], sequence: tf.Tensor) -> tf.Tensor:
    """int32 `(batch, 1)`: how many steps are not padding."""
    if _PADDING in batch:
        real = tf.cast(tf.cast(batch[_PADDING], tf.bool), tf.int32)
        return tf.reduce_sum(real, axis=1, keepdims=True)
    return tf.fill([tf.shape(sequence)[0], 1], sequence.shape[1])


def _windows(sequence: tf.Tensor, numbers: tf.Tensor, window: int, hop: int) -> tf.Tensor:
    """`(batch, steps, …)`, `(batch, …)` -> `(batch, …, window, …)`."""
    places = numbers[..., None] * hop + tf.range(window)
    return tf.gather(sequence, places, batch_dims=1)
