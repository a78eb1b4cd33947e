"""A contact sheet of what a pretext task makes of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kssl.files import replacing
from kssl.report.canvas import as_pictures, figure, save, style


def contact_sheet(
    raw: dict[str, np.ndarray],
    rounds: Sequence[dict[str, np.ndarray]],
    path: Path,
    title: str,
) -> Path:
    """Write a picture: the inputs, and below them what the transforms made in each epoch.

    Args:
        raw: Untransformed examples, key -> `(examples, …)`.
        rounds: The same examples transformed, once for each epoch shown.
        path: The PNG file to write.
        title: What is shown.

    Returns:
        `path`.
    """
    rows = [("input", raw)] + [(f"epoch {number + 1}", each) for number, each in enumerate(rounds)]
    lines = [
        (f"{name}: {key}" if name != "input" else f"input: {key}", batch, key)
        for name, batch in rows
        for key in batch
        if _is_picture(batch[key])
    ]
    if not lines:
        raise ValueError(f"there is nothing to look at: {', '.join(raw)} are no images")
    count = len(next(iter(raw.values())))
    with style():
        sheet = figure(1.25 * count + 1.6, 1.35 * len(lines) + 0.7)
        sheet.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        axes = sheet.subplots(len(lines), count, squeeze=False)
        for line, (label, batch, key) in zip(axes, lines, strict=True):
            _draw_line(line, label, as_pictures(_unit(batch[key])), _captions(batch, count))
        with replacing(path) as temporary:
            save(sheet, temporary)
    return path


def _draw_line(axes: Any, label: str, pictures: np.ndarray, captions: list[str]) -> None:
    for axis, picture, caption in zip(axes, pictures, captions, strict=True):
        axis.imshow(picture, cmap="gray_r" if picture.ndim == 2 else None, vmin=0, vmax=1)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.grid(False)
        axis.set_xlabel(caption, fontsize=8)
    axes[0].set_ylabel(label, rotation=0, ha="right", va="center")


def _is_picture(values: np.ndarray) -> bool:
    return (
        values.ndim in (3, 4)
        and values.shape[-1 if values.ndim == 4 else 0] <= 512
        and (values.ndim == 3 or values.shape[-1] in (1, 3))
    )


def _unit(values: np.ndarray) -> np.ndarray:
    return values / 255.0 if values.dtype == np.uint8 else values


def _captions(batch: dict[str, np.ndarray], count: int) -> list[str]:
    """Every label and pseudo-label that is one number, written below its example."""
    numbers = {key: values for key, values in batch.items() if values.ndim == 1}
    return [
        "\n".join(f"{key} {_short(values[index])}" for key, values in numbers.items())
        for index in range(count)
    ]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)
