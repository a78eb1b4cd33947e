"""`kssl compare`: several runs side by side."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from kssl.cli import screen
from kssl.cli.common import new_file, runs_option
from kssl.cli.completing import complete_runs
from kssl.cli.results import labels, metric
from kssl.errors import UserError
from kssl.runs.directory import Run
from kssl.system.files import replacing


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…", shell_complete=complete_runs)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw the training curves into this picture too.",
)
@runs_option
def command(runs: tuple[str, ...], output: Path | None, runs_dir: Path) -> None:
    """Put the results of several runs side by side; the best of each row is green.

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
    if output is not None:
        _draw(opened, output)
        screen.show("", screen.pairs({"curves": output}))


def _results(runs: list[Run]) -> Any:
    rows: dict[tuple[str, str], dict[Run, dict[str, Any]]] = {}
    for run in runs:
        results = run.read_json("results.json")["results"]
        for name, result in zip(labels(results), results, strict=True):
            rows.setdefault((name, metric(result)), {})[run] = result
    cells = [[*key, *_values(found, runs)] for key, found in rows.items()]
    columns = ["evaluation", "metric", *(run.name for run in runs)]
    return screen.table(columns, cells, numbers=range(2, len(columns)))


def _values(found: dict[Run, dict[str, Any]], runs: list[Run]) -> list[Text]:
    values = {run: float(r["value"]) for run, r in found.items() if r["value"] is not None}
    better = next(iter(found.values())).get("better")
    best = (max if better == "higher" else min)(values.values(), default=None)
    green = len(values) > 1 and better in ("higher", "lower")
    return [
        Text(
            screen.number(values.get(run)),
            style="bold green" if green and run in values and values[run] == best else "",
        )
        for run in runs
    ]


def _curves(run: Run) -> dict[str, list[float]]:
    path = run.file("metrics.csv")
    if not path.is_file():
        raise UserError(f"the run {run.path} has no metrics.csv, so there are no curves to draw")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or "loss" not in rows[0]:
        raise UserError(f"{path} has no column 'loss', so there are no curves to draw")
    names = [name for name in ("loss", "val_loss") if name in rows[0]]
    return {name: [float(row[name] or "nan") for row in rows] for name in names}


def _draw(runs: list[Run], output: Path) -> None:
    curves = {run: _curves(run) for run in runs}
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in ("loss", "val_loss") if any(name in c for c in curves.values())]
    figure = Figure(figsize=(1 + 5 * len(names), 4), layout="constrained")
    FigureCanvasAgg(figure)
    for column, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), column)
        for run, found in curves.items():
            if name in found:
                axes.plot(range(1, len(found[name]) + 1), found[name], label=run.name)
        axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    with replacing(output) as temporary:
        figure.savefig(temporary, dpi=150)
