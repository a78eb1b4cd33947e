"""How a text network is fine-tuned: for how long, on how many labels, on which rows of ids."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from kssl.evaluation.base import positive

BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Budget:
    """How a network is fine-tuned.

    Args:
        labels: Labelled examples to train on, drawn from the training file; None for all.
        epochs: Times that each is seen.
        learning_rate: Highest one: it rises for a tenth of the steps, and falls as a cosine.
        repeats: Draws of labels, weights of the head and order; the number is their mean.
    """

    labels: int | None = 1000
    epochs: int = 5
    learning_rate: float = 3e-4
    repeats: int = 1

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            positive(name, value)

    def drawn(self, count: int, repeat: int) -> np.ndarray:
        """The numbers of the training examples of a repeat."""
        order = np.random.RandomState(repeat).permutation(count)
        return order if self.labels is None else order[: self.labels]


class Rows(NamedTuple):
    """Ids in rows of one length, as the backbone takes them; each `(rows, length)` int32."""

    token_ids: np.ndarray
    segment_ids: np.ndarray
    padding_mask: np.ndarray

    def batch(self) -> dict[str, np.ndarray]:
        """As what Keras is given."""
        return dict(self._asdict())
