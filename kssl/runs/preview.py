"""Before training: see what a recipe feeds its model, and what it will cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError
from kssl.plugins import offered
from kssl.runs import notices
from kssl.runs.plan import prepare, scope
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
    """Say what was found of the data of a recipe, as far as listing its files tells."""
    from kssl.data.listing import listed as of_source

    (source,), (settings,) = recipe.targets("data"), recipe.settings_of("data")
    try:
        return of_source(source, settings)
    except UserError as error:
        return (f"{error}",)


def dry_run(recipe: Recipe, allow_stand_in: bool = True) -> dict[str, Any]:
    """Build everything, train one step on real data and time a few more; nothing is written.

    Returns:
        What training costs: parameters, shapes, bytes, steps, seconds per step and in all.
    """
    with scope():
        prepared = prepare(recipe, allow_stand_in)
        notices.of_data(prepared)
        notices.of_contradictions(recipe)
        notices.of_replicas(prepared)
        model, pipeline, settings = prepared.model, prepared.data.train, recipe.settings.fit
        batches = prepared.data.training_batches(0, settings.epochs).repeat()
        model.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0)  # compiles
        steps = min(20 * model.steps_per_execution, settings.epochs * pipeline.steps_per_epoch)
        began = time.perf_counter()
        history = model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
        step_time = (time.perf_counter() - began) / steps
        weights = sum(_bytes(variable) for variable in model.variables)
        optimizer = sum(_bytes(variable) for variable in model.optimizer.variables)
        total = settings.epochs * (settings.steps_per_epoch or pipeline.steps_per_epoch)
        return {
            "parameters": model.count_params(),
            "shapes": {key: str(spec.shape) for key, spec in batches.element_spec.items()},
            "examples": prepared.data.sizes,
            "bytes": weights + optimizer + prepared.data.bytes_held,
            "loss": float(history.history["loss"][0]),
            "steps": total,
            "seconds_per_step": step_time,
            "seconds_total": total * step_time,
        }


def _bytes(variable: Any) -> int:
    import numpy as np

    return int(np.prod(variable.shape)) * (2 if "16" in str(variable.dtype) else 4)
