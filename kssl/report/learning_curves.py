"""Learning curves, read from metrics.csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.ticker import PercentFormatter

from kssl.errors import UserError
from kssl.report import canvas, words

# Columns that say how the training went along rather than how well
_CLOCK = ("epoch", "step", "steps", "seconds", "time", "duration", "examples", "images", "samples")


def read(path: Path) -> dict[str, list[float]]:
    """The columns of a metrics.csv as numbers; an empty or unreadable cell becomes NaN.

    Args:
        path: The file: one row per epoch, a column `epoch` and one per metric (`val_…` for the
            validation split).

    Returns:
        Column -> values, epochs counted from 1; empty when there is no file yet.
    """
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name]
    columns = {name: [_number(row.get(name)) for row in rows] for name in names}
    epochs = columns.get("epoch") or [float(index) for index in range(len(rows))]
    start = 1.0 if epochs and epochs[0] == 0 else 0.0
    return {**columns, "epoch": [epoch + start for epoch in epochs]} if rows else {}


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def metrics(columns: dict[str, list[float]]) -> list[str]:
    """What is worth a panel, `loss` first: every training metric that changes."""
    names = [name.removeprefix("val_") for name in columns if not _is_clock(name)]
    changing = [name for name in dict.fromkeys(names) if _changes(columns, name)]
    return sorted(changing, key=lambda name: (name != "loss", name == "learning_rate"))


def _is_clock(name: str) -> bool:
    return name.split("_")[0] in _CLOCK or name.endswith(("_seconds", "_per_second", "_time"))


def _changes(columns: dict[str, list[float]], name: str) -> bool:
    values = [*columns.get(name, []), *columns.get(f"val_{name}", [])]
    finite = {value for value in values if math.isfinite(value)}
    return len(finite) > 1 or name == "loss"


def draw(columns: dict[str, list[float]]) -> Any:
    """One panel per metric, training and validation in each; `loss` takes the first place.

    Returns:
        A matplotlib figure.
    """
    names = metrics(columns)
    width = min(len(names), 3)
    rows = math.ceil(len(names) / width)
    drawn = canvas.figure(max(3.2 * width, 5.4), 2.7 * rows + 0.2)
    for index, name in enumerate(names):
        axes = drawn.add_subplot(rows, width, index + 1)
        for prefix, label, color in (("", "training", 0), ("val_", "validation", 1)):
            if prefix + name in columns:
                values, percent = columns[prefix + name], _is_fraction(name)
                _line(axes, columns["epoch"], values, canvas.LINES[color], label, percent)
        _label(axes, name)
        if len(columns["epoch"]) == 1:
            axes.set_xticks(columns["epoch"])
            axes.set_xlim(columns["epoch"][0] - 0.1, columns["epoch"][0] + 1)
            axes.margins(y=0.3)
        elif index == 0:
            axes.legend()
    return drawn


def _line(
    axes: Any, epochs: list[float], values: list[float], color: str, label: str, percent: bool
) -> None:
    few = len(epochs) <= 30
    axes.plot(epochs, values, color=color, label=label, marker="o" if few else "", markersize=3)
    if len(epochs) == 1:  # a point is no line: its number stands beside it
        number = f"{100 * values[0]:.2f} %" if percent else f"{values[0]:.4g}"
        axes.annotate(
            f" {label} {number}", (epochs[0], values[0]), color=color, va="center", size=9
        )


def _is_fraction(name: str) -> bool:
    return name.endswith("accuracy")


def _label(axes: Any, name: str) -> None:
    axes.set_title(name.replace("_", " "))
    axes.set_xlabel("epoch")
    axes.set_ylabel(words.UNITS.get(name, ""))
    if _is_fraction(name):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.get_major_locator().set_params(integer=True)


def compare(runs: Iterable[Any], path: Path, methods: Mapping[str, str] | None = None) -> Path:
    """The learning curves of several runs in one figure: training solid, validation dashed.

    Args:
        runs: Runs that have a metrics.csv.
        path: The picture to write; its suffix names the format: .png, .svg or .pdf.
        methods: The method of each run, by its name: losses of different ones are not on one axis.

    Returns:
        `path`.

    Raises:
        UserError: None of the runs has a metrics.csv.

    Example:
        >>> runs = [kssl.runs.directory.Run.open(name) for name in ("vae_mnist/1", "vae_mnist/2")]
        >>> picture = kssl.report.curves(runs, Path("curves.png"))
    """
    runs = list(runs)
    read_runs = {run.name: read(run.file("metrics.csv")) for run in runs}
    if methods and len(set(methods.values())) > 1:
        for name, columns in read_runs.items():
            read_runs[name] = _with_losses_of(columns, methods[name])
    tables = {name: columns for name, columns in read_runs.items() if columns}
    if not tables:
        named = ", ".join(read_runs) or "none given"
        raise UserError(f"no run has a metrics.csv with an epoch in it: {named}")
    names = list(dict.fromkeys(name for table in tables.values() for name in metrics(table)))
    with canvas.style():
        _panels(tables, names).savefig(path, format=Path(path).suffix[1:] or "png")
    return Path(path)


def _with_losses_of(columns: dict[str, list[float]], method: str) -> dict[str, list[float]]:
    return {
        f"{name} of {method}" if name.endswith("loss") else name: values
        for name, values in columns.items()
    }


def _panels(tables: dict[str, dict[str, list[float]]], names: list[str]) -> Any:
    width = min(len(names), 3)
    rows = math.ceil(len(names) / width)
    drawn = canvas.figure(max(3.4 * width, 5.4), 2.8 * rows + 0.3 + 0.2 * len(tables))
    for index, name in enumerate(names):
        axes = drawn.add_subplot(rows, width, index + 1)
        for place, (run, columns) in enumerate(tables.items()):
            color = canvas.LINES[place % len(canvas.LINES)]
            for prefix, dashes, label in (("", "-", run), ("val_", "--", "")):
                if prefix + name in columns:
                    values = columns[prefix + name]
                    axes.plot(columns["epoch"], values, dashes, color=color, label=label or None)
        _label(axes, name)
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    drawn.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=2,
        title="solid: training, dashed: validation",
        alignment="left",
    )
    return drawn
