"""Audio: the waveform of each example, with what the transforms made of it below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import LINES, MUTED, figure
from kssl.report.sheets.batches import Batch, Rounds, Words, captions, lines

_EXAMPLES = 3


def draw(raw: Batch, rounds: Rounds, words: Words | None = None) -> Figure:
    """Draw waveforms, windows of them one after another, and masks as shades."""
    count = min(_EXAMPLES, len(next(iter(raw.values()))))
    found = list(lines(raw, rounds[:2], _is_sound))
    sheet = figure(4.2 * count + 1.2, 0.6 + 1.35 * len(found))
    grid = sheet.subplots(len(found), count, squeeze=False)
    for row, (name, key, values, batch) in zip(grid, found, strict=True):
        for index, axes in enumerate(row):
            _draw(axes, values[index])
            label = captions(_without(batch, key), count, raw)[index]
            axes.set_xlabel(label.replace("\n", "   "), fontsize=8)
        label = f"{name}: {key}".replace("_", " ")
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return sheet


def _draw(axes: Any, values: np.ndarray) -> None:
    axes.grid(False)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    if values.dtype.kind == "b":
        axes.fill_between(np.arange(len(values)), values.astype(float), step="mid", color=MUTED)
    elif values.ndim == 1:
        axes.plot(values, color=LINES[0], linewidth=0.5)
    elif values.shape[-1] > 1 and values.ndim == 2 and values.shape[0] <= 16:
        gap = values.shape[1] // 5
        for number, window in enumerate(values):  # windows after one another
            start = number * (values.shape[1] + gap)
            color = LINES[number % len(LINES)]
            axes.plot(start + np.arange(len(window)), window, color=color, linewidth=0.5)
    else:  # frames with features, as a picture: time to the right
        picture = values.reshape(len(values), -1).T
        axes.imshow(picture, aspect="auto", origin="lower", cmap="magma", interpolation="nearest")


def _is_sound(key: str, values: np.ndarray) -> bool:
    drawn = values.ndim in (2, 3) and values.dtype.kind in "iufb" and values.shape[1] > 1
    return drawn and not (key == "padding_mask" and bool(values.all()))


def _without(batch: Batch, key: str) -> Batch:
    return {name: values for name, values in batch.items() if name != key}
