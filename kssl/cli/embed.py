"""`kssl embed`: the embeddings of a data set, as an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import complete_runs, device_options, new_file, open_run, runs_option


@click.command("embed")
@click.argument("run", shell_complete=complete_runs)
@click.option("--data", metavar="YAML", help="Another data set than the recipe's.")
@click.option(
    "--split", metavar="NAME", default="test", show_default=True, help="train, validation or test."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("embeddings.npz"),
    show_default=True,
    help="The file to write, .npz or .parquet; it must not exist.",
)
@device_options
@runs_option
def command(run: str, data: str | None, split: str, output: Path, **options: Any) -> None:
    """Save the embeddings of a data set, and its labels if there are any.

    \b
    Example:
      kssl embed vae_mnist -o digits.parquet
      kssl embed vae_mnist --data '{use: images, path: photos/}' -o photos.npz
    """
    new_file(output)
    opened = open_run(run, options)
    from kssl import runs

    runs.embed(opened, output, data=data, split=split)
    screen.show(screen.pairs({"embeddings": output}))
