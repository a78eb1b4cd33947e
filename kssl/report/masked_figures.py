"""The figure that a model of masked patches brings: what it saw, and what it filled in."""

from __future__ import annotations

from typing import Any

Drawn = tuple[Any, str]  # figure, caption
_ROWS = (("masked", "hide"), ("reconstruction", "reconstruct"))


def masked(scene: Any) -> Drawn | None:
    """Test images, what the encoder saw of them, and the hidden patches filled in."""
    if not scene.size:
        return None
    shown = scene.first(12)
    # With the same seed both hide the same patches.
    rows = [("test image", shown)]
    rows += [(name, scene.apply(method, shown, seed=scene.seed)) for name, method in _ROWS]
    caption = "Test images, what the encoder saw of them, and the hidden patches filled in."
    if scene.model.normalize_targets:
        caption += (
            " The model predicts patches of mean 0 and variance 1: the true mean and standard"
            " deviation of each are put back for the picture."
        )
    return scene.rows(rows), caption
