"""How text becomes the ids of a vocabulary, and back, by kind."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kssl.errors import UserError

if TYPE_CHECKING:
    import tokenizers

Encoder = Callable[[Sequence[str]], list[np.ndarray]]


class Spelling(Protocol):
    """What must be known of a vocabulary to read and write text; see `Vocabulary`."""

    @property
    def kind(self) -> str: ...
    @property
    def tokens(self) -> tuple[str, ...]: ...
    @property
    def special(self) -> Mapping[str, int]: ...
    @property
    def lowercase(self) -> bool: ...
    @property
    def model(self) -> Mapping[str, Any]: ...


def encoder(vocabulary: Spelling) -> Encoder:
    """A function that turns texts into ids, each int32 `(tokens,)`."""
    if vocabulary.kind == "characters":
        return _character_encoder(vocabulary)
    if vocabulary.kind == "sentencepiece":
        model = _sentencepiece(vocabulary)
        return lambda texts: _arrays(model.encode(_prepared(vocabulary, texts), out_type=int))
    tokenizer = _tokenizer(vocabulary)

    def encode(texts: Sequence[str]) -> list[np.ndarray]:
        done = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return _arrays([each.ids for each in done])

    return encode


def decode(vocabulary: Spelling, ids: Sequence[int]) -> str:
    """Text of ids, none of which is special."""
    if vocabulary.kind == "characters":
        return "".join(vocabulary.tokens[each] for each in ids)
    if vocabulary.kind == "words":
        return " ".join(vocabulary.tokens[each] for each in ids)
    if vocabulary.kind == "sentencepiece":
        return str(_sentencepiece(vocabulary).decode(list(ids)))
    return str(_tokenizer(vocabulary).decode(list(ids), skip_special_tokens=False))


def readable(kind: str, token: str) -> str:
    """A token as a person would write it: bytes as characters where they are some."""
    if kind == "bpe" and not (token.startswith("[") and token.endswith("]") and len(token) > 2):
        return _bytes_of(token).decode("utf-8", "replace")
    return token.replace("\u2581", " ") if kind == "sentencepiece" else token


def pre_tokenizer(kind: str) -> Any:
    """How the package `tokenizers` cuts text before it looks tokens up."""
    from tokenizers import pre_tokenizers

    if kind == "bpe":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)  # with GPT-2's pattern
    if kind == "wordpiece":
        return pre_tokenizers.BertPreTokenizer()
    return pre_tokenizers.Whitespace()  # words, and runs of other signs


def normalizer(kind: str, lowercase: bool) -> Any:
    """What the package `tokenizers` does to text first; None for nothing."""
    from tokenizers import normalizers

    if kind == "wordpiece":
        return normalizers.BertNormalizer(lowercase=lowercase, strip_accents=lowercase)
    return normalizers.Lowercase() if lowercase else None


def _tokenizer(vocabulary: Spelling) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer, decoders, models

    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    if vocabulary.kind == "bpe":
        merges = [(left, right) for left, right in vocabulary.model["merges"]]
        made = Tokenizer(models.BPE(ids, merges))
        made.decoder = decoders.ByteLevel()
    elif vocabulary.kind == "wordpiece":
        made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
        made.decoder = decoders.WordPiece()
    else:
        made = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizer(vocabulary.kind)
    rule = normalizer(vocabulary.kind, vocabulary.lowercase)
    if rule is not None:
        made.normalizer = rule
    return made


def _sentencepiece(vocabulary: Spelling) -> Any:
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model(vocabulary))


def sentencepiece_model(vocabulary: Spelling) -> bytes:
    """SentencePiece's own model file."""
    return base64.b64decode(vocabulary.model["sentencepiece"])


def _prepared(vocabulary: Spelling, texts: Sequence[str]) -> list[str]:
    return [text.lower() for text in texts] if vocabulary.lowercase else list(texts)


def _arrays(rows: Sequence[Sequence[int]]) -> list[np.ndarray]:
    return [np.array(row, np.int32) for row in rows]


def points(text: str) -> np.ndarray:
    """The code points of a text, uint32; lone surrogates become U+FFFD."""
    try:
        raw = text.encode("utf-32-le")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "replace").decode().encode("utf-32-le")
    return np.frombuffer(raw, np.uint32)


def _character_encoder(vocabulary: Spelling) -> Encoder:
    letters = [(ord(token), number) for number, token in enumerate(vocabulary.tokens)
               if len(token) == 1]  # fmt: skip
    known, ids = (np.array(each) for each in zip(*sorted(letters), strict=True))
    ids = ids.astype(np.int32)
    unknown = vocabulary.special.get("unknown")

    def encode(texts: Sequence[str]) -> list[np.ndarray]:
        return [one(text) for text in _prepared(vocabulary, texts)]

    def one(text: str) -> np.ndarray:
        given = points(text)
        place = np.minimum(np.searchsorted(known, given), len(known) - 1)
        wrong = known[place] != given
        if not wrong.any():
            return ids[place]
        if unknown is None:
            first = chr(int(given[wrong][0]))
            raise UserError(
                f"the character {first!r} is not in the vocabulary, which has no [UNK]: make it "
                "from a corpus that has it, or with special: true"
            )
        return np.where(wrong, np.int32(unknown), ids[place])

    return encode


def byte_alphabet() -> list[str]:
    """The character that stands for each byte in byte-level BPE, in the order of the bytes.

    Bytes that are printable in Latin-1 stand for themselves, the other 68 for U+0100 and on.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(plain)]
    stand_in = {byte: chr(0x100 + number) for number, byte in enumerate(others)}
    return [stand_in.get(byte, chr(byte)) for byte in range(256)]


_BYTES = {letter: byte for byte, letter in enumerate(byte_alphabet())}


def _bytes_of(token: str) -> bytes:
    return bytes(_BYTES.get(letter, 0x3F) for letter in token)
