"""Before training: see what a recipe feeds its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError
from kssl.plugins import offered
from kssl.system import devices

if TYPE_CHECKING:
    from kssl.recipe import Recipe


def preview(recipe: Recipe, path: Path, examples: int = 10, epochs: int = 3) -> Path:
    """Write a contact sheet: inputs, transformed inputs in several epochs, pseudo-labels.

    Args:
        recipe: Its `data` and `pretext` are used; no model is built.
        path: The PNG file to write.
        examples: How many of the training split, from its start.
        epochs: How many epochs' draws of the transforms.

    Returns:
        `path`.

    Raises:
        UserError: The data is unavailable, or there is nothing to look at.
    """
    devices.load_keras()
    from kssl.data.splits import open_splits
    from kssl.report.sheets import contact_sheet, facts_of

    pipeline = open_splits(recipe).train
    raw = pipeline.arrays(limit=examples, transformed=False)
    rounds = [pipeline.arrays(limit=examples, epoch=epoch) for epoch in range(epochs)]
    title, facts = title_of(recipe), facts_of(pipeline)
    try:
        return contact_sheet(raw, rounds, path, title, pipeline.vocabulary, facts=facts)
    except ValueError as error:
        raise UserError(str(error)) from error


def title_of(recipe: Recipe) -> str:
    """Say in words what a preview shows: the recipe, and its transforms with their settings.

    Example:
        >>> title_of(kssl.recipe.load("vae_mnist"))
        'vae mnist: to float, then binarize'
    """
    steps = [
        _call(text.partition("(")[0], settings)
        for text, settings in zip(
            recipe.written("pretext"), recipe.settings_of("pretext"), strict=True
        )
    ]
    transforms = offered("transforms")
    if recipe.name in transforms:  # the preview of that transform
        title = f"{_words(recipe.name)}: {transforms[recipe.name].help}"
        return title if steps == [_words(recipe.name)] else f"{title}\n{', then '.join(steps)}"
    return f"{_words(recipe.name)}: {', then '.join(steps) or 'no transforms'}"


def _call(name: str, settings: Mapping[str, Any]) -> str:
    told = _said(settings)
    return f"{_words(name)} ({told})" if told else _words(name)


def _said(value: Any) -> str:
    """Settings in words, such as `scale 0.5 to 1.0`."""
    if isinstance(value, Mapping):
        parts = [
            _words(str(inner)) if name == "use" else f"{_words(name)} {_said(inner)}"
            for name, inner in value.items()
        ]
        return ", ".join(parts)
    if isinstance(value, list | tuple):
        pair = len(value) == 2 and all(isinstance(each, int | float) for each in value)
        return (" to " if pair else ", ").join(map(_said, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def make_example(name: str, folder: Path) -> Path:
    """Write one of the files that transforms are shown on; see `kssl.data.example_files`."""
    from kssl.data import example_files

    return example_files.make_example(name, folder)


def listed(recipe: Recipe) -> tuple[str, ...]:
    """Say what was found of the data of a recipe, as far as listing its files tells.

    Returns:
        Lines; that the data is not here is one, too.

    Raises:
        UserError: It is here, and cannot be used, or not before something is cleared up.
    """
    from kssl.data.listing import listed as of_source
    from kssl.data.locate import NotFound, Unavailable, places

    source, settings = recipe.source()
    try:
        with places(recipe.sources):
            return of_source(source, settings)
    except (NotFound, Unavailable) as error:
        return (f"{error}",)
