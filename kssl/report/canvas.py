"""The style of all figures, and the layouts that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

DPI = 120
INK, MUTED, RULE = "#1f2430", "#5b6270", "#d9dce2"
# Okabe and Ito's colours for lines, Tol's "muted" for classes: both can be told apart by people
# with any of the common kinds of colour blindness.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1f2430", "#999933")
CLASSES = (
    "#332288",
    "#CC6677",
    "#117733",
    "#DDCC77",
    "#88CCEE",
    "#882255",
    "#44AA99",
    "#AA4499",
    "#999933",
    "#777777",
)
STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#eceef2",
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "auto",
}

# The same figure on a dark page: each colour of a light one, and what it becomes.
DARK = {
    "white": "#16191f",
    "black": "#e7e9ee",
    INK: "#e7e9ee",
    MUTED: "#a5acb9",
    RULE: "#3a404c",
    "#eceef2": "#262b33",  # the grid
    "#0072b2": "#56b4e9",
    "#d55e00": "#ff8533",
    "#332288": "#8c7bea",
    "#117733": "#4fb36b",
    "#882255": "#d0609a",
    "#aa4499": "#c774b8",
    "#777777": "#8c8c8c",
}


@contextmanager
def style() -> Iterator[None]:
    """The style of the report's figures while they are drawn and saved; no global state is left."""
    with matplotlib.rc_context(STYLE):
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure in inches that does not know of any window (Agg)."""
    drawn = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as PNG without the software's name: equal figures are equal files."""
    drawn.savefig(path, format="png", metadata={"Software": None})


def darken(drawn: Figure) -> None:
    """Give a figure the colours of a dark page; pictures keep theirs."""
    colors = {to_rgb(light): dark for light, dark in DARK.items()}

    def swap(color: Any) -> Any:
        red, green, blue, opacity = to_rgba(color)
        return to_rgba(colors.get((red, green, blue), color), opacity)

    boxes = [text.get_bbox_patch() for text in drawn.findobj(Text)]
    for artist in [*drawn.findobj(), *filter(None, boxes)]:
        if isinstance(artist, Text | Line2D):
            artist.set_color(swap(artist.get_color()))
        elif isinstance(artist, Patch):
            artist.set(facecolor=swap(artist.get_facecolor()))
            artist.set(edgecolor=swap(artist.get_edgecolor()))
        elif isinstance(artist, Collection):
            artist.set_facecolor([swap(color) for color in artist.get_facecolor()])
            artist.set_edgecolor([swap(color) for color in artist.get_edgecolor()])
        if isinstance(artist, Line2D) and artist.get_marker() not in ("", "None", None):
            artist.set_markerfacecolor(artist.get_color())
            artist.set_markeredgecolor(artist.get_color())
        if artist.get_path_effects():
            artist.set_path_effects([withStroke(linewidth=3, foreground=DARK["white"])])


def as_pictures(values: np.ndarray) -> np.ndarray:
    """(n, height, width[, 1 or 3]) data in [0, 1] -> what imshow takes: grey or RGB, clipped."""
    pictures = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float32)), 0.0, 1.0)
    if pictures.ndim == 4 and pictures.shape[-1] == 1:
        return pictures[..., 0]  # (n, height, width)
    if pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[-1] in (3, 4)):
        return pictures
    raise ValueError(f"expected images (n, height, width, 1 or 3), got shape {pictures.shape}")


def tiled(pictures: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """One picture of many, row by row, with gaps of `gap` pixels through which the page is seen.

    Grey pictures have NaN there; those with colours become RGBA, whose gaps are not opaque.
    """
    count, height, width = pictures.shape[:3]
    rows = -(-count // columns)
    high, wide = height + gap, width + gap
    if pictures.ndim == 4 and pictures.shape[-1] == 3:
        opaque = np.ones((*pictures.shape[:3], 1), pictures.dtype)
        pictures = np.concatenate([pictures, opaque], axis=-1)  # (count, height, width, 4)
    clear = 1.0 if pictures.ndim == 4 else np.nan
    sheet = np.full((rows * high - gap, columns * wide - gap, *pictures.shape[3:]), clear)
    sheet = sheet.astype(np.float32)
    if pictures.ndim == 4:
        sheet[..., 3] = 0.0
    for index, picture in enumerate(pictures):
        top, left = index // columns * high, index % columns * wide
        sheet[top : top + height, left : left + width] = picture
    return sheet


def show(axes: Any, sheet: np.ndarray) -> None:
    """Draw a sheet of pictures without ticks, every pixel a sharp square."""
    axes.imshow(sheet, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    bare(axes)


def bare(axes: Any) -> None:
    """Take the ticks, the grid and the frame away."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def sheet_figure(sheet: np.ndarray, width: float) -> Figure:
    """A figure that holds one sheet and nothing else."""
    drawn = figure(width, width * sheet.shape[0] / sheet.shape[1])
    drawn.set_layout_engine("none")
    show(drawn.add_axes((0, 0, 1, 1)), sheet)
    return drawn


def labelled_rows(rows: Sequence[tuple[str, np.ndarray]], width: float = 9.0) -> Figure:
    """Rows of pictures under one another, each with its name at the left.

    Args:
        rows: (name, pictures), as many pictures in each.
        width: Of the figure in inches.

    Returns:
        The figure.
    """
    pictures = np.concatenate([row for _, row in rows])
    sheet = tiled(pictures, columns=len(rows[0][1]), gap=2)
    names = 1.25  # inches for the names at the left
    drawn = figure(width, (width - names) * sheet.shape[0] / sheet.shape[1])
    drawn.set_layout_engine("none")
    axes = drawn.add_axes((names / width, 0, 1 - names / width, 1))
    show(axes, sheet)
    step = rows[0][1].shape[1] + 2
    axes.set_yticks([step * (index + 0.5) - 1.5 for index in range(len(rows))])
    axes.set_yticklabels([name for name, _ in rows], color=INK, fontsize=11)
    axes.tick_params(length=0)
    return drawn


def example_rows(
    rows: Sequence[tuple[str, Sequence[Any]]],
    draw: Callable[[Any, Any], None],
    cell: tuple[float, float],
    head: float = 0.0,
    gap: float = 0.12,
) -> Figure:
    """Rows of examples of any kind under one another, each row with its name at the left.

    Args:
        rows: (name, examples), as many examples in each.
        draw: Draws an example: `draw(axes, example)`.
        cell: Width and height of an example in inches.
        head: Inches left free above the rows.
        gap: Inches between rows.

    Returns:
        The figure.
    """
    count, names = len(rows[0][1]), 1.1 if any(name for name, _ in rows) else 0.0
    size = (names + 0.1 + count * (cell[0] + 0.1), head + len(rows) * (cell[1] + gap) + 0.1)
    drawn = figure(*size)
    drawn.set_layout_engine("none")
    for place, (name, examples) in enumerate(rows):
        bottom = size[1] - head - (place + 1) * (cell[1] + gap)
        for number, example in enumerate(examples):
            left = names + 0.1 + number * (cell[0] + 0.1)
            sides = (left / size[0], bottom / size[1], cell[0] / size[0], cell[1] / size[1])
            axes = drawn.add_axes(sides)
            draw(axes, example)
            bare(axes)
            frame(axes)
        middle = (bottom + cell[1] / 2) / size[1]
        drawn.text(names / size[0], middle, name, ha="right", va="center", color=INK)
    return drawn


def frame(axes: Any) -> None:
    """Put a thin frame around what may be as white as the page."""
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(RULE)


def class_colors(count: int) -> list[Any]:
    """One colour per class; of more classes than there are names, a smooth scale."""
    if count <= len(CLASSES):
        return list(CLASSES[:count])
    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.95, count)))
