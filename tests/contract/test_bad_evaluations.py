"""The contract of evaluations names what is wrong with bad ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from kssl import testing
from kssl.evaluation import Result, Skipped, Task
from kssl.evaluation.base import frozen, named
from kssl.modalities import Image


class Mean(keras.Model):
    """Its embedding is the mean, moved by a weight."""

    modality = Image()

    def __init__(self) -> None:
        super().__init__()
        self.shift = self.add_weight(shape=(), initializer="zeros", name="shift")
        self.built = True

    def embed(self, x: Any) -> Any:
        return keras.ops.mean(x, axis=(1, 2)) + self.shift


class Split:
    """A split in memory."""

    vocabulary = None

    def arrays(self, limit: int | None = None, **_: Any) -> dict[str, np.ndarray]:
        return {"image": np.linspace(0, 1, 32, dtype="float32").reshape(2, 4, 4, 1)}


def make_task() -> Task:
    return Task(Mean(), Mean(), Split(), Split())


def measured(task: Task, value: float = 0.5, **baselines: float) -> list[Result]:
    if "image" not in task.test.arrays():
        raise Skipped("the data has no images")
    with frozen(task.model, task.seed):
        task.model.embed(task.test.arrays()["image"])
    return [Result("mine", "share", value, "higher", {"chance": 0.1} | baselines, {})]


def good(task: Task) -> list[Result]:
    return measured(task)


def without_baselines(task: Task) -> list[Result]:
    return [Result("mine", "share", each.value, "higher", {}, {}) for each in measured(task)]


def with_infinite_baseline(task: Task) -> list[Result]:
    return measured(task, untrained=float("inf"))


def drawn_from_the_global_seed(task: Task) -> list[Result]:
    return measured(task, float(np.random.random()))


def moving_the_untrained(task: Task) -> list[Result]:
    task.untrained.shift.assign_add(1.0)
    return measured(task)


def freezing_the_model(task: Task) -> list[Result]:
    task.model.trainable = False
    return measured(task)


def in_two_lines(task: Task) -> list[Result]:
    if "image" not in task.test.arrays():
        raise Skipped("no images:\nTraceback")
    return measured(task)


def guessing_without_data(task: Task) -> list[Result]:
    return measured(make_task())


@pytest.mark.parametrize(
    ("evaluate", "failing", "message"),
    [
        (without_baselines, "gives_numbers_with_baselines", "share has no baseline beside it"),
        (with_infinite_baseline, "gives_numbers_with_baselines", "'untrained': inf"),
        (drawn_from_the_global_seed, "is_the_same_each_time", "the second time it gives"),
        (moving_the_untrained, "leaves_the_models_alone", "shift of the untrained model: changed"),
        (freezing_the_model, "leaves_the_models_alone", "what is trainable of the model: changed"),
        (in_two_lines, "says_when_it_does_not_apply", "is not one sentence"),
        (guessing_without_data, "says_when_it_does_not_apply", "data without anything"),
    ],
)
def test_an_evaluation_that_breaks_a_promise(
    evaluate: Callable[[Task], list[Result]], failing: str, message: str
) -> None:
    failed = failures(lambda: named("mine", evaluate, needs=["Embeds"]))
    assert list(failed) == [f"evaluation_{failing}"]
    assert message in failed[f"evaluation_{failing}"]


def test_an_evaluation_that_keeps_its_promises() -> None:
    testing.check_evaluation(lambda: named("mine", good, needs=["Embeds"]), make_task)


def test_a_model_that_can_do_nothing_is_for_no_evaluation() -> None:
    assert list(failures(lambda: good)) == ["evaluation_says_when_it_does_not_apply"]


def failures(make: Callable[[], Any]) -> dict[str, str]:
    """Return the names of the checks that fail, with their messages."""
    failed = {}
    for check in testing.evaluation_checks(make, make_task):
        try:
            check()
        except Exception as error:
            failed[check.name.split("-", 1)[1]] = str(error)
    return failed
