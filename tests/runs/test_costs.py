"""What a dry run says that a run will take."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl.data import Pipeline
from kssl.evaluation.base import Skipped, Task
from kssl.evaluation.finetuning.protocol import Protocol
from kssl.runs import costs
from kssl.runs.costs import _Spent, _whole


def rows(count: int) -> Pipeline:
    columns = {"image": np.arange(count, dtype="float32")[:, None]}
    return Pipeline(tf.data.Dataset.from_tensor_slices(columns), [], 32)


def test_a_part_of_a_split_reads_that_fraction_of_whatever_is_asked_for() -> None:
    part = rows(2000).part(0.1)
    assert part.size == 2000
    assert len(part.arrays()["image"]) == 200
    assert len(part.arrays(limit=1000)["image"]) == 100
    assert len(part.part(0.5).arrays()["image"]) == 100
    assert len(part.arrays(limit=20)["image"]) == 16
    assert len(part.arrays(limit=5)["image"]) == 5


def test_the_time_of_the_whole_lies_on_the_line_of_two_parts() -> None:
    def spent(part: float) -> _Spent:  # 2 s, and 30 s for all the data, on half a processor
        processor = 2.0 + 30.0 * part
        return _Spent(2 * processor, processor)

    both = spent(0.01), spent(0.04)
    assert _whole((0.01, 0.04), both) == pytest.approx(64.0)
    # Another program took the processor away, or threads waited, while one of them was timed.
    for late in (_Spent(both[1].clock + 9.0, both[1].processor), _Spent(both[1].clock, 9.0)):
        assert _whole((0.01, 0.04), (both[0], late)) < 3 * 64.0


def test_an_evaluation_is_timed_on_parts() -> None:
    def evaluation(task: Task) -> list[Any]:
        until = time.process_time() + 0.002 * len(task.test.arrays()["image"])
        while time.process_time() < until:
            pass
        return []

    parts = (0.05, 0.2)
    tasks = [Task(None, None, None, rows(2000).part(part), part=part) for part in parts]
    spent = costs._on_parts(evaluation, tasks)
    assert spent is not None
    assert all(each.clock >= each.processor for each in spent)
    on_processor = tuple(_Spent(each.processor, each.processor) for each in spent)
    assert 2.0 < _whole(parts, on_processor) < 8.0  # 4 s for all


def test_what_does_not_apply_takes_no_time_and_what_needs_more_examples_is_not_known() -> None:
    def skipped(task: Task) -> Any:
        raise Skipped("no labels")

    def needs_more(task: Task) -> Any:
        raise ValueError("too few")

    assert costs._on_parts(skipped, [Task(None, None, None, None)]) is None
    assert costs._on_parts(needs_more, [Task(None, None, None, None)]) == ()


@pytest.mark.parametrize("protocol", [Protocol(labels=640, epochs=50), Protocol(fraction=0.5)])
def test_a_training_on_a_part_makes_that_fraction_of_its_steps(protocol: Protocol) -> None:
    whole = protocol.training(640, 1e-3).steps
    assert protocol.of_part(1.0) is protocol
    part = protocol.of_part(0.05)
    assert part.training(32, 1e-3).steps == round(0.05 * whole)
    assert part.labels in (None, 32)
