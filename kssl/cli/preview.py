"""`kssl preview`: look at the data before training on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import device_options, new_file, read_recipe, recipe_arguments


@click.command("preview")
@recipe_arguments
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("preview.png"),
    show_default=True,
    help="The picture to write; it must not exist.",
)
@device_options
def command(recipe: str, overrides: tuple[str, ...], output: Path, **options: Any) -> None:
    """Draw the inputs, and what the pretext task makes of them, on one contact sheet.

    The transforms are those that training sees: the same seed, epoch and example give the same.

    \b
    Example:
      kssl preview vae_mnist -o preview.png
    """
    new_file(output)
    ready = read_recipe(recipe, overrides, options)
    from kssl.preview import preview

    screen.show(screen.pairs({"preview": preview(ready, output)}))
