"""Labelled examples with a class each, of a run's own data and of files alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.evaluation.base import Skipped
from kssl.evaluation.finetuning.comparison import MAJORITY, Scores
from kssl.evaluation.probes import linear_accuracy

FROZEN = "frozen, linear"


@dataclasses.dataclass(frozen=True)
class Classified:
    """Examples with a class each.

    Args:
        examples: Array, or dict of arrays, examples first: what a model reads, or texts.
        classes: `(examples,)`, from 0; -1 for a class that the training split does not have.
        read: From examples to what a network takes.
        guess: From examples, their classes and other examples to the classes of these, by simple
            models.
        embedded: `(examples, features)` of the frozen network, for a linear model.
    """

    examples: Any
    classes: np.ndarray
    read: Callable[[Any], Any]
    guess: Callable[[Any, np.ndarray, Any], dict[str, np.ndarray]]
    embedded: np.ndarray | None = None
    counted = ("accuracy",)

    def take(self, rows: np.ndarray) -> Classified:
        """Return some of the examples."""
        from kssl.modalities import take

        return dataclasses.replace(
            self,
            examples=take(self.examples, rows),
            classes=self.classes[rows],
            embedded=None if self.embedded is None else self.embedded[rows],
        )

    def arrays(self) -> tuple[Any, np.ndarray]:
        """Return what a network takes, and the classes."""
        return self.read(self.examples), np.maximum(self.classes, 0)

    def score(self, logits: np.ndarray) -> Scores:
        """Return the accuracy of the most likely class."""
        return self._accuracy(logits.argmax(axis=1))

    def simple(self, test: Classified) -> dict[str, Scores]:
        """Return the accuracy of simple models, of the frozen network, and of one class for all."""
        classes, counts = np.unique(self.classes, return_counts=True)
        found = {}
        if len(classes) > 1:
            for name, guess in self.guess(self.examples, self.classes, test.examples).items():
                found[name] = test._accuracy(guess)
            if self.embedded is not None and test.embedded is not None:
                own = self.embedded, self.classes, test.embedded, test.classes
                found[FROZEN] = {"accuracy": linear_accuracy(*own)}
        return found | {MAJORITY: test._accuracy(classes[counts.argmax()])}

    def _accuracy(self, guess: Any) -> Scores:
        return {"accuracy": float(np.mean(guess == self.classes))}


def classes_of(train: Classified, test: Classified) -> int:
    """Return the number of classes, above every one of them.

    Raises:
        Skipped: The training examples have one class, so that there is nothing to learn.
    """
    if len(np.unique(train.classes)) < 2:
        raise Skipped(f"all {len(train.classes)} training examples have one label")
    return int(max(train.classes.max(), test.classes.max())) + 1
