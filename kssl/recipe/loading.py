"""Where a recipe comes from: a file, a name that a plugin offers, or the folder of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from kssl import plugins
from kssl.errors import UserError, nearest
from kssl.imports import package_file
from kssl.recipe import overrides as overriding
from kssl.recipe.problems import Problems, RecipeError
from kssl.recipe.reader import read_file, sources_of_run
from kssl.recipe.recipe import Recipe
from kssl.recipe.write import head_comment


def load(
    source: str | os.PathLike[str], overrides: Iterable[str] = (), strict: bool = True
) -> Recipe:
    """Read a recipe.

    Args:
        source: A file, the name of a recipe that kssl or a plugin offers, or the folder of a
            run. A file wins over a name.
        overrides: Changes such as `"model.latent_dim=8"` or `"~callbacks"`, in order.
        strict: Raise for mistakes that show without importing the parts. When False they wait
            for `check`, which tells them together with all others; a file that cannot be read
            at all raises in any case.

    Raises:
        RecipeError: The recipe has mistakes; the message has one line for each.
        UserError: There is no such recipe.

    Example:
        >>> recipe = load("vae_mnist", ["fit.epochs=1"])
        >>> recipe.settings.fit.epochs
        1
    """
    path = locate(source)
    shown = str(source) if Path(source) == path else str(path)
    problems = Problems(shown)
    root, text = read_file(path, shown, problems)
    if root is None:
        raise RecipeError(shown, problems.found)
    overriding.apply(root, overrides, problems)
    recipe = Recipe(path, shown, root, head_comment(text), problems)
    if not recipe.has_other_data():
        recipe.sources = sources_of_run(path)
    if strict:
        problems.raise_if_any()
    return recipe


def locate(source: str | os.PathLike[str]) -> Path:
    """Return the file of a recipe: see `load`.

    Raises:
        UserError: There is no such file, run, or name.
    """
    path = Path(source)
    try:
        if path.is_file():
            return path
        if (run := path / "recipe.yaml").is_file():
            return run
        if path.is_dir() and str(source) not in plugins.offered("recipes"):
            raise UserError(f"{source} is a folder without a recipe.yaml, so not a run")
    except (OSError, ValueError) as error:
        raise UserError(f"{str(source)[:200]!r} is not the name of a file: {error}") from error
    return _offered_file(str(source))


def _offered_file(name: str) -> Path:
    offered = plugins.offered("recipes")
    if name in offered:
        return package_file(offered[name].path, f"the recipe {name!r}")
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        hint = nearest(Path(name).stem, offered) if Path(name).stem else ""
        raise UserError(f"there is no file {name!r}{hint}")
    message = f"there is no recipe {name!r}, neither as a file nor by name{nearest(name, offered)}"
    failed = ", ".join(plugins.failures())
    raise UserError(message + f" (these plugins could not be loaded: {failed})" * bool(failed))
