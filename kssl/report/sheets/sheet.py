"""Which layout a contact sheet has: the one that the modality of the data names."""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from kssl.modalities import Modality, of_keys
from kssl.report.canvas import save, style
from kssl.report.sheets import examples
from kssl.report.sheets.batches import Batch, Rounds
from kssl.report.sheets.facts import Facts
from kssl.system.files import replacing


def contact_sheet(
    raw: Batch,
    rounds: Rounds,
    path: Path,
    title: str,
    vocabulary: Any = None,
    others: Iterable[Modality] = (),
    facts: Facts | None = None,
) -> Path:
    """Write a picture: the inputs, and beside them what the transforms made in each epoch.

    Args:
        raw: Untransformed examples, key -> `(examples, …)`.
        rounds: The same examples transformed, once for each epoch shown.
        path: The PNG file to write.
        title: What is shown.
        vocabulary: Writes token ids as words; as numbers without it.
        others: Modalities of plugins that the data may be of.
        facts: What the numbers stand for.

    Returns:
        `path`.

    Raises:
        ValueError: The examples are of no modality.
    """
    with style():
        sheet = drawn(raw, rounds, vocabulary, others, facts)
        wide = int(12 * sheet.get_figwidth())  # characters beside one another
        text = "\n".join(textwrap.fill(line, wide) for line in title.split("\n"))
        sheet.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold")
        with replacing(path) as temporary:
            save(sheet, temporary)
    return path


def drawn(
    raw: Batch,
    rounds: Rounds,
    vocabulary: Any = None,
    others: Iterable[Modality] = (),
    facts: Facts | None = None,
) -> Figure:
    """Return the figure of a contact sheet, without a title; see `contact_sheet`."""
    modality = of_keys(raw, others)
    if modality is None:
        there = ", ".join(f"{key} {values.shape[1:]}" for key, values in raw.items())
        raise ValueError(
            f"the data is of no known modality, so there is no way to draw it: it has {there}"
        )
    facts = facts or Facts()
    raw, rounds = facts.named(raw), [facts.named(batch) for batch in rounds]
    words = None if vocabulary is None else vocabulary.spell
    if not modality.layout:
        return examples.draw(raw, rounds, modality, vocabulary)
    module, _, name = modality.layout.partition(":")
    draw = getattr(importlib.import_module(module), name)
    if "facts" in inspect.signature(draw).parameters:
        return draw(raw, rounds, words, facts=facts)
    return draw(raw, rounds, words)
