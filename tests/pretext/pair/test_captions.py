"""One caption for each image."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError

COUNT = 3000


def test_each_caption_is_as_likely_and_padding_never_is() -> None:
    texts = tf.tile(tf.constant([["a", "b", "c", "", ""]]), [COUNT, 1])
    seeds = tf.stack([tf.zeros(COUNT, tf.int32), tf.range(COUNT)], axis=1)
    drawn = pretext.caption_pairs()({"captions": texts}, seeds)["text"].numpy()
    names, counts = np.unique(drawn, return_counts=True)
    assert names.tolist() == [b"a", b"b", b"c"]
    assert (np.abs(counts - COUNT / 3) < 4 * np.sqrt(COUNT * 2 / 9)).all()


def test_the_first_one_and_none_at_all() -> None:
    texts = {"captions": tf.constant([["a", "b"], ["", ""]])}
    assert pretext.caption_pairs("first")(texts)["text"].numpy().tolist() == [b"a", b""]
    assert pretext.caption_pairs()(texts)["text"].numpy()[1] == b""


def test_wrong_input_is_named() -> None:
    with pytest.raises(UserError, match="choose 'firs'; did you mean 'first'"):
        pretext.caption_pairs("firs")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="reads text, but 'captions' is float32"):
        pretext.caption_pairs()({"captions": tf.zeros((2, 3))})
