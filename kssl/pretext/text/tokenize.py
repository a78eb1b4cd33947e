"""Text to ids inside of a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.tokenizers.vocabulary import Vocabulary, load_vocabulary, padded, role_of


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
        return HubVocabulary(_preset(given))
    if isinstance(given, str | os.PathLike):
        return load_vocabulary(given)
    if hasattr(given, "tokenize") and hasattr(given, "vocabulary_size"):
        return HubVocabulary(given)
    raise UserError(
        f"tokenize: {type(given).__name__} is no vocabulary: give a file that kssl vocabulary "
        "made, a tokenizer of KerasHub, or the name of one of its presets"
    )


def _preset(name: str) -> Any:
    import keras_hub

    try:
        return keras_hub.tokenizers.Tokenizer.from_preset(name)
    except Exception as error:  # a preset may fail in any way: no such name, no network
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"tokenize: '{name}' is neither a file nor a preset of KerasHub that can be had: "
            f"{lines[0]}"
        ) from error


class HubVocabulary:
    """A tokenizer of KerasHub with the interface of a `Vocabulary`, as far as it has it.

    Args:
        tokenizer: Of KerasHub.

    Example:
        >>> import keras_hub
        >>> hub = keras_hub.tokenizers.ByteTokenizer()
        >>> HubVocabulary(hub).encode(["hi"])[0].tolist()
        [104, 105]
    """

    counts: tuple[int, ...] = ()

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        names = ("pad", "start", "end", "mask")
        ids = {name: getattr(tokenizer, f"{name}_token_id", None) for name in names}
        # BERT's tokenizer calls them cls and sep.
        ids["start"] = _first(ids["start"], getattr(tokenizer, "cls_token_id", None))
        ids["end"] = _first(ids["end"], getattr(tokenizer, "sep_token_id", None))
        self.special = {name: int(each) for name, each in ids.items() if each is not None}
        self.special_ids = np.array(sorted(set(self.special.values())), np.int32)
        self.size = int(tokenizer.vocabulary_size())

    @cached_property
    def starts(self) -> np.ndarray:
        """Whether each id begins a word, by the signs of BERT, GPT-2 and SentencePiece."""
        tokens = [str(self.tokenizer.id_to_token(number)) for number in range(self.size)]
        pieces = any(token.startswith("##") for token in tokens)
        if pieces:
            begins = [not token.startswith("##") for token in tokens]
        else:
            begins = [token[:1] in "\u0120\u010a\u2581" for token in tokens]
        found = np.array(begins, bool)
        found[self.special_ids] = True
        return found

    def role(self, name: str, needed_by: str) -> int:
        """The id of a special token, see `role_of`."""
        return role_of(self, name, needed_by)

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Ids of each text, int32."""
        return [np.asarray(row, np.int32) for row in self.tokenizer.tokenize(list(texts))]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids, without special tokens."""
        hidden = set(self.special_ids.tolist())
        found = self.tokenizer.detokenize([int(each) for each in ids if int(each) not in hidden])
        return found if isinstance(found, str) else np.asarray(found).item().decode()

    def spell(self, ids: Iterable[int]) -> list[str]:
        """What each id looks like, special tokens too."""
        return [
            "\u00b7" if each < 0 else str(self.tokenizer.id_to_token(int(each))) for each in ids
        ]


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def hub_tokenizer(vocabulary: Vocabulary) -> Any:
    """A tokenizer of KerasHub with the ids of a vocabulary."""
    from keras_hub import tokenizers

    from kssl.tokenizers.vocabulary import proto_of

    if vocabulary.kind == "wordpiece":
        return tokenizers.WordPieceTokenizer(
            list(vocabulary.tokens),
            lowercase=vocabulary.lowercase,
            strip_accents=vocabulary.lowercase,
            oov_token="[UNK]",
        )
    if vocabulary.kind == "sentencepiece" and not vocabulary.lowercase:
        return tokenizers.SentencePieceTokenizer(proto_of(vocabulary))
    raise UserError(
        f"KerasHub has no tokenizer that gives the ids of this vocabulary of {vocabulary.kind} "
        "(its byte-pair one cuts numbers and line breaks in another way than GPT-2's)"
    )
