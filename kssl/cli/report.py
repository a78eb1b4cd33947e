"""`kssl report`: the page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import device_options, open_run, runs_option
from kssl.cli.completing import complete_runs
from kssl.runs.directory import Run


@click.command("report")
@click.argument("run", shell_complete=complete_runs)
@click.option("--figures", is_flag=True, help="Draw the figures again too (loads the model).")
@device_options
@runs_option
def command(run: str, figures: bool, **options: Any) -> None:
    """Write the report of a run again: one HTML page that opens offline.

    \b
    Example:
      kssl report vae_mnist
    """
    opened = open_run(run, options) if figures else Run.open(run, options["runs_dir"])
    from kssl import report

    if figures:
        _draw(opened)
    path: Path = report.write(opened)
    screen.show(screen.pairs({"report": path}))


def _draw(run: Run) -> None:
    from kssl import report, runs

    loaded = runs.load(run)
    report.draw(run, loaded.model, loaded.train, loaded.test)
