"""Text: the words of each example, before and after the transforms, with the targets marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import INK, LINES, MUTED, RULE, figure
from kssl.report.sheets.batches import Batch, Rounds, Words, captions, lines, short

_EXAMPLES, _WIDTH, _WORDS = 4, 168, 80
_LINE = 0.17  # inches
_NO_IDS = ("mask", "weight", "position", "segment", "sentence", "document", "starts")
_SPECIAL = "[<\u27e8"  # how special tokens begin: [MASK], <s>


@dataclass(frozen=True)
class _Piece:
    """A word at its place: column and line in characters, and how it is drawn."""

    text: str
    column: int
    line: int
    color: str = INK
    box: str | None = None


def draw(raw: Batch, rounds: Rounds, words: Words | None = None) -> Figure:
    """Draw words in lines: special tokens grey, positions that a mask or weight names orange."""
    pieces: list[_Piece] = []
    line = 0
    for example in range(min(_EXAMPLES, len(next(iter(raw.values()))))):
        for name, key, values, batch in lines(raw, rounds, _is_text):
            label = f"{example + 1} {name}: {key}".replace("_", " ")
            pieces.append(_Piece(label, 0, line, MUTED))
            shown = _words(key, values[example], batch, example, words)
            placed = _flow(shown, line)
            pieces += placed
            line = max([line, *(piece.line for piece in placed)]) + 1
        for number, batch in enumerate(rounds):
            label = captions(batch, example + 1, raw)[example].replace("\n", "   ")
            if label:
                text = f"{example + 1} epoch {number + 1}: {label}"
                pieces.append(_Piece(text, 0, line, LINES[0]))
                line += 1
        line += 1
    return _write(pieces, line)


def _words(
    key: str, values: np.ndarray, batch: Batch, example: int, words: Words | None
) -> list[tuple[str, str, str | None]]:
    """Return (word, colour, box) of one example."""
    if isinstance(values, bytes | str) or values.dtype.kind in "OS":
        return [(_visible(word), INK, None) for word in short(values).split()[:_WORDS]]
    ids = values.reshape(-1)
    marked = _marked(key, batch, example, len(ids))
    seen = _seen(batch, example, len(ids))
    ids, marked = ids[seen][:_WORDS], marked[seen][:_WORDS]
    spelled = list(words(ids)) if words else [str(each) for each in ids]
    return [
        (_visible(word), *_look(word, bool(chosen)))
        for word, chosen in zip(spelled, marked, strict=True)
    ]


def _look(word: str, marked: bool) -> tuple[str, str | None]:
    if marked:
        return "white", LINES[1]
    return (MUTED, RULE) if word[:1] in _SPECIAL and len(word) > 2 else (INK, None)


def _visible(word: str) -> str:
    """A word in which white space can be seen, without matplotlib's sign for formulas."""
    return word.replace("\n", "\u21b5").replace(" ", "\u00b7").replace("$", r"\$") or "\u2205"


def _marked(key: str, batch: Batch, example: int, length: int) -> np.ndarray:
    """The positions that are to be predicted: where a weight or mask of that length is set."""
    found = np.zeros(length, bool)
    for name, values in batch.items():
        fits = values.ndim == 2 and values.shape[1] == length and name != "padding_mask"
        if fits and name != key and ("mask" in name or "weight" in name):
            found |= np.asarray(values[example]) > 0
    return found if not found.all() else np.zeros(length, bool)


def _seen(batch: Batch, example: int, length: int) -> np.ndarray:
    mask = batch.get("padding_mask")
    fits = mask is not None and mask.ndim == 2 and mask.shape[1] == length
    return np.asarray(mask[example], bool) if fits and mask is not None else np.ones(length, bool)


def _flow(shown: Sequence[tuple[str, str, str | None]], line: int) -> list[_Piece]:
    """Place words one after another behind the label, in as many lines as they need."""
    left = 30
    pieces, column = [], left
    for word, color, box in shown:
        if column + len(word) > _WIDTH:
            column, line = left, line + 1
        pieces.append(_Piece(word, column, line, color, box))
        column += len(word) + 1
    return pieces


def _write(pieces: Sequence[_Piece], count: int) -> Figure:
    sheet = figure(12.0, 0.5 + _LINE * count)
    axes = sheet.subplots()
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(count, 0)
    axes.axis("off")
    for piece in pieces:
        axes.text(
            piece.column,
            piece.line + 0.5,
            piece.text,
            family="monospace",
            fontsize=7.5,
            va="center",
            color=piece.color,
            bbox={"facecolor": piece.box, "edgecolor": "none", "pad": 1.0} if piece.box else None,
        )
    return sheet


def _is_text(key: str, values: np.ndarray) -> bool:
    if values.dtype.kind in "OS":
        return values.ndim == 1
    whole = values.dtype.kind in "iu" and values.ndim == 2
    return whole and not any(word in key for word in _NO_IDS)
