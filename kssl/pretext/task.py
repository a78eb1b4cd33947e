"""What a transform that makes a pretext task says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Shortcut = Callable[[Mapping[str, np.ndarray]], np.ndarray]
Decode = Callable[[np.ndarray], np.ndarray]
Picture = Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Task:
    """What is to be predicted, out of what, and how well one does without seeing anything.

    A transform carries it as `map_fn.task`, see `by_batch`. A run hands `inputs` and `classes` on
    to its model, and evaluations put `chance` and a linear model on `shortcut` beside an accuracy.

    Attributes:
        inputs: Key of what the model sees.
        classes: Number of classes of the target; None if it is no class.
        shape: Shape of one example's target, where it is neither one class nor known from the
            example alone.
        names: What each class means, in order; empty if there are too many to name.
        chance: Accuracy of the best constant answer; None for no classes.
        shortcut: From a batch of arrays to `(examples, features)`: the statistic that could give
            the answer away without looking at what is in the example.
        target: Key of the target.
        skipped: Whether the transform is left out where the example as it was is wanted, as in
            probes. False where what it leaves there is whole, and of the shape that the model
            reads: the next token, lightness without colours.
        parts: How many parts `inputs` has along its first axis, for a model that sees them one by
            one; None where its rank, above that of an example, says so by itself.
        instead: What is done to an example in the place of the transform where that is left out,
            such as cutting it to the length that the model reads; `dict` changes nothing.
        per_example: Whether each training example is a class of its own.
        decode: From maps of targets, or of predictions of them, to values that can be averaged and
            subtracted, `(examples, rows, columns, channels)`, such as colours of classes of
            colour; None: they are such values.
        picture: From a batch of arrays and such maps, or values, to images in [0, 1]: what was
            predicted, put where it belongs. None: there is no picture of it.

    Example:
        >>> import kssl
        >>> task = kssl.pretext.rotate().task
        >>> task.inputs, task.classes, task.chance
        ('image', 4, 0.25)
    """

    inputs: str
    classes: int | None = None
    shape: tuple[int, ...] | None = None
    names: tuple[str, ...] = ()
    chance: float | None = None
    shortcut: Shortcut | None = None
    target: str = "target"
    skipped: bool = True
    per_example: bool = False
    parts: int | None = None
    instead: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    decode: Decode | None = None
    picture: Picture | None = None

    def among(self, examples: int) -> Task:
        """Return the task on a data set of so many examples, where each of them is a class."""
        if not self.per_example:
            return self
        return dataclasses.replace(self, classes=examples, chance=1.0 / examples)
