"""The one look of the pictures of losses: panels of curves beside each other, a legend at each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
from PIL import Image

from kssl.report import canvas

WIDTH, HEIGHT, DOTS = 7.2, 3.0, 170  # inches, inches, dots per inch
COLOURS = 48  # of the palette of a file: flat colours and their soft edges


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Args:
        x: What the horizontal axis has, with its unit.
        y: What the vertical axis has, with its unit.
        curves: Legend entry -> (x values, y values). One that is empty or begins with `_` is not
            in the legend.
        differ: What the curves differ in: the heading of the legend.
        options: `title`, `ymax`, `ymin`, `xlog`, `ylog`, `band` (x from, x to, what it is), `mark`
            (a vertical line at x), `level` (y, what it is), `legend` (a place, as in matplotlib).
    """

    x: str
    y: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    differ: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def numbers(tensor: Any) -> np.ndarray:
    """Return a tensor of any backend as an array."""
    return keras.ops.convert_to_numpy(tensor)


def draw(panels: Sequence[Panel], path: Path) -> int:
    """Write panels beside each other as one PNG of few colours; return its bytes."""
    with matplotlib.rc_context({**canvas.STYLE, "savefig.dpi": DOTS, "axes.titlesize": 10}):
        figure = canvas.figure(WIDTH, HEIGHT)
        figure.get_layout_engine().set(wspace=0.06)
        for place, panel in enumerate(panels):
            _panel(figure.add_subplot(1, len(panels), place + 1), panel)
        canvas.save(figure, path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


def _panel(axes: Any, panel: Panel) -> None:
    options = panel.options
    for (name, (x, y)), colour in zip(panel.curves.items(), canvas.LINES, strict=False):
        axes.plot(x, y, color=colour, label=name, linewidth=2)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.set_title(options.get("title", ""), fontweight="normal")
    if options.get("xlog"):
        axes.set_xscale("log")
    if options.get("ylog"):
        axes.set_yscale("log")
    every = np.concatenate([np.asarray(x) for x, _ in panel.curves.values()])
    axes.set_xlim(*np.round([every.min(), every.max()], 3))
    axes.set_ylim(options.get("ymin"), options.get("ymax"))
    _notes(axes, options)
    if axes.get_legend_handles_labels()[1]:
        place = options.get("legend", "best")
        title = {"title": panel.differ or None, "title_fontsize": 9, "alignment": "left"}
        axes.legend(loc=place, handlelength=1.4, labelcolor=canvas.INK, **title)


def _notes(axes: Any, options: Mapping[str, Any]) -> None:
    """Draw what is not a curve: a shaded band, a level, a mark."""
    if "band" in options:
        low, high, what = options["band"]
        axes.axvspan(low, high, color=canvas.RULE, alpha=0.6, linewidth=0, label=what)
    dashes = {"color": canvas.MUTED, "linestyle": (0, (4, 3)), "linewidth": 1.2}
    if "level" in options:
        height, what = options["level"]
        axes.axhline(height, label=what, **dashes)
    if "mark" in options:
        axes.axvline(options["mark"], **dashes)
