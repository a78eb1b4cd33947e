"""Any modality that has no layout of its own: a column for each example, drawn one by one."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from kssl.modalities import Modality, take
from kssl.report.canvas import example_rows
from kssl.report.sheets.batches import Batch, Rounds, captions, round_name

_EXAMPLES = 5


def draw(raw: Batch, rounds: Rounds, modality: Modality, vocabulary: Any = None) -> Figure:
    """Draw a few examples before and after the transforms, with the labels below.

    Args:
        raw: Untransformed examples.
        rounds: The same examples transformed, once for each epoch.
        modality: Draws an example.
        vocabulary: What turns ids into text.
    """
    count = min(_EXAMPLES, len(next(iter(raw.values()))))
    rows = []
    for number, batch in enumerate([raw, *rounds]):
        texts = captions(batch, count, raw if number else None)
        shown = modality.pick(batch)
        name = round_name(number - 1, rounds) if number else "input"
        rows.append((name, [(take(shown, place), texts[place]) for place in range(count)]))

    def one(axes: Any, example: tuple[Any, str]) -> None:
        modality.draw_example(axes, example[0], vocabulary)
        axes.set_title(example[1].replace("\n", "   "), fontsize=7, loc="left")

    return example_rows(rows, one, modality.cell, head=0.5, gap=0.25)
