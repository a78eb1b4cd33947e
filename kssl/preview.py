"""See what a recipe feeds its model, before it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kssl import devices

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
        UserError: The data cannot be had, or there is nothing to look at.
    """
    devices.load_keras()
    from kssl.data.splits import open_splits
    from kssl.report.contact_sheet import contact_sheet

    pipeline = open_splits(recipe).train
    raw = pipeline.arrays(limit=examples, transformed=False)
    rounds = [pipeline.arrays(limit=examples, epoch=epoch) for epoch in range(epochs)]
    names = ", ".join(pipeline.transform_names) or "no transforms"
    return contact_sheet(raw, rounds, path, f"{recipe.name}: {names}")
