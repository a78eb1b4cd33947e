"""Images: a column for each example, a row for each thing that is made of it."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import as_pictures, bare, figure, tiled
from kssl.report.sheets.batches import (
    FEW,
    Batch,
    Rounds,
    Words,
    captions,
    lines,
    made,
    round_name,
    short,
    unit,
)

_LARGEST = 1024  # pixels; what is larger is no picture


def draw(raw: Batch, rounds: Rounds, words: Words | None = None) -> Figure:
    """Draw images, their parts side by side, masks as grids, labels and texts below."""
    rows = [
        (f"{name}: {key}", to_pictures(key, values), batch)
        for name, key, values, batch in lines(raw, rounds, is_picture)
    ]
    if rounds and len(rows) == 1:  # nothing but labels is made: they stand below the input again
        rows += [(f"{round_name(0, rounds)}: image", rows[0][1], rounds[0])]
    count = len(next(iter(raw.values())))
    below = [_below(batch, count, raw, words) for _, _, batch in rows]
    # A round's labels are written once, under the last of its rows.
    last = [
        index + 1 == len(rows) or rows[index + 1][2] is not rows[index][2]
        for index in range(len(rows))
    ]
    heights = [
        1.25 + 0.17 * max(text.count("\n") + bool(text) for text in texts) * shown
        for texts, shown in zip(below, last, strict=True)
    ]
    sheet = figure(1.25 * count + 1.6, sum(heights) + 0.6)
    grid = sheet.subplots(len(rows), count, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, (label, drawn, _), texts, shown in zip(grid, rows, below, last, strict=True):
        _draw_line(axes, label, drawn, texts if shown else [""] * count)
    return sheet


def is_picture(key: str, values: np.ndarray) -> bool:
    """Whether values can be drawn as one picture for each example."""
    if values.dtype.kind not in "iufb":
        return False
    if values.ndim == 2:
        return "mask" in key and math.isqrt(values.shape[1]) ** 2 == values.shape[1]
    if values.ndim not in (3, 4, 5, 6) or max(values.shape[1:]) > _LARGEST:
        return False
    return values.ndim == 3 or values.shape[-1] in (1, 2, 3)


def to_pictures(key: str, values: np.ndarray) -> np.ndarray:
    """Return one picture for each example: grey `(n, height, width)` or RGB with 3 at the end."""
    if values.ndim == 2:  # a mask of patches, row by row
        side = math.isqrt(values.shape[1])
        return values.reshape(-1, side, side).astype(np.float32)
    if values.ndim >= 5:  # parts: tiles, crops, or patches in rows and columns
        grid = values.ndim == 6
        columns = values.shape[2] if grid else math.ceil(math.sqrt(values.shape[1]))
        values = values.reshape(len(values), -1, *values.shape[-3:])  # (n, parts, h, w, channels)
        gap = max(1, values.shape[2] // 10)
        parts = [to_pictures(key, example) for example in unit(values)]
        return np.stack([tiled(example, columns, gap) for example in parts])
    if values.ndim == 3 and values.dtype.kind == "i":  # a class for each pixel
        classes = values / max(int(values.max()), 1)
        return matplotlib.colormaps["turbo"](classes)[..., :3].astype(np.float32)
    if values.shape[-1] == 2 and values.ndim == 4:
        return _chrominance(values)
    return as_pictures(unit(values))


def _chrominance(values: np.ndarray) -> np.ndarray:
    """Two axes of colour around zero: red against green, and yellow against blue."""
    values = values / max(float(np.abs(values).max()), 1e-6) / 2
    red, yellow = values[..., 0], values[..., 1]
    return as_pictures(np.stack([0.5 + red, 0.5 - red / 2 + yellow / 2, 0.5 - yellow], axis=-1))


def _draw_line(axes: Any, label: str, drawn: np.ndarray, texts: list[str]) -> None:
    for axis, picture, text in zip(axes, drawn, texts, strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
        bare(axis)
        axis.set_xlabel(text, fontsize=8)
    axes[0].set_ylabel(label.replace("_", " "), rotation=0, ha="right", va="center")


def _below(batch: Batch, count: int, raw: Batch, words: Words | None) -> list[str]:
    """Numbers, and texts such as captions, of each example."""
    batch = made(batch, raw) if batch is not raw else batch
    numbers = captions({k: v for k, v in batch.items() if not is_picture(k, v)}, count)
    spoken = [values for values in batch.values() if values.dtype.kind in "OS"]
    spoken += [_written(ids, words) for key, ids in batch.items() if _is_text(key, ids)]
    return [
        "\n".join(
            [numbers[index]] * bool(numbers[index])
            + [
                textwrap.fill(short(values[index]), 20, max_lines=4).replace("$", r"\$")
                for values in spoken
                if values.ndim == 1
            ]
        )
        for index in range(count)
    ]


def _is_text(key: str, values: np.ndarray) -> bool:
    """Ids of text: rows of whole numbers that are neither a picture nor a few labels."""
    whole = values.dtype.kind in "iu" and values.ndim == 2 and values.shape[1] > FEW
    return whole and not is_picture(key, values)


def _written(ids: np.ndarray, words: Words | None) -> np.ndarray:
    spell = words or (lambda row: [str(each) for each in row])
    return np.array([" ".join(spell(row[row != 0])) for row in ids], object)
