"""Transforms of images that come with text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.random import choice

_KINDS = ("random", "first")


def caption_pairs(
    choose: Literal["random", "first"] = "random", key: str = "captions", target: str = "text"
) -> MapFunction:
    """Pick one caption of each image: the pair of image and text that belong together.

    What CLIP (A. Radford et al., arXiv:2103.00020) and its kin learn from; the negatives are the
    other pairs of the batch. Where an image has several captions, another one in each epoch is
    augmentation that costs nothing. Put a tokenizer after it.

    Args:
        choose: `random` draws one, each as likely; `first` takes the first.
        key: The captions, string `(captions,)`; empty ones at the end are not counted.
        target: Where the one is written.

    Returns:
        A map function; `target` is string (), empty where there is no caption.

    Raises:
        UserError: `choose` is unknown; from the map function, when `key` is not text.

    Example:
        >>> texts = tf.constant([["a cat", "a pet", ""]])
        >>> caption_pairs("first")({"captions": texts})["text"].numpy()
        array([b'a cat'], dtype=object)
    """
    if choose not in _KINDS:
        raise UserError(f"caption_pairs: choose '{choose}'{nearest(choose, _KINDS)}")

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        texts = batch[key]
        if texts.dtype != tf.string:
            raise UserError(f"caption_pairs reads text, but '{key}' is {texts.dtype.name}")
        if choose == "first":
            return {target: texts[:, 0]}
        count = tf.reduce_sum(tf.cast(texts != "", tf.int32), axis=1, keepdims=True)
        place = choice(*seeds, (1,), tf.maximum(count, 1))  # (batch, 1)
        return {target: tf.gather(texts, place, batch_dims=1)[:, 0]}

    return by_batch("caption_pairs", change, {key: 1}, random=choose == "random")
