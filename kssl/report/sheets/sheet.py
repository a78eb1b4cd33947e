"""Which layout a contact sheet has, from the kind of data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kssl.report.canvas import save, style
from kssl.report.sheets import films, pictures, sounds, tables, texts
from kssl.report.sheets.batches import Batch, Rounds
from kssl.system.files import replacing

LAYOUTS = (  # the first whose key the examples have
    ("video", films.draw),
    ("image", pictures.draw),
    ("audio", sounds.draw),
    ("text", texts.draw),
    ("tokens", texts.draw),
    ("numeric", tables.draw),
    ("categorical", tables.draw),
)


def contact_sheet(
    raw: Batch,
    rounds: Rounds,
    path: Path,
    title: str,
    words: Callable[[np.ndarray], Sequence[str]] | None = None,
) -> Path:
    """Write a picture: the inputs, and beside them what the transforms made in each epoch.

    Args:
        raw: Untransformed examples, key -> `(examples, …)`.
        rounds: The same examples transformed, once for each epoch shown.
        path: The PNG file to write.
        title: What is shown.
        words: How token ids are written; as numbers without it.

    Returns:
        `path`.

    Raises:
        ValueError: The examples are of no kind that can be drawn.
    """
    draw = next((draw for key, draw in LAYOUTS if key in raw), None)
    if draw is None:
        kinds = ", ".join(key for key, _ in LAYOUTS)
        raise ValueError(f"nothing to look at in {', '.join(raw)}; wanted one of {kinds}")
    with style():
        sheet = texts.draw(raw, rounds, words) if draw is texts.draw else draw(raw, rounds)
        sheet.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        with replacing(path) as temporary:
            save(sheet, temporary)
    return path
