"""Tables: rows as they were and as the transforms left them, with what changed marked."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import INK, LINES, MUTED, RULE, figure
from kssl.report.sheets.batches import Batch, Rounds, Words, lines, short
from kssl.report.sheets.facts import Facts

_ROWS, _COLUMNS = 6, 9
_HEAD = 2  # rows that the names of the columns take


def draw(
    raw: Batch, rounds: Rounds, words: Words | None = None, facts: Facts | None = None
) -> Figure:
    """Draw a grid of values for each key; a cell that differs from the input is coloured."""
    found = list(lines(raw, rounds[:2], _is_row))
    rows = min(_ROWS, len(next(iter(raw.values()))))
    sheet = figure(9.6, 0.6 + len(found) * (0.22 * (rows + _HEAD) + 0.4))
    grid = sheet.subplots(len(found), 1, squeeze=False)[:, 0]
    for axes, (name, key, values, _) in zip(grid, found, strict=True):
        columns = (facts or Facts()).of_columns(key, values.shape[1])
        _draw(axes, values[:rows], columns, raw.get(key) if name != "input" else None)
        left_out = max(0, values.shape[1] - _COLUMNS)
        more = f"   (and {left_out} more columns)" if left_out else ""
        axes.set_title(f"{name}: {key}".replace("_", " ") + more, fontsize=9, color=INK)
    return sheet


def _draw(axes: Any, values: np.ndarray, columns: list[str], before: np.ndarray | None) -> None:
    same_shape = before is not None and before.shape[1:] == values.shape[1:]
    values = values[:, :_COLUMNS]
    axes.set_xlim(0, _COLUMNS)
    axes.set_ylim(len(values), -_HEAD)
    axes.axis("off")
    axes.axhline(0, color=RULE, linewidth=0.8)
    for place, column in enumerate(columns[:_COLUMNS]):
        name = textwrap.fill(column.replace("_", " "), 15, max_lines=2, placeholder="…")
        axes.text(place + 0.5, -0.2, name, ha="center", va="bottom", fontsize=7, color=INK)
    for row, cells in enumerate(values):
        for column, cell in enumerate(cells):
            changed = same_shape and not _same(cell, before[row, column])
            marked = changed or (isinstance(cell, np.bool_) and bool(cell))
            axes.text(
                column + 0.5,
                row + 0.5,
                _written(cell),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if marked else MUTED,
                bbox={"facecolor": LINES[1], "edgecolor": "none", "pad": 1.5} if marked else None,
            )


def _same(cell: Any, before: Any) -> bool:
    if isinstance(cell, np.str_):
        return bool(cell == before)
    return bool(np.isclose(cell, before, equal_nan=True))


def _written(cell: Any) -> str:
    if isinstance(cell, np.bool_):
        return "yes" if cell else "·"
    return textwrap.shorten(short(cell), 14, placeholder="…")


def _is_row(key: str, values: np.ndarray) -> bool:
    return values.dtype.kind in "iufbU" and values.ndim == 2 and values.size > 0
