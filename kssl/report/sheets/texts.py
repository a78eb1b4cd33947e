"""Text: the words of each example, before and after the transforms, with the targets marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import INK, LINES, MUTED, RULE, figure
from kssl.report.sheets.batches import Batch, Rounds, Words, captions, lines, round_name, short

_EXAMPLES, _WIDTH, _WORDS = 4, 100, 60
_INCHES, _FONT = 7.5, 9.0  # so that it can be read on a page that is 720 pixels wide
_LEFT = 18  # characters of the names at the left
_LINE = 0.19  # inches
_PAIRS = 8  # of a word and those around it
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
    for place, example in enumerate(_varied(raw, rounds)):
        shown = []
        for name, key, values, batch in lines(raw, rounds, _is_text):
            if not _is_paired(key, batch):
                told = _words(key, values[example], batch, example, words)
                shown.append((f"{name}: {key}", told))
        for number, batch in enumerate(rounds):
            name = round_name(number, rounds)
            shown += [(f"{name}: pair", pair) for pair in _pairs(batch, example, words)]
            for label in filter(None, captions(batch, example + 1, raw)[example].split("\n")):
                shown.append((f"{name}:", [(part, LINES[0], None) for part in label.split()]))
        for label, told in shown:
            name = f"{place + 1} {label}".replace("_", " ")
            if len(name) >= _LEFT:  # a blank stays before the words
                name = f"{name[: _LEFT - 2]}…"
            pieces.append(_Piece(name, 0, line, MUTED))
            placed = _flow(told, line)
            pieces += placed
            line = max([line, *(piece.line for piece in placed)]) + 1
        line += 1
    return _write(pieces, line)


def _varied(raw: Batch, rounds: Rounds) -> list[int]:
    """A few examples, in which every class that a transform has made is seen, as far as they go."""
    count = len(next(iter(raw.values())))
    made_words = [
        values
        for key, values in (rounds[0] if rounds else {}).items()
        if values.dtype.kind == "U" and values.ndim == 1 and key != "label"
    ]
    if not made_words:
        return list(range(min(_EXAMPLES, count)))
    seen: dict[str, int] = {}
    turn = []  # how many of the same class stand before
    for value in made_words[0]:
        turn.append(seen.get(value, 0))
        seen[value] = turn[-1] + 1
    return sorted(sorted(range(count), key=lambda place: turn[place])[:_EXAMPLES])


def _is_paired(key: str, batch: Batch) -> bool:
    """Whether a key is drawn with another one: a word and those around it."""
    return {"center", "context"} <= set(batch) and key in ("center", "context", "negatives")


def _pairs(
    batch: Batch, example: int, words: Words | None
) -> list[list[tuple[str, str, str | None]]]:
    """Write what is given, an arrow, and the word to be predicted of it, in a line each.

    Of skip-gram one word is given and one of its neighbours predicted, of CBOW the other way round.
    """
    if not {"center", "context"} <= set(batch):
        return []
    center, context = batch["center"][example], batch["context"][example]
    there = batch.get("weight", batch.get("mask", np.ones_like(batch["center"])))[example] > 0
    several = context.ndim == 2
    drawn = []
    for place in np.flatnonzero(there)[:_PAIRS]:
        near = np.atleast_1d(context[place])
        if several and "context_mask" in batch:
            near = near[batch["context_mask"][example][place]]
        given, wanted = (near, center[place]) if several else (center[place], near)
        text = [(_visible(word), INK, None) for word in _spelled(np.atleast_1d(given), words)]
        goal = [
            (_visible(word), "white", LINES[1]) for word in _spelled(np.atleast_1d(wanted), words)
        ]
        drawn.append([*text, ("\u2192", MUTED, None), *goal])
    return drawn


def _spelled(ids: np.ndarray, words: Words | None) -> list[str]:
    return list(words(ids)) if words else [str(each) for each in ids]


def _words(
    key: str, values: np.ndarray, batch: Batch, example: int, words: Words | None
) -> list[tuple[str, str, str | None]]:
    """Return (word, colour, box) of one example."""
    if isinstance(values, bytes | str) or values.dtype.kind in "OS":
        return [(_visible(word), INK, None) for word in short(values).split()[:_WORDS]]
    ids = values.reshape(-1)
    marked = _marked(key, batch, example, len(ids))
    seen = _seen(batch, example, len(ids))
    ids, marked = ids[seen], marked[seen]
    used = len(np.trim_zeros(ids, "b")) or len(ids)  # padding is counted, not written out
    padding = len(ids) - used
    left_out = max(0, used - _WORDS)
    ids, marked = ids[: min(used, _WORDS)], marked[: min(used, _WORDS)]
    told = [
        (_visible(word), *_look(word, bool(chosen)))
        for word, chosen in zip(_spelled(ids, words), marked, strict=True)
    ]
    if left_out:
        told.append((f"… {left_out} more", MUTED, None))
    return [*told, (f"[PAD] × {padding}", MUTED, RULE)] if padding else told


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
    pieces, column = [], _LEFT
    for word, color, box in shown:
        if column + len(word) > _WIDTH:
            column, line = _LEFT, line + 1
        pieces.append(_Piece(word, column, line, color, box))
        column += len(word) + 1
    return pieces


def _write(pieces: Sequence[_Piece], count: int) -> Figure:
    sheet = figure(_INCHES, 0.5 + _LINE * count)
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
            fontsize=_FONT,
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
