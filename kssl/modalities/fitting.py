"""Whether what a model is given fits to it: the axes of examples, and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def check_shapes(model: Any, batch: Mapping[str, Any]) -> None:
    """Raise a ValueError where a model that is built is given other axes or channels."""
    wanted = getattr(model, "example_shape", None) if model.built else None
    if wanted is None or getattr(model, "copies", None):
        return
    for key, shape in model.modality.by_key(wanted).items():
        got = tuple(batch[key].shape)[1:] if key in batch else tuple(shape)
        if len(got) != len(shape) or (len(shape) > 2 and got[-1] != shape[-1]):
            raise ValueError(
                f"{type(model).__name__} was built for examples of shape {tuple(shape)} under "
                f"{key!r}; got {got}"
            )


def check_weights(weights: np.ndarray, count: int) -> None:
    """Raise a ValueError unless there is a finite weight for each example."""
    if weights.shape not in ((count,), (count, 1)):
        raise ValueError(
            f"sample_weight is a weight for each example, ({count},); got the shape {weights.shape}"
        )
    if not np.isfinite(weights).all():
        raise ValueError("sample_weight has values that are NaN or infinite")
