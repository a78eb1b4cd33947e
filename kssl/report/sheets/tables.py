"""Tables: rows as they were and as the transforms left them, with what changed marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import INK, LINES, MUTED, figure
from kssl.report.sheets.batches import Batch, Rounds, Words, lines, short

_ROWS, _COLUMNS = 6, 10


def draw(raw: Batch, rounds: Rounds, words: Words | None = None) -> Figure:
    """Draw a grid of numbers for each key; a cell that differs from the input is coloured."""
    found = list(lines(raw, rounds[:2], _is_row))
    rows = min(_ROWS, len(next(iter(raw.values()))))
    sheet = figure(11.0, 0.6 + len(found) * (0.24 * rows + 0.5))
    grid = sheet.subplots(len(found), 1, squeeze=False)[:, 0]
    for axes, (name, key, values, _) in zip(grid, found, strict=True):
        _draw(axes, values[:rows], raw.get(key) if name != "input" else None)
        left_out = max(0, values.shape[1] - _COLUMNS)
        more = f"   (and {left_out} more columns)" if left_out else ""
        axes.set_title(f"{name}: {key}".replace("_", " ") + more, fontsize=9, color=INK)
    return sheet


def _draw(axes: Any, values: np.ndarray, before: np.ndarray | None) -> None:
    same_shape = before is not None and before.shape[1:] == values.shape[1:]
    values = values[:, :_COLUMNS]
    axes.set_xlim(0, _COLUMNS)
    axes.set_ylim(len(values), 0)
    axes.axis("off")
    for row, cells in enumerate(values):
        for column, cell in enumerate(cells):
            changed = same_shape and not np.isclose(cell, before[row, column], equal_nan=True)
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


def _written(cell: Any) -> str:
    if isinstance(cell, np.bool_):
        return "yes" if cell else "·"
    return short(cell)


def _is_row(key: str, values: np.ndarray) -> bool:
    return values.dtype.kind in "iufb" and values.ndim == 2 and values.size > 0
