"""What a callback promises: it runs, disturbs nothing, and its counters can be saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import Check, array, make_checks, require, run_all


def callback_checks(
    make: Callable[[], Any], model: Callable[[], Any], batch: Any, observes: bool = True
) -> list[Check]:
    """Return the checks of a callback.

    Args:
        make: Returns the callback.
        model: Returns a compiled model.
        batch: An array, or a dict of arrays, that the model is trained on.
        observes: Whether it only looks on, so that training ends with the same weights.
    """
    functions = [callback_counters_can_be_saved]
    functions += [callback_leaves_training_alone] if observes else [callback_runs]
    return make_checks(make, functions, model, batch)


def check_callback(
    make: Callable[[], Any], model: Callable[[], Any], batch: Any, observes: bool = True
) -> None:
    """Run all of `callback_checks`."""
    run_all(callback_checks(make, model, batch, observes))


def callback_runs(make: Callable[[], Any], model: Callable[[], Any], batch: Any) -> None:
    _trained(model, batch, [make()])


def callback_leaves_training_alone(
    make: Callable[[], Any], model: Callable[[], Any], batch: Any
) -> None:
    alone, watched = _trained(model, batch, []), _trained(model, batch, [make()])
    for one, other in zip(alone, watched, strict=True):
        require(np.array_equal(one, other), "training with it ends with other weights")


def callback_counters_can_be_saved(
    make: Callable[[], Any], model: Callable[[], Any], batch: Any
) -> None:
    callback = make()
    _trained(model, batch, [callback])
    plain = {name: value for name, value in vars(callback).items() if type(value) in _PLAIN}
    require(json.loads(json.dumps(plain)) == plain, f"its counters {plain} are no plain values")


_PLAIN = (int, float, bool, str)


def _trained(model: Callable[[], Any], batch: Any, callbacks: list[Any]) -> list[np.ndarray]:
    import keras

    keras.utils.set_random_seed(0)
    made = model()
    made.fit(batch, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
    return [array(weight) for weight in made.weights]
