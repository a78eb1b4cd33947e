"""What an evaluation promises: numbers with baselines, the same each time; the model left alone."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import Check, array, make_checks, require, run_all


def evaluation_checks(make: Callable[[], Any], task: Callable[[], Any]) -> list[Check]:
    """Return the checks of an evaluation.

    It is run twice for all of them: once from each of two global random seeds.

    Args:
        make: Returns the evaluation, a function of a task.
        task: Returns a `kssl.evaluation.Task` to which it applies, with a small model.
    """
    functions = [
        evaluation_gives_numbers_with_baselines,
        evaluation_is_the_same_each_time,
        evaluation_leaves_the_models_alone,
        evaluation_says_when_it_does_not_apply,
    ]
    return make_checks(make, functions, task, _Runs(make, task))


def check_evaluation(make: Callable[[], Any], task: Callable[[], Any]) -> None:
    """Run all of `evaluation_checks`."""
    run_all(evaluation_checks(make, task))


class _Runs:
    """An evaluation run twice on one task, as soon as a check asks for it."""

    def __init__(self, make: Callable[[], Any], task: Callable[[], Any]) -> None:
        self.make, self.task = make, task

    @functools.cached_property
    def results(self) -> tuple[list[Any], list[Any]]:
        """Return the results of both runs; what has changed by then is in `changed`."""
        import keras

        given = self.task()
        models = {"model": given.model, "untrained model": given.untrained}
        before = {name: _state(model) for name, model in models.items()}
        runs = []
        for seed in (1, 2):  # what an evaluation draws follows from the task's seed alone
            keras.utils.set_random_seed(seed)
            runs.append(self.make()(dataclasses.replace(given, cache={})))
        self.changed = [
            f"{path} of the {name}"
            for name, model in models.items()
            for (path, was), (_, now) in zip(before[name], _state(model), strict=True)
            if not _equal(was, now)
        ]
        return runs[0], runs[1]


def evaluation_gives_numbers_with_baselines(
    make: Callable[[], Any], task: Callable[[], Any], runs: _Runs
) -> None:
    results = runs.results[0]
    require(results, "it gives no result for a task to which it applies")
    for result in results:
        plain = result.to_dict()
        json.dumps(plain)  # results.json is made of it
        require(np.isfinite(result.value), f"{result.metric} is {result.value}")
        require(result.better in ("higher", "lower"), f"better is {result.better!r}")
        require(result.baselines, f"{result.metric} has no baseline beside it")
        finite = np.isfinite(list(result.baselines.values())).all()
        require(finite, f"the baselines of {result.metric} are {result.baselines}")


def evaluation_is_the_same_each_time(
    make: Callable[[], Any], task: Callable[[], Any], runs: _Runs
) -> None:
    first, second = ([each.to_dict() for each in results] for results in runs.results)
    require(first == second, f"the second time it gives {second}, the first time {first}")


def evaluation_leaves_the_models_alone(
    make: Callable[[], Any], task: Callable[[], Any], runs: _Runs
) -> None:
    require(runs.results and not runs.changed, f"{', '.join(runs.changed)}: changed by it")


def evaluation_says_when_it_does_not_apply(
    make: Callable[[], Any], task: Callable[[], Any], runs: _Runs
) -> None:
    given = task()
    empty = dataclasses.replace(given, train=_Empty(), test=_Empty(), cache={})
    useless = dataclasses.replace(given, model=object(), untrained=object(), cache={})
    _is_skipped(make, empty, "data without anything that it reads")
    _is_skipped(make, useless, "a model that can do nothing")


class _Empty:
    """A split without anything that could be read."""

    vocabulary, class_names, task, size, steps_per_epoch = None, None, None, 1, 1

    def arrays(self, **_: Any) -> dict[str, np.ndarray]:
        return {"nothing": np.zeros((1, 1))}


def _is_skipped(make: Callable[[], Any], task: Any, what: str) -> None:
    from kssl.evaluation.base import Skipped

    try:
        make()(task)
    except Skipped as reason:
        said = str(reason)
        require(said.strip(), f"for {what} it is skipped without a reason")
        require("\n" not in said, f"for {what} the reason is not one sentence: {said}")
        return
    raise AssertionError(f"{what} does not make it raise Skipped")


def _state(model: Any) -> list[tuple[str, Any]]:
    """Return weights, random seeds and settings of a model, each with its name."""
    held = [(each.path, array(each)) for each in model.variables]
    trainable = [each.trainable for each in model.weights]
    return [
        *held,
        ("the optimizer", getattr(model, "optimizer", None)),
        ("what is trainable", trainable),
    ]


def _equal(was: Any, now: Any) -> bool:
    return np.array_equal(was, now) if isinstance(was, np.ndarray) else bool(was == now)
