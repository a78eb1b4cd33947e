"""`kssl compare`: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from kssl.cli import screen
from kssl.cli.common import new_file, output_option, runs_option
from kssl.cli.completing import complete_runs
from kssl.cli.results import metric
from kssl.errors import UserError
from kssl.runs import comparison
from kssl.runs.directory import Run
from kssl.system.files import replacing


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…", shell_complete=complete_runs)
@output_option("Draw the training curves into this picture too.")
@runs_option
def command(runs: tuple[str, ...], output: Path | None, runs_dir: Path) -> None:
    """Put several runs side by side: results, and in what the recipes differ.

    The best of each row is green; ± is one standard error of an accuracy. Results of other settings
    have rows of their own.

    \b
    Example:
      kssl compare vae_mnist/1 vae_mnist/2 -o curves.png
    """
    opened = list(dict.fromkeys(Run.open(name, runs_dir) for name in runs))
    if len(opened) < 2:
        raise UserError("it takes two different runs to compare; see: kssl runs")
    if output is not None:
        new_file(output)
    screen.show(_results(opened))
    if comparison.differences(opened):
        screen.show("", _differences(opened))
    if output is not None:
        with replacing(output) as temporary:
            comparison.draw_curves(opened, temporary)
        screen.show("", screen.pairs({"curves": output}))


def _differences(runs: list[Run]) -> Any:
    """The settings in which the recipes differ."""
    rows = [
        [key, *(screen.shortened(value) for value in values)]
        for key, values in comparison.differences(runs).items()
    ]
    wide = screen.table(["recipe", *(run.name for run in runs)], rows)
    if screen.fits(wide):
        return wide
    names = [run.name for run in runs]
    return _stacked(
        [
            (Text(key, "bold"), [list(each) for each in zip(names, values, strict=True)])
            for key, *values in rows
        ]
    )


def _results(runs: list[Run]) -> Any:
    wide = _wide_results(runs)
    if screen.fits(wide):
        return wide
    parts = []
    for row in comparison.rows(runs):
        title = Text(row.name, "bold").append(f"  {_metric(row)}", "not bold")
        best = (Text(_best_baseline(each, row.better), "dim") for each in row.results)
        values = zip((run.name for run in runs), _values(row), best, strict=True)
        parts.append((title, [list(each) for each in values]))
    return _stacked(parts)


def _stacked(parts: list[tuple[Text, list[list[Any]]]]) -> Any:
    """A line for each run below what it is a value of, where the runs are too many for columns."""
    lines: list[Any] = []
    for title, rows in parts:
        columns = [""] * len(rows[0])
        table = screen.table(columns, rows, header=False, fold=len(columns) - 1)
        lines += [title, Padding(table, (0, 0, 0, 2))]
    return Group(*lines)


def _metric(row: comparison.Row) -> str:
    return metric({"metric": row.metric, "better": row.better})


def _wide_results(runs: list[Run]) -> Any:
    cells: list[list[Any]] = []
    for row in comparison.rows(runs):
        cells.append([row.name, _metric(row), *_values(row)])
        baselines = [_best_baseline(result, row.better) for result in row.results]
        if any(baselines):
            cells.append([Text("  best baseline", "dim"), "", *(Text(b, "dim") for b in baselines)])
    columns = ["evaluation", "metric", *(run.name for run in runs)]
    return screen.table(columns, cells, numbers=range(2, len(columns)))


def _best_baseline(result: dict[str, Any] | None, better: str) -> str:
    found = [
        (float(value), name)
        for name, value in ((result or {}).get("baselines") or {}).items()
        if value is not None
    ]
    if not found or better not in ("higher", "lower"):
        return ""
    value, name = max(found) if better == "higher" else min(found)
    return f"{name.replace('_', ' ')} {screen.number(value)}"


def _values(row: comparison.Row) -> list[Text]:
    values = [None if result is None else result["value"] for result in row.results]
    known = [float(value) for value in values if value is not None]
    best = (max if row.better == "higher" else min)(known, default=None)
    green = len(known) > 1 and row.better in ("higher", "lower")
    return [
        Text(
            screen.number(value) + _error(result),
            style="bold green" if green and value is not None and float(value) == best else "",
        )
        for value, result in zip(values, row.results, strict=True)
    ]


def _error(result: dict[str, Any] | None) -> str:
    error = comparison.standard_error(result) if result else None
    return "" if error is None else f" ± {error:.1g}"
