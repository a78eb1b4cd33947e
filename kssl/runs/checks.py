"""What would show only after an epoch, or after hours: found before anything is written."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError

if TYPE_CHECKING:
    import keras

    from kssl.data.pipeline import Pipeline
    from kssl.data.splits import Splits
    from kssl.recipe import Recipe

_OF_HEALTH = ("spread", "effective_rank", "alignment", "uniformity")


def check_together(recipe: Recipe, data: Splits, model: keras.Model) -> None:
    """Check a built and compiled model with what it is trained with.

    Raises:
        UserError: A learning rate, a callback, a rate of dropout, a size of the batch or the values
            of a split cannot work.
    """
    _check_rate(recipe, model)
    _check_dropout(model)
    _check_batch_size(data, model)
    for split in ("train", "validation", "test"):
        _check_values(getattr(data, split), split, model)


def check_callbacks(recipe: Recipe, model: keras.Model) -> None:
    """Check the callbacks of a recipe against the model that they will see.

    Raises:
        UserError: A callback cannot work with the model, or monitors what there is not.
    """
    import keras

    from kssl.recipe.build import NotSupplied

    callbacks: list[Any] = []
    with contextlib.suppress(NotSupplied):
        callbacks = recipe.build("callbacks")
    names = recipe.uses("callbacks")
    for name, callback in zip(names, callbacks, strict=False):
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise UserError(
                f"{recipe.name}: callbacks: {name} would go on from a backup of its own: leave it "
                "out, kssl writes checkpoints and goes on from them with --resume"
            )
        if hasattr(callback, "check"):
            try:
                callback.check(model)
            except ValueError as error:
                raise UserError(f"{recipe.name}: callbacks: {name}: {error}") from error
    if all(type(each).__module__.partition(".")[0] in ("keras", "kssl") for each in callbacks):
        known = _logged(model)
        for name, callback in zip(names, callbacks, strict=False):
            _check_monitor(f"{recipe.name}: callbacks: {name}", callback, known)


def _check_monitor(where: str, callback: Any, known: list[str]) -> None:
    monitor = getattr(callback, "monitor", None)
    if isinstance(monitor, str) and monitor not in known:
        raise UserError(
            f"{where}: there is nothing called {monitor!r} to monitor; there is: {', '.join(known)}"
        )


def _logged(model: keras.Model) -> list[str]:
    """What stands in the logs at the end of an epoch."""
    from kssl.models.capabilities import Projects, has

    own = [metric.name for metric in model.metrics]
    names = list(dict.fromkeys(["loss", *own]))
    health = _OF_HEALTH if has(model, Projects) else ()
    return [*names, *(f"val_{name}" for name in names), *health, "learning_rate"]


def _check_rate(recipe: Recipe, model: keras.Model) -> None:
    import keras

    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    optimizer = getattr(optimizer, "optimizer", optimizer)  # averages around another one
    schedule = getattr(optimizer, "_learning_rate", None)
    total = int(recipe.supply.facts.get("total_steps") or 1)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        steps = sorted({0, 1, total // 4, total // 2, total - 1})
        rates = [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]
    else:
        rates = [float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))]
    wrong = next((rate for rate in rates if not rate >= 0 or math.isinf(rate)), None)
    if wrong is None and max(rates) > 0:
        return
    rate = rates[0] if wrong is None else wrong
    raise UserError(
        f"{recipe.name}: optimizer: with a learning rate of {rate:g} nothing is learned: give one "
        "above 0"
    )


def _check_dropout(model: keras.Model) -> None:
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout) and layer.rate >= 1:
            raise UserError(f"the dropout of {layer.path} is {layer.rate:g}: nothing is left of it")


def _check_batch_size(data: Splits, model: keras.Model) -> None:
    from kssl.models.capabilities import compares_examples

    if data.train.batch_size < 2 and compares_examples(model):
        raise UserError(
            f"{type(model).__name__} compares the examples of a batch, and here a batch has 1: "
            "raise fit.batch_size, or give more examples"
        )


def _check_values(pipeline: Pipeline, split: str, model: keras.Model) -> None:
    """Check the examples of a split that have its extreme values, and those that are no numbers.

    Bytes have one range in every split.
    """
    import numpy as np
    import tensorflow as tf

    rows: set[int] = set()
    for column in (pipeline._columns or {}).values():
        if column.dtype.is_floating and column.shape.rank > 1:
            flat = column.numpy().reshape(len(column), -1)
            rows |= {int(np.argmin(flat.min(axis=1))), int(np.argmax(flat.max(axis=1)))}
            rows |= {int(row) for row in np.flatnonzero(~np.isfinite(flat).all(axis=1))[:1]}
    if not rows:
        return
    batch = pipeline._transform(*pipeline._at(tf.constant(sorted(rows), tf.int64)), 0)
    try:
        model.check_batch({key: value.numpy() for key, value in batch.items()})
    except (ValueError, KeyError) as error:
        raise UserError(f"the split {split}: {error}") from error
