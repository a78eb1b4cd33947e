"""Which layout a contact sheet has: the one that the modality of the data names."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kssl.modalities import Modality, of_keys
from kssl.report.canvas import save, style
from kssl.report.sheets import examples
from kssl.report.sheets.batches import Batch, Rounds
from kssl.system.files import replacing


def contact_sheet(
    raw: Batch,
    rounds: Rounds,
    path: Path,
    title: str,
    vocabulary: Any = None,
    others: Iterable[Modality] = (),
) -> Path:
    """Write a picture: the inputs, and beside them what the transforms made in each epoch.

    Args:
        raw: Untransformed examples, key -> `(examples, …)`.
        rounds: The same examples transformed, once for each epoch shown.
        path: The PNG file to write.
        title: What is shown.
        vocabulary: Writes token ids as words; as numbers without it.
        others: Modalities of plugins that the data may be of.

    Returns:
        `path`.

    Raises:
        ValueError: The examples are of no modality.
    """
    modality = of_keys(raw, others)
    if modality is None:
        there = ", ".join(f"{key} {values.shape[1:]}" for key, values in raw.items())
        raise ValueError(
            f"the data is of no known modality, so there is no way to draw it: it has {there}"
        )
    with style():
        sheet = _layout(modality, vocabulary)(raw, rounds)
        sheet.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        with replacing(path) as temporary:
            save(sheet, temporary)
    return path


def _layout(modality: Modality, vocabulary: Any) -> Callable[[Batch, Rounds], Any]:
    """Return what draws a sheet of a modality."""
    words: Callable[[np.ndarray], Sequence[str]] | None
    words = None if vocabulary is None else vocabulary.spell
    if not modality.layout:
        return lambda raw, rounds: examples.draw(raw, rounds, modality, vocabulary)
    module, _, name = modality.layout.partition(":")
    draw = getattr(importlib.import_module(module), name)
    return lambda raw, rounds: draw(raw, rounds, words)
