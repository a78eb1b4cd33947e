"""What an evaluation promises: numbers with baselines, the same each time; the model left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import Check, make_checks, require, run_all


def evaluation_checks(make: Callable[[], Any], task: Callable[[], Any]) -> list[Check]:
    """Return the checks of an evaluation.

    Args:
        make: Returns the evaluation, a function of a task.
        task: Returns a `kssl.evaluation.Task` to which it applies, with a small model.
    """
    functions = [
        evaluation_gives_numbers_with_baselines,
        evaluation_is_the_same_each_time,
        evaluation_leaves_the_model_alone,
        evaluation_says_when_it_does_not_apply,
    ]
    return make_checks(make, functions, task)


def check_evaluation(make: Callable[[], Any], task: Callable[[], Any]) -> None:
    """Run all of `evaluation_checks`."""
    run_all(evaluation_checks(make, task))


def evaluation_gives_numbers_with_baselines(
    make: Callable[[], Any], task: Callable[[], Any]
) -> None:
    results = make()(task())
    require(results, "it gives no result for a task to which it applies")
    for result in results:
        plain = result.to_dict()
        json.dumps(plain)  # results.json is made of it
        require(np.isfinite(result.value), f"{result.metric} is {result.value}")
        require(result.better in ("higher", "lower"), f"better is {result.better!r}")
        require(result.baselines, f"{result.metric} has no baseline beside it")
        finite = np.isfinite(list(result.baselines.values())).all()
        require(finite, f"the baselines of {result.metric} are {result.baselines}")


def evaluation_is_the_same_each_time(make: Callable[[], Any], task: Callable[[], Any]) -> None:
    given = task()
    first, second = ([each.to_dict() for each in make()(given)] for _ in range(2))
    require(first == second, f"the second time it gives {second}, the first time {first}")


def evaluation_leaves_the_model_alone(make: Callable[[], Any], task: Callable[[], Any]) -> None:
    from kssl.evaluation.base import digest

    given = task()
    before = digest(given.model)
    make()(given)
    require(digest(given.model) == before, "the weights of the model are others afterwards")


def evaluation_says_when_it_does_not_apply(
    make: Callable[[], Any], task: Callable[[], Any]
) -> None:
    import dataclasses

    from kssl.evaluation.base import Skipped

    class Pipeline:
        """A split without anything that could be read."""

        vocabulary, class_names, task, size, steps_per_epoch = None, None, None, 1, 1

        def arrays(self, **_: Any) -> dict[str, np.ndarray]:
            return {"nothing": np.zeros((1, 1))}

    empty = dataclasses.replace(task(), train=Pipeline(), test=Pipeline())
    try:
        make()(empty)
    except Skipped as reason:
        require(str(reason).strip(), "it is skipped without a reason")
        return
    raise AssertionError("data without anything that it reads does not make it raise Skipped")
