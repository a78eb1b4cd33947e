"""`kssl validate`: is this recipe right?"""

from __future__ import annotations

from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import data_option, device_options, read_recipe, recipe_arguments
from kssl.system.terminal import wrapped


@click.command("validate")
@recipe_arguments
@click.option("--resolved", is_flag=True, help="Print the recipe with all its defaults.")
@data_option
@device_options
def command(recipe: str, overrides: tuple[str, ...], resolved: bool, **options: Any) -> None:
    """Check a recipe without running it: names, arguments and types, all errors at once.

    Of data in folders it says how they are understood, without opening a file, and of tables too.

    \b
    Example:
      kssl validate mine.yaml model.latent_dim=8
    """
    ready = read_recipe(recipe, overrides, options, by_source=not resolved)
    if resolved:
        click.echo(ready.resolved().rstrip("\n"))
    else:
        from kssl import runs

        screen.show(f"{recipe} is a valid recipe.")  # whatever its data may be
        if lines := [wrapped(f"data: {line}") for line in runs.listed(ready)]:
            screen.show(*lines)
