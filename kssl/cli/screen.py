"""What the verbs print: plain aligned tables, readable in a terminal and in a pipe alike."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_STICKS = "\N{NO-BREAK SPACE}"  # where textwrap breaks no line
_PIPE_WIDTH = 10_000  # a pipe gets every row on one line


def show(*renderables: RenderableType) -> None:
    """Print to stdout; in a pipe without colours, wrapping and trailing blanks."""
    console = Console(highlight=False)
    if _has_width(console):
        console.print(*renderables, sep="\n", markup=False)
        return
    wide = Console(highlight=False, width=_PIPE_WIDTH)
    with wide.capture() as captured:
        wide.print(*renderables, sep="\n", markup=False)
    click.echo("\n".join(line.rstrip() for line in captured.get().removesuffix("\n").split("\n")))


def _has_width(console: Console) -> bool:
    return console.is_terminal or bool(os.environ.get("COLUMNS"))


def fits(renderable: RenderableType) -> bool:
    """Tell whether something can be printed without being folded."""
    console = Console()
    if not _has_width(console):
        return True
    return Console(width=_PIPE_WIDTH).measure(renderable).maximum <= console.width


def table(
    columns: Sequence[str | Text],
    rows: Iterable[Sequence[Any]],
    numbers: Sequence[int] = (),
    header: bool = True,
    fold: int | None = None,
) -> Table:
    """Make a table without lines.

    Args:
        columns: The headings.
        rows: The cells: `Text` as it is, anything else as its string, never as markup.
        numbers: Indices of the columns that are aligned to the right.
        header: Whether the headings are printed.
        fold: The column that gives way where the terminal is narrow, the others stay whole;
            None lets all of them give way.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=header)
    for index, column in enumerate(columns):
        made.add_column(
            column,
            header_style="bold",
            justify="right" if index in numbers else "left",
            no_wrap=fold is not None and index != fold,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return made


def folded(items: Iterable[str]) -> RenderableType:
    """Put items behind one another, indented, with line breaks between items alone."""
    whole = f"{_STICKS}· ".join(item.replace(" ", _STICKS) for item in items)
    width = max(20, Console().width - 4)
    lines = textwrap.wrap(whole, width, break_on_hyphens=False)
    return Padding(Text("\n".join(lines).replace(_STICKS, " ")), (0, 0, 0, 4), expand=False)


def pairs(values: Mapping[str, Any]) -> Table:
    """Make a table of names and values, for a few facts of one thing."""
    rows = [(Text(name, style="bold"), value) for name, value in values.items()]
    return table(["", ""], rows, header=False, fold=1)


def section(title: str, body: RenderableType, aside: str = "") -> RenderableType:
    """Put a heading over an indented body."""
    from rich.console import Group

    heading = Text(title, style="bold cyan").append(f"   {aside}" if aside else "", style="dim")
    return Group(heading, Padding(body, (0, 0, 0, 2)))


def number(value: Any) -> str:
    """Write a number with four significant digits, and nothing that is known as a dash."""
    if value is None:
        return "–"
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Write a time as a person would say it.

    Example:
        >>> duration(151)
        '2 min 31 s'
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def shortened(value: Any, length: int = 40) -> str:
    """Write a setting in one cell; "–" where there is none."""
    text = "–" if value is None else str(value)
    return text if len(text) <= length else f"{text[: length - 2]} …"


def size(count: float) -> str:
    """Write a number of bytes.

    Example:
        >>> size(3 * 1024**2)
        '3.0 MiB'
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
