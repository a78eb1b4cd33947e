"""`kssl cp`: a copy of a recipe, to edit."""

from __future__ import annotations

from pathlib import Path

import click

from kssl.cli import screen
from kssl.cli.common import recipe_source
from kssl.cli.completing import complete_recipes
from kssl.errors import UserError


@click.command("cp")
@click.argument("recipe", shell_complete=complete_recipes)
@click.argument("destination", metavar="[DEST]", required=False, type=click.Path(path_type=Path))
def command(recipe: str, destination: Path | None) -> None:
    """Copy a recipe, to make it yours.

    RECIPE is the name of an offered recipe, a file or a run directory. DEST is a file or a
    folder; without it the copy lands in the current folder. A file that exists stays as it is.

    \b
    Example:
      kssl cp vae_mnist mine.yaml
    """
    from kssl.recipe import locate

    source = locate(recipe_source(recipe))
    content = source.read_bytes()
    path = _target(source, destination)
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise UserError(
            f"{path} exists already, and nothing is overwritten; name another file:"
            f" kssl cp {recipe} DEST"
        ) from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    screen.show(screen.pairs({"copied to": path, "next": f"edit it, then: kssl fit {path}"}))


def _target(source: Path, destination: Path | None) -> Path:
    # The copy that a run keeps is always called recipe.yaml: it gets its recipe's name back.
    of_a_run = source.name == "recipe.yaml" and source.resolve().parent.name.isdigit()
    name = f"{source.resolve().parent.parent.name}.yaml" if of_a_run else source.name
    if destination is None:
        return Path(name)
    return destination / name if destination.is_dir() else destination
