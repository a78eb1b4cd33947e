"""What the calls of the reference cases share."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class Case(dict):
    """The inputs of a case as arrays and its params, by name: `case.x`, `case.margin`."""

    def __getattr__(self, name: str) -> Any:
        return self[name]

    def given(self, *names: str) -> dict[str, Any]:
        """Return those params by name, to be passed on."""
        return {name: self[name] for name in names}


def mean_of(loss: keras.losses.Loss, first: Any, second: Any, weights: Any = None) -> Any:
    """Return the value of a loss class; without any example the reference says 0."""
    return loss(ops.convert_to_tensor(first), ops.convert_to_tensor(second), weights)


def averaged(key: str, values: Any, mean: str = "mean") -> dict[str, Any]:
    return {key: values, mean: ops.mean(values)}
