"""Transforms of video that make labels out of time: order, direction, what comes next."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from kssl.errors import UserError
from kssl.moved import renamed
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.random import bernoulli, choice, fold_in
from kssl.pretext.shortcuts import brightness
from kssl.pretext.task import Task

# Of five frames a, b, c, d, e: in order, and with the middle one from before or after.
_TRIPLES = ((1, 2, 3), (1, 0, 3), (1, 4, 3))


@renamed(valid_share="valid_probability")
def frame_order(
    gap: int = 1, valid_probability: float = 0.5, motion: bool = False, key: str = "video"
) -> MapFunction:
    """Take three frames of a video, in order or not: is this order valid?

    I. Misra et al., "Shuffle and learn: unsupervised learning using temporal order
    verification", ECCV 2016, arXiv:1603.08561. Five frames a, b, c, d, e are taken, `gap` apart.
    (b, c, d) is valid; (b, a, d) and (b, e, d), each as likely, are not. All begin and end with
    the same two frames, so that only the middle one tells. Each is turned round with even odds,
    as time may also run backwards.

    Args:
        gap: Frames from one of the five to the next: 1 takes neighbours. Larger ones move more,
            which is easier.
        valid_probability: Probability that the order is valid.
        motion: Where the five begin: anywhere with equal probability, or in proportion to how much
            the pixels change in them (the paper's choice; it used optical flow), as a video in
            which nothing moves has no order to be learned.
        key: The video `(frames, height, width, channels)`, float in [0, 1] or uint8.

    Returns:
        A map function that adds `frames`, `(3, height, width, channels)`, and `target`, int32
        (): 1 if the order is valid, 0 if not.

    Raises:
        UserError: A setting is out of range; from the map function, when the video has fewer than
            4 · `gap` + 1 frames.

    Example:
        >>> result = frame_order()({"video": tf.zeros((2, 8, 32, 32, 3))})
        >>> result["frames"].shape, result["target"].shape
        (TensorShape([2, 3, 32, 32, 3]), TensorShape([2]))
    """
    if gap < 1 or not 0.0 <= valid_probability <= 1.0:
        raise UserError(
            f"frame_order: gap {gap} must be 1 or more, and valid_probability "
            f"{valid_probability} between 0 and 1"
        )

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        video = batch[key]
        starts = _starts("frame_order", video, key, 4 * gap + 1)
        if motion:
            first = _where_it_moves(fold_in(seeds, 0), video, starts, 4 * gap)
        else:
            first = choice(fold_in(seeds, 0), (1,), starts)  # (batch, 1)
        valid = bernoulli(fold_in(seeds, 1), (1,), valid_probability)
        wrong = 1 + choice(fold_in(seeds, 2), (1,), 2)
        triple = tf.gather(tf.constant(_TRIPLES), tf.where(valid, 0, wrong)[:, 0])  # (batch, 3)
        turned = bernoulli(fold_in(seeds, 3), (1,))
        triple = tf.where(turned, triple[:, ::-1], triple)
        frames = tf.gather(video, first + gap * triple, batch_dims=1)
        return {"frames": frames, "target": tf.cast(valid[:, 0], tf.int32)}

    task = Task(
        inputs="frames",
        classes=2,
        names=("not in order", "in order"),
        chance=max(valid_probability, 1.0 - valid_probability),
        parts=3,
        shortcut=brightness("frames"),
    )
    return by_batch("frame_order", change, {key: 4}, random=True, task=task)


def arrow_of_time(key: str = "video") -> MapFunction:
    """Let half of the videos run backwards: which way does time go?

    D. Wei et al., "Learning and using the arrow of time", CVPR 2018. That paper found that what
    a camera and a codec do can give the answer away: black borders, a steady zoom, pictures
    compressed from the ones before. Cut borders off, and do not trust a high score on few
    videos.

    Args:
        key: The video `(frames, height, width, channels)`.

    Returns:
        A map function; `key` runs forwards or backwards with even odds, and `target` is int32
        (): 1 for forwards, 0 for backwards.

    Example:
        >>> sorted(arrow_of_time()({"video": tf.zeros((2, 8, 32, 32, 3))}))
        ['target', 'video']
    """

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        video = batch[key]
        frames = _starts("arrow_of_time", video, key, 1)
        forwards = bernoulli(seeds, (1,))  # (batch, 1)
        order = tf.where(forwards, tf.range(frames), tf.range(frames)[::-1])  # (batch, frames)
        turned = tf.gather(video, order, batch_dims=1)
        return {key: turned, "target": tf.cast(forwards[:, 0], tf.int32)}

    task = Task(
        inputs=key,
        classes=2,
        names=("backwards", "forwards"),
        chance=0.5,
        shortcut=brightness(key),
    )
    return by_batch("arrow_of_time", change, {key: 4}, random=True, task=task)


def future_frame(context: int, future: int = 1, key: str = "video") -> MapFunction:
    """Split a video into frames that are seen and the ones after them, to be predicted.

    N. Srivastava et al., "Unsupervised learning of video representations using LSTMs", ICML
    2015, arXiv:1502.04681; M. Mathieu et al., "Deep multi-scale video prediction beyond mean
    square error", ICLR 2016, arXiv:1511.05440. If the video has more frames, where the part
    begins is drawn.

    Args:
        context: Frames that are seen.
        future: Frames that are to be predicted.
        key: The video `(frames, height, width, channels)`.

    Returns:
        A map function that adds `context` `(context, height, width, channels)` and `future`
        `(future, height, width, channels)`.

    Raises:
        UserError: A number is below 1; from the map function, when the video has too few frames.

    Example:
        >>> split = future_frame(context=4)({"video": tf.zeros((2, 8, 32, 32, 1))})
        >>> split["context"].shape, split["future"].shape
        (TensorShape([2, 4, 32, 32, 1]), TensorShape([2, 1, 32, 32, 1]))
    """
    if context < 1 or future < 1:
        raise UserError(f"future_frame: context {context} and future {future} must be 1 or more")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        video = batch[key]
        starts = _starts("future_frame", video, key, context + future)
        frames = choice(seeds, (1,), starts) + tf.range(context + future)
        part = tf.gather(video, frames, batch_dims=1)
        return {"context": part[:, :context], "future": part[:, context:]}

    task = Task("context", target="future")
    return by_batch("future_frame", change, {key: 4}, random=True, task=task)


def levels(video: tf.Tensor) -> tf.Tensor:
    """int32 0 … 255: whole numbers, whose sums are exact in any order."""
    if video.dtype.is_floating:
        video = tf.round(tf.clip_by_value(tf.cast(video, tf.float32), 0.0, 1.0) * 255.0)
    return tf.cast(video, tf.int32)


def _starts(name: str, video: tf.Tensor, key: str, needed: int) -> int:
    """At how many places a stretch of `needed` frames can begin."""
    frames = video.shape[1]
    if frames is None or frames < needed:
        raise UserError(f"{name} needs {needed} frames, but '{key}' has {frames}")
    return int(frames) - needed + 1


def _where_it_moves(seeds: tf.Tensor, video: tf.Tensor, starts: int, after: int) -> tf.Tensor:
    """int32 `(batch, 1)`: a start drawn in proportion to the change in the `after` frames to it."""
    shape = video.shape
    pixels = shape[2:].num_elements()
    if pixels is None:
        raise UserError(f"frame_order with motion needs frames of one size, but they are {shape}")
    values = tf.reshape(levels(video), [-1, shape[1], pixels])
    exact = tf.int32 if pixels * 255 < 2**31 else tf.int64
    changes = tf.cast(tf.abs(values[:, 1:] - values[:, :-1]), exact)
    steps = tf.cast(tf.reduce_sum(changes, axis=2), tf.int64) * 256 // pixels
    sums = tf.pad(tf.cumsum(steps, axis=1), [[0, 0], [1, 0]])  # (batch, frames)
    weights = sums[:, after:] - sums[:, :starts] + 1  # one: so that a still video has a start too
    bounds = tf.cumsum(weights, axis=1)  # (batch, starts)
    drawn = tf.cast(choice(seeds, (1,), bounds[:, -1:]), tf.int64)
    return tf.reduce_sum(tf.cast(drawn >= bounds, tf.int32), axis=1, keepdims=True)
