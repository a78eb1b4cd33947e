"""What optimizers and schedules promise: they descend, come back from config, can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import Check, array, make_checks, require, run_all, same_config

_STEPS = 10


def optimizer_checks(make: Callable[[], Any]) -> list[Check]:
    """Return the checks of an optimizer.

    Args:
        make: Returns the optimizer, with settings that are not all defaults.
    """
    functions = [
        optimizer_descends,
        optimizer_comes_back_from_its_config,
        optimizer_goes_on_from_its_variables,
    ]
    return make_checks(make, functions)


def check_optimizer(make: Callable[[], Any]) -> None:
    """Run all of `optimizer_checks`."""
    run_all(optimizer_checks(make))


def schedule_checks(make: Callable[[], Any], steps: int = 100) -> list[Check]:
    """Return the checks of a learning-rate schedule.

    Args:
        make: Returns the schedule, with settings that are not all defaults.
        steps: Steps over which it is looked at.
    """
    functions = [schedule_is_finite_and_not_negative, schedule_comes_back_from_its_config]
    return make_checks(make, functions, steps)


def check_schedule(make: Callable[[], Any], steps: int = 100) -> None:
    """Run all of `schedule_checks`."""
    run_all(schedule_checks(make, steps))


def optimizer_descends(make: Callable[[], Any]) -> None:
    before, after = _Bowl(), _Bowl()
    after.steps(make(), 5 * _STEPS)
    require(after.height() < before.height(), f"a bowl is {after.height()} high afterwards")


def optimizer_comes_back_from_its_config(make: Callable[[], Any]) -> None:
    optimizer = make()
    again = type(optimizer).from_config(optimizer.get_config())
    same_config(again, optimizer, "after from_config")


def optimizer_goes_on_from_its_variables(make: Callable[[], Any]) -> None:
    whole, first, second = _Bowl(), _Bowl(), _Bowl()
    whole.steps(make(), 2 * _STEPS)
    stopped = make()
    first.steps(stopped, _STEPS)
    resumed = make()
    resumed.build([second.place])
    for own, saved in zip(resumed.variables, stopped.variables, strict=True):
        own.assign(saved)
    second.place.assign(first.place)
    second.steps(resumed, _STEPS)
    same = np.array_equal(array(second.place), array(whole.place))
    require(same, "it remembers something that is not among its variables: a run cannot resume")


def schedule_is_finite_and_not_negative(make: Callable[[], Any], steps: int) -> None:
    schedule = make()
    rates = np.array([float(array(schedule(step))) for step in range(steps + 10)])
    require(np.isfinite(rates).all() and rates.min() >= 0, f"its rates are {rates}")


def schedule_comes_back_from_its_config(make: Callable[[], Any], steps: int) -> None:
    schedule = make()
    again = type(schedule).from_config(schedule.get_config())
    for step in range(0, steps, max(1, steps // 10)):
        one, other = float(array(schedule(step))), float(array(again(step)))
        require(one == other, f"after from_config the rate of step {step} is {other}, not {one}")


class _Bowl:
    """`|w|² / 2` of a matrix, whose gradient is the matrix."""

    def __init__(self) -> None:
        import keras

        start = np.random.RandomState(0).standard_normal((3, 4)).astype("float32")
        self.place = keras.Variable(start, name="kernel")

    def steps(self, optimizer: Any, count: int) -> None:
        for _ in range(count):
            optimizer.apply([self.place.value + 0.0], [self.place])

    def height(self) -> float:
        return float(np.square(array(self.place)).sum())
