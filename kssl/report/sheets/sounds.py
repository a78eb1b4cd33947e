"""Audio: the waveform of each example, with what the transforms made of it below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import LINES, MUTED, figure
from kssl.report.sheets.batches import Batch, Rounds, Words, captions, lines
from kssl.report.sheets.facts import Facts

_EXAMPLES = 3
_WINDOWS = 16  # rows of samples that are windows; more are frames of features


def draw(
    raw: Batch, rounds: Rounds, words: Words | None = None, facts: Facts | None = None
) -> Figure:
    """Draw waveforms, windows of them one after another, and masks as shades.

    All waveforms are on one scale, and all that has the length of the recording on one time.
    """
    count = min(_EXAMPLES, len(next(iter(raw.values()))))
    found = list(lines(raw, rounds[:2], _is_sound))
    rate = facts.sample_rate if facts else None
    length = max(values.shape[1] for _, _, values, _ in found if values.ndim == 2)
    height = max([1e-6, *(np.abs(v[:count]).max() for _, _, v, _ in found if _is_wave(v))])
    sheet = figure(3.2 * count + 1.4, 0.6 + 1.45 * len(found))
    grid = sheet.subplots(len(found), count, squeeze=False)
    for row, (name, key, values, batch) in zip(grid, found, strict=True):
        for index, axes in enumerate(row):
            unit = _draw(axes, values[index], length / (rate or 1))
            _scale(axes, values, height, first=index == 0)
            label = captions(_without(batch, key), count, raw)[index].replace("\n", "   ")
            unit = unit or ("seconds" if rate else "samples")
            axes.set_xlabel(f"{unit}   {label}".strip(), fontsize=8)
        label = f"{name}:\n{key}".replace("_", " ")
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)
    return sheet


def _draw(axes: Any, values: np.ndarray, seconds: float) -> str:
    """Draw one thing; return the unit of its axis where that is not time."""
    axes.grid(False)
    axes.tick_params(labelsize=7)
    if _is_windows(values):
        gap = values.shape[1] // 5
        for number, window in enumerate(values):  # windows after one another
            start = number * (values.shape[1] + gap)
            color = LINES[number % len(LINES)]
            axes.plot(start + np.arange(len(window)), window, color=color, linewidth=0.5)
        axes.set_xticks([])
        return f"{len(values)} windows of {values.shape[1]} samples"
    if values.ndim > 1:  # frames with features, as a picture: time to the right
        picture = values.reshape(len(values), -1).T
        sides = (0, seconds, 0, len(picture))
        axes.imshow(picture, aspect="auto", origin="lower", cmap="magma", extent=sides)
        return ""
    edges = np.linspace(0, seconds, len(values) + 1)
    if values.dtype.kind == "b":
        axes.stairs(values.astype(float), edges, fill=True, color=MUTED)
    else:
        axes.plot(edges[:-1], values, color=LINES[0], linewidth=0.5)
    axes.set_xlim(0, seconds)
    return ""


def _scale(axes: Any, values: np.ndarray, height: float, first: bool) -> None:
    """Put the vertical axis of a kind of values on one scale, named at the left panel."""
    if values.dtype.kind == "b":
        axes.set_ylim(0, 1.1)
        axes.set_yticks([0, 1], ["no", "yes"])
    elif _is_wave(values):
        axes.set_ylim(-1.05 * height, 1.05 * height)
    elif values.ndim == 2:
        low, high = float(values.min()), float(values.max())
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) + 1e-6)
    if not first:
        axes.tick_params(labelleft=False)


def _is_wave(values: np.ndarray) -> bool:
    """Whether they are samples: of recordings, or of windows of them."""
    waves: Sequence[bool] = (values.ndim == 2, values.ndim == 3 and _is_windows(values[0]))
    return values.dtype.kind == "f" and any(waves)


def _is_windows(values: np.ndarray) -> bool:
    return values.ndim == 2 and values.shape[-1] > 1 and values.shape[0] <= _WINDOWS


def _is_sound(key: str, values: np.ndarray) -> bool:
    drawn = values.ndim in (2, 3) and values.dtype.kind in "iufb" and values.shape[1] > 1
    return drawn and not (key == "padding_mask" and bool(values.all()))


def _without(batch: Batch, key: str) -> Batch:
    return {name: values for name, values in batch.items() if name != key}
