"""How often a model gets the pseudo-label of its pretext task right, beside a shortcut."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    below,
    frozen,
    named,
    positive,
)
from kssl.evaluation.probes import linear_accuracy
from kssl.evaluation.probing import standard_error


def pretext_accuracy(limit: int | None = 10_000, batch_size: int = 256) -> Evaluation:
    """Accuracy of the pseudo-label on the test split, with the draws of the evaluation.

    Baselines: `chance`, as the transform says it; the same network `untrained`; and, where the
    transform names a statistic that could betray the answer (the brightness along the borders of a
    rotated image, say), `shortcut`: a logistic regression on it. A network that is no better than
    the shortcut need not have looked at what is in the example.

    Args:
        limit: Use so many examples of each split, to bound the time; None: all.
        batch_size: Examples at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy of the pseudo-label`.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> evaluate = pretext_accuracy(limit=1000)
    """
    positive("limit", limit)
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        return [_measured(task, limit, batch_size)]

    return named("pretext_accuracy", evaluate, needs=["SolvesTask"])


def _measured(task: Task, limit: int | None, batch_size: int) -> Result:
    pretext = task.test.task
    if pretext is None or pretext.classes is None:
        raise Skipped("no transform of the recipe makes classes to predict, as rotate does")
    test = task.test.arrays(limit=limit, first=False)
    wanted = np.asarray(test[pretext.target]).reshape(-1)
    seen = {pretext.inputs: test[pretext.inputs]}

    def accuracy(model: Any) -> float:
        guess = apply(model, "predict_target", seen, batch_size=batch_size)
        return float(np.mean(np.reshape(guess, -1) == wanted))

    with frozen(task.model, task.seed) as weights:
        value = accuracy(task.model)
    baselines = {"chance": float(pretext.chance), "untrained": accuracy(task.untrained)}
    if pretext.shortcut is not None:
        train = task.train.arrays(limit=limit, first=False)
        baselines["shortcut"] = linear_accuracy(
            pretext.shortcut(train),
            np.asarray(train[pretext.target]).reshape(-1),
            pretext.shortcut(test),
            wanted,
        )
    settings = {"classes": pretext.classes, "test": len(wanted), "weights_sha256": weights}
    notes = [below(value, baselines), standard_error(value, len(wanted))]
    note = "; ".join(filter(None, notes))
    metric = "accuracy of the pseudo-label"
    return Result("pretext_accuracy", metric, value, "higher", baselines, settings, note)
