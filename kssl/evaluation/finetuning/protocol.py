"""How every fine-tuning is done: which examples are labelled, how long, and how fast."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import Skipped, positive

_LEAST_STEPS = 100
_TO_HOLD_OUT = 5  # labels per class from which a fifth is held out


@dataclasses.dataclass(frozen=True)
class Training:
    """One training: MatrixAdamW, a tenth of the steps to warm up, then a cosine to zero.

    Args:
        steps: Updates in all.
        batch_size: Examples of an update.
        learning_rate: Highest learning rate.
        weight_decay: Of kernels and embeddings.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.05


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The settings that all evaluations by fine-tuning share, under the same names.

    Args:
        labels: Labelled examples to train on, drawn at random; None for all.
        labels_per_class: So many of each class instead of `labels`.
        fraction: This fraction of each class instead of `labels`, above 0 and at most 1.
        draws: Trainings, each with its own choice and order of the examples and, from scratch, its
            own weights; the number is their mean.
        epochs: Passes over the labelled examples, at least 100 steps: few labels are passed over
            more often.
        batch_size: Examples of a step.
        max_steps: Bounds the time with many labels; None: no bound.
        learning_rates: The highest learning rate, a number; of several, each network gets the one
            that does best for it on a fifth of the labelled examples, held out.
        weight_decay: Of kernels and embeddings, times the learning rate, in each step. One default
            for all: a fine-tuning is so short that it takes away a few percent at most.
        part: The fraction of the work that is done, see `of_part`.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> protocol = Protocol(labels=64, epochs=50, learning_rates=1e-3)
        >>> protocol.training(64, protocol.learning_rates[0]).steps
        100
    """

    labels: int | None = None
    labels_per_class: int | None = None
    fraction: float | None = None
    draws: int = 1
    epochs: int = 5
    batch_size: int = 32
    max_steps: int | None = None
    learning_rates: float | Sequence[float] = (3e-4,)
    weight_decay: float = 0.05
    part: float = 1.0

    def __post_init__(self) -> None:
        given = self.learning_rates
        rates = (given,) if isinstance(given, int | float) else tuple(given)
        object.__setattr__(self, "learning_rates", rates)
        if not rates:
            raise UserError("learning_rates must have one at least")
        for name, value in dataclasses.asdict(self).items():
            for each in value if isinstance(value, tuple) else [value]:
                if name != "weight_decay":
                    positive(name, each)
        if self.weight_decay < 0:
            raise UserError(f"weight_decay must be 0 or more, got {self.weight_decay}")
        if self.fraction is not None and self.fraction > 1:
            raise UserError(f"fraction must be above 0 and at most 1, got {self.fraction}")
        if self.fraction is not None and self.labels_per_class is not None:
            raise UserError(
                f"give labels_per_class or fraction, not both; got {self.labels_per_class} and "
                f"{self.fraction}"
            )

    def of_part(self, part: float) -> Protocol:
        """Return the protocol for a fraction of the examples: as many labels and steps fewer."""
        if part == 1:
            return self

        def fewer(number: int | None) -> int | None:
            return None if number is None else max(1, round(part * number))

        return dataclasses.replace(
            self,
            labels=fewer(self.labels),
            labels_per_class=fewer(self.labels_per_class),
            part=part,
        )

    def training(self, examples: int, learning_rate: float) -> Training:
        """Return how a network is trained on so many examples."""
        examples = round(examples / self.part)
        wanted = max(-(-self.epochs * examples // self.batch_size), _LEAST_STEPS)
        steps = max(1, round(self.part * min(wanted, self.max_steps or wanted)))
        return Training(steps, self.batch_size, learning_rate, self.weight_decay)

    def rows(self, classes: np.ndarray, seed: int) -> list[np.ndarray]:
        """Return the indices of the labelled examples of each draw.

        Args:
            classes: The class of each example, `(examples,)`; one for all where there are none.
            seed: Of the draws.
        """
        randoms = [np.random.default_rng([seed, draw]) for draw in range(self.draws)]
        size = self.fraction if self.labels_per_class is None else self.labels_per_class
        if size is not None:
            return [drawn(classes, size, random) for random in randoms]
        labels = min(self.labels or len(classes), len(classes))
        return [np.sort(random.choice(len(classes), labels, False)) for random in randoms]

    def in_words(self) -> str:
        """Say how many labels there are."""
        if self.labels_per_class is not None:
            return f"{self.labels_per_class} label{'s' * (self.labels_per_class > 1)} per class"
        if self.fraction is not None and self.fraction < 1:
            return f"{100 * self.fraction:g} % of the labels"
        return f"{self.labels} labels" if self.labels and not self.fraction else "all labels"


def drawn(classes: np.ndarray, size: float, random: np.random.Generator) -> np.ndarray:
    """Return indices of so many examples of each class, or of a fraction of each (a float)."""
    chosen = []
    for each in np.unique(classes):
        members = np.flatnonzero(classes == each)
        count = max(1, round(size * len(members))) if isinstance(size, float) else size
        if count > len(members):
            raise Skipped(
                f"class {each} has {len(members)} training examples, fewer than {count}: lower "
                "labels_per_class"
            )
        chosen.append(random.choice(members, count, replace=False))
    return np.sort(np.concatenate(chosen))


def held_out(classes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return indices of four fifths and of one fifth of each class; None where a class is small."""
    if np.unique(classes, return_counts=True)[1].min() < _TO_HOLD_OUT:
        return None
    held = drawn(classes, 0.2, np.random.default_rng(seed))
    return np.setdiff1d(np.arange(len(classes)), held), held
