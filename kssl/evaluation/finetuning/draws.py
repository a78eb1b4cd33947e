"""Which examples are the labelled ones, when few labels are there."""

from __future__ import annotations

import numpy as np

from kssl.evaluation.base import Skipped


def draws_of(labels: np.ndarray, size: float, draws: int, seed: int) -> list[np.ndarray]:
    """Return the indices of the labelled examples of each draw."""
    if size == 1.0 and isinstance(size, float):
        return [np.arange(len(labels))]
    return [drawn(labels, size, np.random.default_rng([seed, draw])) for draw in range(draws)]


def drawn(labels: np.ndarray, size: float, random: np.random.Generator) -> np.ndarray:
    """Return indices of so many examples of each class, or of a share of each (a float)."""
    chosen = []
    for each in np.unique(labels):
        members = np.flatnonzero(labels == each)
        count = max(1, round(size * len(members))) if isinstance(size, float) else size
        if count > len(members):
            raise Skipped(
                f"class {each} has {len(members)} training examples, fewer than {count}: lower "
                "labels_per_class"
            )
        chosen.append(random.choice(members, count, replace=False))
    return np.sort(np.concatenate(chosen))
