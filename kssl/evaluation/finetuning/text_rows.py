"""Labelled text as rows of ids, laid out as the network to be fine-tuned reads text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import Skipped, Task
from kssl.evaluation.finetuning.heads import is_causal

Rows = dict[str, np.ndarray]


class TextRows:
    """How ids of one text, or of two, become a row.

    Of a network that looks to both sides it is `[CLS] first [SEP] second [SEP]`. A causal network
    (`kssl.models.capabilities.IsCausal`) is given what it was trained on, documents with their end:
    `first [SEP] second [SEP]`. Where its vocabulary has no `[SEP]`, a line break stands for it;
    where it has none either, nothing.

    Args:
        known: The vocabulary.
        length: Ids of a row at most.
        causal: Whether the network reads from left to right.

    Attributes:
        start: Ids in front of the first text.
        border: Ids behind each text.

    Raises:
        Skipped: The vocabulary lacks a special token that is needed.
    """

    def __init__(self, known: Any, length: int, causal: bool = False) -> None:
        self.known, self.length, self.causal = known, length, causal
        self.pad = known.special.get("pad", 0)
        try:
            self.start = [] if causal else [known.role("start", "fine-tuning")]
            if causal and "end" not in known.special:
                self.border = _line_break(known)
            else:
                self.border = [known.role("end", "fine-tuning")]
        except UserError as error:
            raise Skipped(str(error)) from error

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Return the ids of each text.

        Raises:
            Skipped: The vocabulary cannot read a text.
        """
        try:
            return list(self.known.encode(texts))
        except UserError as error:
            raise Skipped(str(error)) from error

    def words(self, words: Iterable[str]) -> list[np.ndarray]:
        """Return the ids of each word; `[UNK]` for a word that leaves none."""
        blank = " " if getattr(self.known, "kind", "") in ("bpe", "characters") else ""
        unknown = np.array([self.known.special.get("unknown", 0)], np.int32)
        return [ids if len(ids) else unknown for ids in self.encode([blank + w for w in words])]

    def framed(
        self, firsts: Sequence[np.ndarray], seconds: Sequence[np.ndarray] | None = None
    ) -> Rows:
        """Lay ids out in rows, and cut the longer text where needed.

        Args:
            firsts: Ids of the first text of each row.
            seconds: Of the second text, or None.

        Returns:
            `token_ids`, `segment_ids` (1 in the second text) and `padding_mask` (1 where there is
            a token), each int32 `(rows, length)`: as long as the longest, in steps of 16.
        """
        pieces = []
        for number, first in enumerate(firsts):
            other = [] if seconds is None else seconds[number]
            borders = 1 if seconds is None else 2
            room = self.length - len(self.start) - borders * len(self.border)
            one, two = _fitted(len(first), len(other), room)
            front = [*self.start, *first[:one], *self.border]
            pieces.append((front, [] if seconds is None else [*other[:two], *self.border]))
        longest = max(len(front) + len(back) for front, back in pieces)
        shape = len(pieces), min(self.length, -(-longest // 16) * 16)
        names = "token_ids", "segment_ids", "padding_mask"
        rows = {name: np.zeros(shape, np.int32) for name in names}
        rows["token_ids"][:] = self.pad
        for number, (front, back) in enumerate(pieces):
            size = len(front) + len(back)
            rows["token_ids"][number, :size] = [*front, *back]
            rows["segment_ids"][number, len(front) : size] = 1
            rows["padding_mask"][number, :size] = 1
        return rows


def text_rows(task: Task) -> TextRows:
    """Return how labelled text becomes rows with the vocabulary of a run, for its model.

    Raises:
        Skipped: There is no vocabulary, as with images, or not what is needed of it.
    """
    known = task.train.vocabulary
    if known is None:
        raise Skipped("the data has no vocabulary, so labelled text cannot become ids")
    return TextRows(known, task.model.example_shape[0], is_causal(task.model))


def _line_break(known: Any) -> list[int]:
    try:
        return list(known.encode(["\n"])[0].tolist())
    except UserError:
        return []


def _fitted(one: int, other: int, room: int) -> tuple[int, int]:
    """How many ids of each text are kept: the longer one is cut first."""
    if one + other <= room:
        return one, other
    half = room // 2
    if one <= half:
        return one, room - one
    return (room - other, other) if other <= half else (room - half, half)
