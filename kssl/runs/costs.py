"""What a run will cost, measured before it: steps of training, and parts of what comes after it."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError
from kssl.runs import notices
from kssl.runs.directory import Run
from kssl.runs.load import Loaded
from kssl.runs.plan import Prepared, prepare, scope
from kssl.system.progress import working

if TYPE_CHECKING:
    from kssl.evaluation.base import Task
    from kssl.recipe import Recipe

_STEPS_SECONDS = 2.0  # the longest that steps are timed
_TOGETHER = 4  # steps of an execution that are timed
_LEAST_PART, _LEAST_ROWS = 0.01, 64  # of the data, on which an evaluation is timed first
_APART = 4.0  # times as much is the second part
_DRAWN = 200  # test examples of the figures that are timed
_FORWARD = 1 / 3  # of the time of a training step


@dataclasses.dataclass(frozen=True)
class _Spent:
    """Seconds by the clock, and of this process on the processor."""

    clock: float
    processor: float

    def __sub__(self, other: _Spent) -> _Spent:
        return _Spent(self.clock - other.clock, self.processor - other.processor)


def dry_run(recipe: Recipe, allow_stand_in: bool = True) -> dict[str, Any]:
    """Build everything, train a few steps on real data and time them; nothing is written.

    Evaluations are timed on two small parts of the data, and figures on a few examples.

    Returns:
        What the run costs: parameters, shapes, bytes, steps, seconds per step, `seconds` of each
        part of the run (None where it could not be measured), and `seconds_total`.
    """
    with scope():
        began = time.perf_counter()
        prepared = prepare(recipe, allow_stand_in)
        notices.of_data(prepared)
        notices.of_untested_classes(prepared)
        notices.of_contradictions(recipe)
        notices.of_replicas(prepared)
        model, pipeline, settings = prepared.model, prepared.data.train, recipe.settings.fit
        step_time, loss = _step_time(prepared)
        total = settings.epochs * (settings.steps_per_epoch or pipeline.steps_per_epoch)
        # The timed steps are no part of it, and are soon over.
        seconds: dict[str, float | None] = {"preparing": time.perf_counter() - began}
        seconds["training"] = step_time * (total + settings.epochs * _validation(prepared))
        seconds |= _evaluations(prepared)
        seconds["report"] = _report(prepared)
        return {
            "parameters": model.count_params(),
            "shapes": {
                key: str(spec.shape)
                for key, spec in prepared.data.training_batches().element_spec.items()
            },
            "examples": prepared.data.sizes,
            "bytes": _bytes_held(prepared),
            "loss": loss,
            "steps": total,
            "seconds_per_step": step_time,
            "seconds": seconds,
            "seconds_total": sum(each for each in seconds.values() if each is not None),
        }


def length_of(recipe: Recipe, minutes: float, allow_stand_in: bool = True) -> list[str]:
    """Return the overrides by which a recipe trains for so many minutes at most on this machine.

    A few steps are timed; evaluation comes on top. With less time than an epoch takes, a part of
    one is trained.

    Returns:
        Overrides of `fit.epochs` and, for a part of an epoch, `fit.steps_per_epoch`.
    """
    with scope():
        prepared = prepare(recipe, allow_stand_in)
        seconds, _ = _step_time(prepared)
        an_epoch = recipe.settings.fit.steps_per_epoch or prepared.data.train.steps_per_epoch
        steps = 60.0 * minutes / seconds
        epochs = int(steps / (an_epoch + _validation(prepared)))
    if epochs:
        return [f"fit.epochs={epochs}"]
    return ["fit.epochs=1", f"fit.steps_per_epoch={max(1, int(steps))}"]


def _step_time(prepared: Prepared) -> tuple[float, float]:
    """Train for a few steps; return the seconds of one, compilation left out, and the loss."""
    import keras

    model, epochs = prepared.model, prepared.recipe.settings.fit.epochs
    ended: list[float] = []
    # An execution cannot be stopped: 32 slow steps would take as long as all the rest.
    model.steps_per_execution = min(model.steps_per_execution, _TOGETHER)

    def at_end(batch: int, logs: Any = None) -> None:
        ended.append(time.perf_counter())
        if len(ended) > 1 and ended[-1] - ended[0] > _STEPS_SECONDS:
            model.stop_training = True

    history = model.fit(
        prepared.data.training_batches(0, epochs).repeat(),
        steps_per_epoch=21 * model.steps_per_execution,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=at_end)],
        shuffle=False,
        verbose=0,
    )
    model.stop_training = False
    steps = (len(ended) - 1) * model.steps_per_execution  # the first compiles
    return (ended[-1] - ended[0]) / steps, float(history.history["loss"][0])


def _validation(prepared: Prepared) -> float:
    """What validation after an epoch takes, in steps of training."""
    data = prepared.data
    if data.validation_batches() is None:
        return 0.0
    return _FORWARD * data.validation.size / data.train.batch_size


def _evaluations(prepared: Prepared) -> dict[str, float | None]:
    """The seconds of each evaluation that applies."""
    recipe = prepared.recipe
    names, evaluations = _called(recipe.written("evaluate")), recipe.build("evaluate")
    parts = _parts(prepared)
    tasks = [_task(prepared, part) for part in parts] if evaluations else []
    found: dict[str, float | None] = {}
    for name, evaluation in zip(names, evaluations, strict=True):
        with working(f"timing {name} on a part of the data"):
            spent = _on_parts(evaluation, tasks)
        if spent is not None:
            found[name] = _whole(parts, spent) if spent else None
    return found


def _parts(prepared: Prepared) -> tuple[float, float]:
    """The fractions of the data on which evaluations are timed."""
    rows = min(prepared.data.train.size, prepared.data.test.size)
    small = min(1 / _APART, max(_LEAST_PART, _LEAST_ROWS / rows))
    return small, _APART * small


def _called(written: list[str]) -> list[str]:
    """The names of evaluations, with their settings where one of them comes twice."""
    names = [each.partition("(")[0] for each in written]
    pairs = zip(names, written, strict=True)
    return [name if names.count(name) == 1 else full for name, full in pairs]


def _on_parts(evaluation: Callable[[Task], Any], tasks: list[Task]) -> tuple[_Spent, ...] | None:
    """Time an evaluation on parts; None if it does not apply, empty if it cannot be told."""
    from kssl.evaluation.base import Skipped

    spent = []
    for task in tasks:
        before = _now()
        try:
            evaluation(task)
        except Skipped:
            return None
        except (UserError, ValueError, ArithmeticError):  # of too few examples
            return ()
        spent.append(_now() - before)
    return tuple(spent)


def _whole(parts: tuple[float, float], spent: tuple[_Spent, ...]) -> float:
    """From the times of two parts to that of the whole, on a straight line.

    Others on the machine lengthen the clock's time, and waiting threads the processor's: of the two
    lines the flatter one is taken. What an accelerator computes is on the clock alone.
    """
    clock, processor = [each.clock for each in spent], [each.processor for each in spent]
    slopes = [clock[1] - clock[0]]
    if not _on_accelerator():
        rate = sum(clock) / max(sum(processor), 1e-9)
        slopes.append(rate * (processor[1] - processor[0]))
    slope = max(0.0, min(slopes)) / (parts[1] - parts[0])
    return clock[0] + (1 - parts[0]) * slope


def _on_accelerator() -> bool:
    from kssl.system import devices

    return any(not each.startswith("cpu") for each in devices.describe()["devices"])


def _task(prepared: Prepared, part: float) -> Task:
    data = prepared.data
    fit = prepared.recipe.settings.fit
    steps = max(1, round(part * (fit.steps_per_epoch or data.train.steps_per_epoch)))
    return dataclasses.replace(
        Loaded(prepared.recipe, data, prepared.model).task(),
        train=data.train.part(part),
        test=data.test.part(part),
        fit=dataclasses.replace(fit, steps_per_epoch=steps),
        part=part,
    )


def _report(prepared: Prepared) -> float:
    """The seconds of the figures: drawn of a few examples, and what t-SNE takes for all."""
    from kssl import report
    from kssl.report.latent import tsne_seconds
    from kssl.report.scene import LIMIT

    examples = min(LIMIT, prepared.data.test.size)
    few = prepared.data.test.part(min(1.0, _DRAWN / examples))
    with working("timing the report"), tempfile.TemporaryDirectory(prefix="kssl-") as folder:
        before = time.perf_counter()
        drawn = report.draw(Run(Path(folder)), prepared.model, prepared.data.train, few)
        seconds = time.perf_counter() - before
    mapped = any(each["file"] == "embedding.png" for each in drawn)
    return seconds + (tsne_seconds(examples) if mapped else 0.0)


def _now() -> _Spent:
    return _Spent(time.perf_counter(), time.process_time())


def _bytes_held(prepared: Prepared) -> int:
    model = prepared.model
    variables = [*model.variables, *model.optimizer.variables]
    return sum(map(_bytes, variables)) + prepared.data.bytes_held


def _bytes(variable: Any) -> int:
    import numpy as np

    return int(np.prod(variable.shape)) * (2 if "16" in str(variable.dtype) else 4)
