"""Tokenizers of KerasHub as vocabularies, and the other way round.

The one module of what runs within datasets that uses KerasHub, and imports it only when it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from kssl.errors import UserError
from kssl.tokenizers.encode import Spelling, sentencepiece_model
from kssl.tokenizers.special import role_of


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


def from_preset(name: str) -> Any:
    """A tokenizer of KerasHub by the name of its preset.

    Raises:
        UserError: There is none, or it is unavailable.
    """
    import keras_hub

    try:
        return keras_hub.tokenizers.Tokenizer.from_preset(name)
    except Exception as error:  # a preset may fail in any way: no such name, no network
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"tokenize: '{name}' is neither a file nor an available preset of KerasHub: {lines[0]}"
        ) from error


def hub_tokenizer(vocabulary: Spelling) -> Any:
    """A tokenizer of KerasHub with the ids of a vocabulary."""
    from keras_hub import tokenizers

    if vocabulary.kind == "wordpiece":
        return tokenizers.WordPieceTokenizer(
            list(vocabulary.tokens),
            lowercase=vocabulary.lowercase,
            strip_accents=vocabulary.lowercase,
            oov_token="[UNK]",
        )
    if vocabulary.kind == "sentencepiece" and not vocabulary.lowercase:
        return tokenizers.SentencePieceTokenizer(sentencepiece_model(vocabulary))
    raise UserError(
        f"KerasHub has no tokenizer that gives the ids of this vocabulary of {vocabulary.kind} "
        "(its byte-pair one cuts numbers and line breaks in another way than GPT-2's)"
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
