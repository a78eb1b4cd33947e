"""Text to ids inside of a dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.tokenizers.keras_hub import HubVocabulary, from_preset
from kssl.tokenizers.vocabulary import Vocabulary, load_vocabulary, padded


def tokenize(
    vocabulary: Any,
    length: int = 128,
    special: bool = True,
    key: str = "text",
    starts: bool = False,
) -> MapFunction:
    """Turn text into ids of one length: `[CLS] text [SEP]`, cut or filled up with `[PAD]`.

    A transform sees one batch and no corpus, so the vocabulary must be there before: the command
    `kssl vocabulary` makes one. The dataset `tokens` makes its own, and reads the text once rather
    than in every epoch.

    The work is done outside of TensorFlow's graph, by the compiled packages `tokenizers` and
    `sentencepiece` or by KerasHub's tokenizer in its eager form, so that the ids are the same
    eagerly and in a dataset (KerasHub's byte-pair tokenizer gives other ones in a graph).

    Args:
        vocabulary: A `Vocabulary` or its file, a tokenizer of KerasHub, or the name of a preset
            of KerasHub, such as `bert_tiny_en_uncased`.
        length: Ids of a row; longer texts are cut.
        special: Whether start and end tokens are put around, where the vocabulary has them.
        key: The text.
        starts: Whether `starts` says where words begin, for whole-word masking.

    Returns:
        A map function; adds `tokens` int32 and `padding_mask` bool, True at what is not `[PAD]`,
        both `(length,)`. Special ids are 0 for padding if the vocabulary has none.

    Raises:
        UserError: There is no such vocabulary, or `length` leaves no room.
        tf.errors.InvalidArgumentError: While data is read, when a text is empty.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> words = train_vocabulary(["to be or not to be"], "words")
        >>> tokenize(words, length=5)({"text": "not to"})["tokens"].numpy().tolist()
        [2, 7, 6, 3, 0]
    """
    known = _vocabulary(vocabulary)
    front = [known.special["start"]] if special and "start" in known.special else []
    back = [known.special["end"]] if special and "end" in known.special else []
    room = length - len(front) - len(back)
    if room < 1:
        raise UserError(f"tokenize: length {length} leaves no room for text")
    pad = known.special.get("pad", 0)

    def encode(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = known.encode([text.decode("utf-8", "replace") for text in texts])
        framed = [np.concatenate([front, row[:room], back]) if len(row) else row for row in rows]
        return padded(framed, length, pad), np.array([len(row) for row in framed], np.int32)

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        text = batch[key]
        if text.dtype != tf.string:
            raise UserError(f"tokenize takes text, but '{key}' is {text.dtype.name}")
        ids, sizes = tf.numpy_function(encode, [text], [tf.int32, tf.int32], stateful=False)
        ids = tf.ensure_shape(ids, (text.shape[0], length))  # (batch, length)
        sizes = tf.ensure_shape(sizes, (text.shape[0],))
        message = f"tokenize: a text under '{key}' is empty: leave such examples out"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(sizes > 0), [message])]):
            ids = tf.identity(ids)
        mask = tf.range(length) < sizes[:, None]
        return {"tokens": ids, "padding_mask": mask} | (_starts(known, ids) if starts else {})

    map_fn = by_batch("tokenize", change, {key: 0})
    map_fn.vocabulary = known  # type: ignore[attr-defined]  # for a preview, which spells the ids
    return map_fn


def _starts(vocabulary: Any, ids: tf.Tensor) -> dict[str, tf.Tensor]:
    table = tf.constant(vocabulary.starts)
    alone = tf.reduce_any(ids[..., None] == vocabulary.special_ids, axis=-1)  # (batch, length)
    after = tf.concat([tf.ones_like(alone[:, :1]), alone[:, :-1]], axis=1)
    return {"starts": tf.gather(table, ids) | after}


def _vocabulary(given: Any) -> Any:
    if isinstance(given, Vocabulary | HubVocabulary):
        return given
    if isinstance(given, str) and not given.endswith(".json") and not os.path.exists(given):
        return HubVocabulary(from_preset(given))
    if isinstance(given, str | os.PathLike):
        return load_vocabulary(given)
    if hasattr(given, "tokenize") and hasattr(given, "vocabulary_size"):
        return HubVocabulary(given)
    raise UserError(
        f"tokenize: {type(given).__name__} is no vocabulary: give a file that kssl vocabulary "
        "made, a tokenizer of KerasHub, or the name of one of its presets"
    )
