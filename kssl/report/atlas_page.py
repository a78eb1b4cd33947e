"""The page of an atlas: recipes beside each other, with their controls, in one sortable table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from kssl.system.files import replacing

Row = dict[str, str]
Column = tuple[str, str]  # evaluation, metric


@dataclass(frozen=True)
class Line:
    """A recipe on a data set, or a control of all recipes on it.

    Attributes:
        recipe: The recipe, or the name of the control.
        data: Name of the data.
        values: Of each column, the mean and the standard deviation over seeds, as text.
        beside: Of each column, what the encoder is without training, and other baselines of its
            own.
        minutes: The median of the runs, with evaluation.
        epochs: Of training.
        seeds: How many runs stand behind the values.
        note: Why it failed.
        control: Whether it is one.
        trained_on: The data that it was trained on, where that is another.
    """

    recipe: str
    data: str
    values: tuple[str, ...]
    beside: tuple[str, ...] = ()
    minutes: str = ""
    epochs: str = ""
    seeds: int = 0
    note: str = ""
    control: bool = False
    trained_on: str = ""


@dataclass(frozen=True)
class Table:
    """What the page and the screen show.

    Attributes:
        columns: Titles of the numbers.
        lines: Best first, by the first column; controls stand among the recipes.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def table(rows: Sequence[Row]) -> Table:
    """Return the table of the rows of `atlas.csv`.

    Baselines that have the same value in all runs on a data set, such as what raw pixels reach,
    become lines of their own; the others stand beside the number of their recipe.
    """
    columns = list(dict.fromkeys((r["evaluation"], r["metric"]) for r in rows if r["evaluation"]))
    lines: list[tuple[float | None, Line]] = []
    for data in dict.fromkeys(_probed(row) for row in rows):
        own = [row for row in rows if _probed(row) == data]
        shared = {column: _shared(_of(own, column)) for column in columns}
        for pair in dict.fromkeys((row["recipe"], row["data"]) for row in own):
            found = [row for row in own if (row["recipe"], row["data"]) == pair]
            lines.append(_recipe(found, columns, shared))
        names = dict.fromkeys(name for values in shared.values() for name in values)
        for name in names:
            known_of = [shared[column].get(name) for column in columns]
            values = tuple(
                "" if each is None else _text([each], c[1])
                for each, c in zip(known_of, columns, strict=True)
            )
            lines.append((known_of[0], Line(name, data, values, control=True)))
    titles = tuple(f"{name}, {metric}" for name, metric in columns)
    lower = any(row["better"] == "lower" for row in _of(rows, columns[0])) if columns else False
    known = sorted((each for each in lines if each[0] is not None), key=lambda each: each[0])
    others = [line for place, line in lines if place is None]
    return Table(titles, (*(line for _, line in (known if lower else known[::-1])), *others))


def write(folder: Path, rows: Sequence[Row]) -> Path:
    """Write `atlas.html` beside `atlas.csv`; return its path."""
    home = Path(__file__).parent
    engine = jinja2.Environment(
        loader=jinja2.FileSystemLoader(home),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found = table(rows)
    text = engine.get_template("atlas.html").render(
        columns=found.columns,
        lines=found.lines,
        several=len({line.data for line in found.lines}) > 1,
        transfer=any(line.trained_on for line in found.lines),
    )
    with replacing(folder / "atlas.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return folder / "atlas.html"


def _recipe(
    rows: Sequence[Row], columns: Sequence[Column], shared: dict[Column, dict[str, float]]
) -> tuple[float | None, Line]:
    """The line of a recipe on a data set, and the number that it is sorted by."""
    values, beside, first = [], [], None
    for column in columns:
        found = _of(rows, column)
        numbers = [float(row["value"]) for row in found if row["value"]]
        values.append(_text(numbers, column[1]))
        beside.append(_beside(found, column, shared[column]))
        if numbers and column == columns[0]:
            first = statistics.mean(numbers)
    failed = [row["note"] for row in rows if row["status"] == "failed"]
    minutes = [float(row["minutes"]) for row in rows if row["minutes"]]
    line = Line(
        rows[0]["recipe"],
        _probed(rows[0]),
        tuple(values),
        tuple(beside),
        f"{statistics.median(minutes):.1f}" if minutes else "",
        ", ".join(dict.fromkeys(row["epochs"] for row in rows if row["epochs"])),
        len({row["seed"] for row in rows if row["status"] == "finished"}),
        "; ".join(dict.fromkeys(failed)),
        trained_on=rows[0]["data"] if rows[0].get("probed_on") else "",
    )
    return first, line


def _probed(row: Row) -> str:
    """The data that a number was measured on."""
    return row.get("probed_on") or row["data"]


def _of(rows: Iterable[Row], column: Column) -> list[Row]:
    return [row for row in rows if (row["evaluation"], row["metric"]) == column]


def _shared(rows: Sequence[Row]) -> dict[str, float]:
    """The baselines that have one value in all runs, of several recipes."""
    if len({row["recipe"] for row in rows}) < 2:
        return {}
    every = [json.loads(row["baselines"] or "{}") for row in rows]
    return {
        name: float(value)
        for name, value in every[0].items()
        if all(each.get(name) == value for each in every)
    }


def _beside(rows: Sequence[Row], column: Column, shared: dict[str, float]) -> str:
    """The baselines of a recipe's own, such as the encoder without training."""
    every = [json.loads(row["baselines"] or "{}") for row in rows]
    names = [name for name in (every[0] if every else {}) if name not in shared]
    return ", ".join(
        f"{name} {_text([each[name] for each in every if name in each], column[1])}"
        for name in names
    )


def _text(numbers: Sequence[float], metric: str) -> str:
    """Mean and standard deviation; accuracies in per cent."""
    if not numbers:
        return ""
    scale, digits = (100.0, 1) if metric.startswith("accuracy") else (1.0, 3)
    spread = ""
    if len(set(numbers)) > 1:
        spread = f" ± {scale * statistics.stdev(numbers):.{digits}f}"
    return f"{scale * statistics.mean(numbers):.{digits}f}{spread}"
