"""`kssl sample`: what a generative model draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import complete_runs, device_options, new_file, open_run, runs_option


@click.command("sample")
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--count", metavar="N", type=click.IntRange(1), default=64, show_default=True, help="How many."
)
@click.option(
    "--seed", metavar="N", type=int, help="The same seed draws the same samples; else the recipe's."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("samples.png"),
    show_default=True,
    help="The picture to write; it must not exist.",
)
@device_options
@runs_option
def command(run: str, count: int, seed: int | None, output: Path, **options: Any) -> None:
    """Draw samples from a generative model, as one picture.

    \b
    Example:
      kssl sample vae_mnist --count 100 -o digits.png
    """
    new_file(output)
    opened = open_run(run, options)
    from kssl import trained

    trained.sample(opened, output, count=count, seed=seed)
    screen.show(screen.pairs({"samples": output}))
