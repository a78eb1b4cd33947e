"""`kssl evaluate`: evaluate an existing run, beside its baselines."""

from __future__ import annotations

from typing import Any

import click

from kssl.cli.common import data_option, device_options, open_run, runs_option
from kssl.cli.completing import complete_evaluations, complete_runs
from kssl.cli.results import as_dicts, print_results


@click.command("evaluate")
@click.argument("run", shell_complete=complete_runs)
@click.argument(
    "evaluations", metavar="[EVALUATIONS]…", nargs=-1, shell_complete=complete_evaluations
)
@data_option
@device_options
@runs_option
def command(run: str, evaluations: tuple[str, ...], **options: Any) -> None:
    """Evaluate a run again, or with other evaluations than its recipe's.

    EVALUATIONS are names of `kssl list evaluations`, or YAML with settings; without them those
    of the run's recipe are done again. Each number stands beside its baselines.

    \b
    Example:
      kssl evaluate vae_mnist linear '{use: knn, k: 5}'
      kssl evaluate simclr_fashion --data labelled/
    """
    opened = open_run(run, options)
    from kssl import runs

    results = as_dicts(runs.evaluate(opened, list(evaluations) or None, options["data"]))
    print_results(results, opened.read_json("results.json"))
