"""Vocabularies: text to whole numbers and back; one JSON file each.

The first ids are the special tokens: 0 `[PAD]`, 1 `[UNK]`, 2 `[CLS]` (start), 3 `[SEP]` (end),
4 `[MASK]`; the last ones, where there are any, are sentinels, `<extra_id_0>` being the very last.
No text is ever read as a special token, whatever is written in it.

Text is read by the compiled packages `tokenizers` and `sentencepiece`, outside of TensorFlow's
graph: KerasHub's byte-pair tokenizer (0.32) gives other ids in a graph than outside, and takes
six times as long there, measured on BBC news.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kssl.errors import UserError, first_line, nearest
from kssl.system.files import replacing
from kssl.tokenizers.checked import check
from kssl.tokenizers.encode import decode, encoder, readable
from kssl.tokenizers.keras_hub import hub_tokenizer
from kssl.tokenizers.special import role_of

KINDS = ("characters", "words", "wordpiece", "bpe", "sentencepiece")
FORMAT = "kssl vocabulary 1"

_BLOCK = 512  # texts that are encoded at a time


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What each id stands for, and how text becomes ids.

    Attributes:
        kind: `characters`, `words`, `wordpiece`, `bpe` (byte-level) or `sentencepiece` (unigram).
        tokens: The token of each id, as the kind writes it: `##ing`, `Ġthe`, `▁the`.
        special: Ids by role: `pad`, `unknown`, `start`, `end`, `mask`; empty if it has none.
        sentinels: How many of the last ids are sentinels.
        lowercase: Whether text is made lower-case first; WordPiece then drops accents too.
        counts: How often each id is in the corpus it was made from.
        model: What else the kind needs: BPE's merges, SentencePiece's model in base64.

    Example:
        >>> from kssl.tokenizers.train import train_vocabulary
        >>> letters = train_vocabulary(["abba", "abc"], "characters", special=False)
        >>> letters.tokens, letters.encode(["cab"])[0].tolist(), letters.decode([2, 0, 1])
        (('a', 'b', 'c'), [2, 0, 1], 'cab')
    """

    kind: str
    tokens: tuple[str, ...]
    special: Mapping[str, int] = field(default_factory=dict)
    sentinels: int = 0
    lowercase: bool = False
    counts: tuple[int, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"vocabulary: kind '{self.kind}'{nearest(self.kind, KINDS)}")

    @property
    def size(self) -> int:
        """How many ids there are, special ones among them."""
        return len(self.tokens)

    @cached_property
    def special_ids(self) -> np.ndarray:
        """Ids of special tokens and sentinels, int32."""
        last = range(self.size - self.sentinels, self.size)
        return np.array([*self.special.values(), *last], np.int32)

    @cached_property
    def starts(self) -> np.ndarray:
        """Whether each id begins a word, bool `(size,)`; special ones stand for themselves."""
        begins = np.array([self._begins_word(token) for token in self.tokens], bool)
        begins[self.special_ids] = True
        return begins

    def _begins_word(self, token: str) -> bool:
        if self.kind == "wordpiece":
            return not token.startswith("##")
        if self.kind == "bpe":  # bytes of white space, as the byte alphabet writes them
            return token[0] in "\u0120\u010a\u0109"
        if self.kind == "sentencepiece":
            return token.startswith("\u2581")
        return self.kind == "words" or token.isspace()

    def word_starts(self, ids: np.ndarray) -> np.ndarray:
        """Where words begin in ids `(…, length)`: also in front, and after a special token."""
        begins: np.ndarray = self.starts[ids]
        alone = np.isin(ids, self.special_ids)
        begins[..., 0] = True
        begins[..., 1:] |= alone[..., :-1]
        return begins

    def role(self, name: str, needed_by: str) -> int:
        """The id of a special token, see `role_of`."""
        return role_of(self, name, needed_by)

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Ids of each text, int32 `(tokens,)`, without any special tokens but `[UNK]`.

        Raises:
            UserError: A text has a character that the vocabulary lacks, and there is no `[UNK]`.
        """
        texts = list(texts)
        blocks = (texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK))
        return [ids for block in blocks for ids in self._encoder(block)]

    @cached_property
    def _encoder(self) -> Any:
        return encoder(self)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids, without special tokens."""
        hidden = set(self.special_ids.tolist())
        return decode(self, [int(each) for each in ids if int(each) not in hidden and each >= 0])

    def spell(self, ids: Iterable[int]) -> list[str]:
        """What each id looks like, special tokens too; a negative id is `·`.

        It is what a preview shows: one string for each id, in order.
        """
        shown = ["\u00b7" if each < 0 else self.tokens[int(each)] for each in ids]
        return [readable(self.kind, token) for token in shown]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a JSON file, whole or not at all; a file that is there is replaced."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(self._json(), encoding="utf-8")

    def _json(self) -> str:
        written = {"format": FORMAT, **self.__dict__}
        names = ("format", *self.__dataclass_fields__)
        return json.dumps({name: written[name] for name in names}, ensure_ascii=False)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that follow from all of it."""
        return hashlib.sha256(self._json().encode()).hexdigest()[:16]

    def keras_hub(self) -> Any:
        """The same vocabulary as a tokenizer of KerasHub: WordPiece or SentencePiece.

        Raises:
            UserError: KerasHub has none that gives the same ids.
        """
        return hub_tokenizer(self)


def load_vocabulary(path: str | os.PathLike[str]) -> Vocabulary:
    """Read a vocabulary that `kssl vocabulary`, or `Vocabulary.save`, wrote.

    Raises:
        UserError: The file cannot be read, or is none.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise UserError(f"the vocabulary {path} is a folder or a pipe, no file")
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"the vocabulary {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is no vocabulary of kssl: make one with kssl vocabulary")
    del content["format"]
    try:
        check(content)
        content["tokens"], content["counts"] = tuple(content["tokens"]), tuple(content["counts"])
        vocabulary = Vocabulary(**content)
        vocabulary._encoder  # noqa: B018  what else the kind needs is whole
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # compiled packages have errors of their own, "panics" too
        name = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        said = f"{name}{first_line(error)}"
        raise UserError(f"the vocabulary {path} is damaged: {said}") from error
    return vocabulary


def vocabulary_of(given: Any, needed_by: str) -> Vocabulary:
    """What a transform was given as its vocabulary: an object, or the path of a file.

    Raises:
        UserError: Nothing was given, or it is no vocabulary.
    """
    if given is None:
        raise UserError(
            f"{needed_by} needs to know the vocabulary: give vocabulary=…, a file that "
            "kssl vocabulary made, or kssl.data.vocabulary_of(dataset) of a data set as tokens "
            "returned it, before .map or .take; a recipe whose data is tokens hands it on"
        )
    if isinstance(given, str | os.PathLike):
        return load_vocabulary(given)
    if not all(hasattr(given, name) for name in ("size", "special", "special_ids", "counts")):
        raise UserError(f"{needed_by}: {type(given).__name__} is not a vocabulary")
    return given  # type: ignore[no-any-return]


def padded(rows: Sequence[np.ndarray], length: int, fill: int) -> np.ndarray:
    """Rows of ids, cut to or filled up to `length`: `(rows, length)` int32."""
    result = np.full((len(rows), length), fill, np.int32)
    for number, row in enumerate(rows):
        result[number, : len(row)] = row[:length]
    return result
