"""The figure that a model of dense prediction brings: what it saw, what it predicts, the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import apply

Drawn = tuple[Any, str]  # figure, caption
EXAMPLES = 12


def predicted(scene: Any) -> Drawn | None:
    """Test images as the model sees them, with the map that it predicts, and with the true one."""
    pretext = None if scene.pipeline is None else scene.pipeline.task
    if pretext is None or pretext.picture is None:
        return None
    batch = scene.pipeline.arrays(limit=EXAMPLES, first=False)
    seen = batch[pretext.inputs]
    found = apply(scene.model, "predict_map", {pretext.inputs: seen})
    rows = [("what is seen", seen)]
    for name, maps in (("predicted", found), ("true", batch[pretext.target])):
        rows.append((name, np.asarray(pretext.picture(batch, maps), "float32")))
    caption = "Test images as the model sees them, with what it predicts, and with what is true."
    return scene.rows(rows), caption
