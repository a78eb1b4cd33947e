"""What the verbs print: plain aligned tables, readable in a terminal and in a pipe alike."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kssl.system.terminal import width

_STICKS = "\N{NO-BREAK SPACE}"  # where textwrap breaks no line
_GAP = 3  # blanks between two columns
_LEAST = 24  # columns of text, below which it is put in lines of its own


def show(*renderables: RenderableType) -> None:
    """Print to stdout, no wider than the terminal; in a pipe without colours, 80 columns wide."""
    _print(renderables, width())


def show_as_it_is(renderable: RenderableType) -> None:
    """Print what may be read back by a program: lines are broken in a terminal alone."""
    _print((renderable,), width() if Console().is_terminal else 10_000)


def _print(renderables: Sequence[RenderableType], columns: int) -> None:
    console = Console(highlight=False, width=columns)
    if console.is_terminal:
        console.print(*renderables, sep="\n", markup=False)
        return
    with console.capture() as captured:
        console.print(*renderables, sep="\n", markup=False)
    click.echo("\n".join(line.rstrip() for line in captured.get().removesuffix("\n").split("\n")))


def fits(renderable: RenderableType) -> bool:
    """Tell whether something can be printed without being folded."""
    return Console(width=10_000).measure(renderable).maximum <= width()


def table(
    columns: Sequence[str | Text],
    rows: Iterable[Sequence[Any]],
    numbers: Sequence[int] = (),
    header: bool = True,
    fold: int | None = None,
) -> RenderableType:
    """Make a table without lines.

    Args:
        columns: The headings.
        rows: The cells: `Text` as it is, anything else as its string, never as markup.
        numbers: Indices of the columns that are aligned to the right.
        header: Whether the headings are printed.
        fold: The column that gives way where the terminal is narrow, the others stay whole; where
            too little is left for it, it is put in lines of its own. None lets all give way.
    """
    cells = [[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row] for row in rows]
    if fold is not None and len(columns) > 2 and not _has_room(columns, cells, fold, header):
        return _stacked(columns, cells, numbers, header, fold)
    return _grid(columns, cells, numbers, header, fold)


def _grid(
    columns: Sequence[str | Text],
    cells: Sequence[Sequence[Text]],
    numbers: Sequence[int],
    header: bool,
    fold: int | None,
    widths: Sequence[int] | None = None,
) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=header)
    for index, column in enumerate(columns):
        made.add_column(
            column,
            header_style="bold",
            justify="right" if index in numbers else "left",
            no_wrap=fold is not None and index != fold,
            overflow="fold",
            min_width=widths[index] if widths else None,
        )
    for row in cells:
        made.add_row(*row)
    return made


def _widths(
    columns: Sequence[str | Text], cells: Sequence[Sequence[Text]], header: bool
) -> list[int]:
    """How wide each column would be by itself."""
    heads = [max(map(len, str(column).split("\n"))) if header else 0 for column in columns]
    lines = [[max(map(len, cell.plain.split("\n"))) for cell in row] for row in cells]
    return [max(head, *(line[i] for line in lines), 0) for i, head in enumerate(heads)]


def _has_room(
    columns: Sequence[str | Text], cells: Sequence[Sequence[Text]], fold: int, header: bool
) -> bool:
    widths = _widths(columns, cells, header)
    room = width() - sum(widths) + widths[fold] - _GAP * len(columns)
    return room >= min(widths[fold], _LEAST)


def _stacked(
    columns: Sequence[str | Text],
    cells: Sequence[Sequence[Text]],
    numbers: Sequence[int],
    header: bool,
    fold: int,
) -> RenderableType:
    """The table without a column, whose cells stand below their rows."""
    from rich.console import Group

    def without(row: Sequence[Any]) -> list[Any]:
        return [cell for index, cell in enumerate(row) if index != fold]

    left = without(range(len(columns)))
    right = [place for place, index in enumerate(left) if index in numbers]
    widths = without(_widths(columns, cells, header))
    fitting = sum(widths) + _GAP * (len(widths) - 1) <= width()
    options = (right, None, widths if fitting else None)
    lines: list[RenderableType] = []
    if header:
        lines.append(_grid(without(columns), [], options[0], True, *options[1:]))
    for row in cells:
        lines.append(_grid(without(columns), [without(row)], options[0], False, *options[1:]))
        if row[fold].plain.strip("– "):
            lines.append(Padding(row[fold], (0, 0, 0, 4), expand=False))
    return Group(*lines)


def folded(items: Iterable[str]) -> RenderableType:
    """Put items behind one another, indented, with line breaks between items alone."""
    whole = f"{_STICKS}· ".join(item.replace(" ", _STICKS) for item in items)
    lines = textwrap.wrap(whole, max(20, width() - 4), break_on_hyphens=False)
    return Padding(Text("\n".join(lines).replace(_STICKS, " ")), (0, 0, 0, 4), expand=False)


def pairs(values: Mapping[str, Any]) -> RenderableType:
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
