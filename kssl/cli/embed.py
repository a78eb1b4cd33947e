"""`kssl embed`: the embeddings of a data set, as an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import (
    data_option,
    device_options,
    new_file,
    open_run,
    output_option,
    runs_option,
)
from kssl.cli.completing import complete_runs


@click.command("embed")
@click.argument("run", shell_complete=complete_runs)
@data_option
@click.option(
    "--split",
    metavar="NAME",
    type=click.Choice(["train", "validation", "test", "all"]),
    help="train, validation, test or all; else test, and all of --data.",
)
@output_option(
    "The file to write, .npz, .parquet or .csv; it must not exist.", default=Path("embeddings.npz")
)
@device_options
@runs_option
def command(run: str, data: str | None, split: str | None, output: Path, **options: Any) -> None:
    """Save the embeddings of a data set: one row for each file or example.

    Beside each embedding stand the name of its file, or the number of its row, its split, and its
    label with the name of the class, if there are any.

    \b
    Example:
      kssl embed vae_mnist -o digits.parquet
      kssl embed simclr_fashion --data photos/ -o photos.npz
    """
    new_file(output)
    opened = open_run(run, options)
    from kssl import runs

    runs.embed(opened, output, data=data, split=split)
    screen.show(screen.pairs({"embeddings": output}))
