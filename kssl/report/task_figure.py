"""The figure of what a model is trained on: test examples, and what the transforms make of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import frozen, to_array
from kssl.report.sheets import drawn
from kssl.report.sheets.batches import made, unit

Drawn = tuple[Any, str]  # figure, caption
EXAMPLES = 6


def transformed(scene: Any) -> Drawn | None:
    """Test examples before and after the transforms, with the targets that these make."""
    raw = scene.pipeline.arrays(limit=EXAMPLES, transformed=False, first=False)
    batch = scene.pipeline.arrays(limit=EXAMPLES, first=False)
    if not any(_to_see(values, raw.get(key)) for key, values in made(batch, raw).items()):
        return None
    sheet = drawn(raw, [batch], scene.vocabulary, [scene.modality], scene.facts)
    views = {"view_1", "view_2"} <= set(batch)
    said = ", two views of each above all" if views else ""
    return sheet, f"Test {scene.noun}s, and what the transforms of the recipe make of them{said}."


def views_on_device(scene: Any) -> Drawn | None:
    """Test examples, and the two views that the model makes of each in a step of training."""
    if not scene.size:
        return None
    shown = scene.first(EXAMPLES)
    with frozen(scene.model, scene.seed):
        views = [to_array(scene.model.views(shown, training=True)) for _ in range(2)]
    rows = [(f"test {scene.noun}", shown), ("first view", views[0]), ("second view", views[1])]
    caption = f"Test {scene.noun}s, and two views of each as the model makes them in training."
    return scene.rows(rows), caption


def _to_see(values: np.ndarray, before: np.ndarray | None) -> bool:
    """Whether something is new, and not the same numbers in another shape."""
    if before is None or before.size != values.size or before.dtype.kind not in "iufb":
        return True
    return not np.allclose(unit(values).reshape(-1), unit(before).reshape(-1), atol=1e-6)
