"""`kssl atlas`: many recipes beside each other."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import data_option, device_options
from kssl.errors import UserError


@click.command("atlas")
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@data_option
@click.option(
    "--minutes",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    help="Minutes of training for each run; else those of the plan, or each recipe's epochs.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder of the atlas; else the plan's name beside it, or 'atlas'.",
)
@device_options
def command(plan: Path | None, **options: Any) -> None:
    """Train many recipes, one after another, and write one table of them.

    PLAN is a file in YAML: `recipes`, names or files with overrides behind them; and, if wanted,
    `data`, names and what --data takes; `seeds`; `minutes` of training for each run; `transfer`,
    evaluations of each run on the other data too. Without it all recipes for images are tried on
    --data.

    What is done is kept: the same command goes on where it was stopped. The folder has `atlas.csv`,
    a page, `atlas.html`, and all runs.

    \b
    Example:
      kssl atlas --data photos/ --minutes 10
      kssl atlas plan.yaml -o atlas
    """
    from kssl.runs import atlas

    wanted = _plan(plan, options)
    folder = options["output"] or (Path("atlas") if plan is None else plan.with_suffix(""))
    rows = atlas.run(wanted, folder, _of_fit(options), tell=screen.show)
    page, table = atlas.page(folder, rows)
    cells = [
        [
            line.recipe,
            f"{line.data}, trained on {line.trained_on}" if line.trained_on else line.data,
            *line.values,
            line.minutes,
            "failed" if line.note else "",
        ]
        for line in table.lines
    ]
    head = ["recipe", "data", *table.columns, "minutes", ""]
    screen.show("", screen.table(head, cells, numbers=range(2, len(head))))
    screen.show("", screen.pairs({"table": folder / "atlas.csv", "page": page}))


def _plan(path: Path | None, options: dict[str, Any]) -> Any:
    from kssl.runs import atlas_plan

    if path is None and not options["data"]:
        raise UserError(
            "which recipes on which data? give a plan (kssl atlas --help), or your images: "
            "kssl atlas --data photos/ --minutes 10"
        )
    plan = atlas_plan.Plan(atlas_plan.IMAGES) if path is None else atlas_plan.read_plan(path)
    if options["data"]:
        plan = dataclasses.replace(plan, data={_called(options["data"]): options["data"]})
    if options["minutes"] is not None:
        plan = dataclasses.replace(plan, minutes=options["minutes"])
    return plan


def _called(data: str) -> str:
    """A short name of data: that of a folder or file, or of a data set."""
    return data if data.startswith("{") else Path(data).name or data


def _of_fit(options: dict[str, Any]) -> list[str]:
    """The options that are those of `kssl fit` too, as it takes them."""
    given: list[str] = []
    for name in ("backend", "device", "devices", "data_dir"):
        if options[name] not in (None, 1):
            given += [f"--{name.replace('_', '-')}", str(options[name])]
    return given
