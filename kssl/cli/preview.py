"""`kssl preview`: look at the data before training on it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kssl.cli import screen
from kssl.cli.common import (
    data_option,
    device_options,
    new_file,
    output_option,
    read_recipe,
    recipe_arguments,
)
from kssl.plugins import offered

if TYPE_CHECKING:
    from kssl.recipe import Recipe


@click.command("preview")
@recipe_arguments
@data_option
@output_option("The picture to write; it must not exist.", default=Path("preview.png"))
@device_options
def command(recipe: str, overrides: tuple[str, ...], output: Path, **options: Any) -> None:
    """Draw the inputs, and what the pretext task makes of them, on one contact sheet.

    RECIPE may also be the name of a transform, which is then shown on data that suits it, with
    its arguments as overrides of `pretext`. The transforms are those that training sees: the
    same seed, epoch and example give the same.

    \b
    Examples:
      kssl preview vae_mnist -o preview.png
      kssl preview rotate --data photos/
    """
    new_file(output)
    from kssl import runs

    with tempfile.TemporaryDirectory(prefix="kssl-") as folder:
        ready = _read(recipe, overrides, options, Path(folder))
        screen.show(screen.pairs({"preview": runs.preview(ready, output)}))


def _read(name: str, overrides: tuple[str, ...], options: dict[str, Any], folder: Path) -> Recipe:
    """The recipe, or one that shows a transform, with the data that it is shown on."""
    if name not in offered("transforms") or Path(name).exists():
        return read_recipe(name, overrides, options)
    from kssl import runs
    from kssl.recipe.examples import FILES, recipe_text

    text = recipe_text(name)
    other = bool(options["data"]) or any(each.startswith("data") for each in overrides)
    for file in FILES:
        if file in text and not (Path(file).exists() or (other and file != "vocabulary.json")):
            text = text.replace(file, str(runs.make_example(file, folder)))
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path, overrides, options)
