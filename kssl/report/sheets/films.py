"""Video: a strip of frames for each example, the strips of one example under one another."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kssl.report.canvas import INK, bare, figure, tiled
from kssl.report.sheets.batches import Batch, Rounds, Words, captions, lines
from kssl.report.sheets.pictures import to_pictures

_EXAMPLES, _FRAMES = 3, 16


def draw(raw: Batch, rounds: Rounds, words: Words | None = None) -> Figure:
    """Draw the frames of a few examples before and after the transforms, with their labels."""
    count = min(_EXAMPLES, len(next(iter(raw.values()))))
    found = list(lines(raw, rounds, _is_strip))
    strips = [(example, line) for example in range(count) for line in found]
    frames = max(min(_frames(values), _FRAMES) for _, _, values, _ in found)
    height = 10.0 / frames
    sheet = figure(12.0, 0.6 + len(strips) * (height + 0.28))
    grid = sheet.subplots(len(strips), 1, squeeze=False)[:, 0]
    for axes, (example, (name, key, values, batch)) in zip(grid, strips, strict=True):
        axes.imshow(_strip(key, values[example], frames), vmin=0, vmax=1, cmap="gray")
        bare(axes)
        labels = captions(batch, count, raw)[example].split("\n")
        text = f"{example + 1} · {name}: {key}".replace("_", " ")
        axes.set_title("   ".join([text, *filter(None, labels)]), fontsize=8, color=INK)
    return sheet


def _is_strip(key: str, values: np.ndarray) -> bool:
    """Frames with colours, frames of classes, or one frame."""
    if values.dtype.kind not in "iufb":
        return False
    if values.ndim == 5:
        return values.shape[-1] in (1, 3)
    return values.ndim == 4 and min(values.shape[2:3]) > 3


def _frames(values: np.ndarray) -> int:
    return values.shape[1] if values.ndim == 5 or values.shape[-1] > 3 else 1


def _strip(key: str, frames: np.ndarray, room: int) -> np.ndarray:
    """One example's frames side by side, with nothing where there are fewer than there is room."""
    frames = frames[None] if frames.ndim == 3 and frames.shape[-1] <= 3 else frames
    return tiled(to_pictures(key, frames[:room]), room, gap=2)
