"""`kssl neighbours`: what a trained model finds most like an example."""

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


@click.command("neighbours")
@click.argument("run", shell_complete=complete_runs)
@click.argument("example", metavar="FILE", type=click.Path())
@click.option("-k", metavar="K", type=click.IntRange(1), default=5, show_default=True)
@data_option
@output_option("Draw the example and its neighbours into this picture too.")
@device_options
@runs_option
def command(
    run: str, example: str, k: int, data: str | None, output: Path | None, **options: Any
) -> None:
    """Find the examples whose embeddings are nearest to that of FILE, by their cosine.

    FILE is a picture, recording, film or text, or an example of the data, such as test:17 or
    train:cat/1.jpg. It is compared with all examples of the run's data, or with those of --data.

    \b
    Example:
      kssl neighbours simclr_fashion photos/1.jpg -k 8 -o like_it.png
    """
    if output is not None:
        new_file(output)
    opened = open_run(run, options)
    from kssl import runs

    found = runs.neighbours(opened, example, k, data, output)
    rows = [[each.name, each.split, each.label, f"{each.similarity:.4f}"] for each in found]
    screen.show(screen.table(["example", "split", "class", "cosine"], rows, numbers=[3], fold=0))
    if output is not None:
        screen.show("", screen.pairs({"picture": output}))
