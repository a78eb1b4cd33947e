"""The state of a callback as plain values and arrays, so that a checkpoint can hold it.

A patience, the best value so far, the best weights: whatever a callback has changed since it was
made. What is neither a plain value nor an array, and has changed, cannot be held: a run with such a
callback cannot be resumed exactly, and is told so by the names of both. A callback that has
`get_state()`, which returns plain values and arrays, and `set_state(state)` decides for itself.
"""

from __future__ import annotations

import hashlib
import pickle
import types
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import keras
import numpy as np

_OF_KERAS = ("_model", "model", "params", "validation_data")  # set anew by each `fit`
_PLAIN = (type(None), bool, int, float, str)
_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_FIXED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, PurePath)
# These only look on; what they keep is of the process, not of the training.
_LOOKS_ON = (
    keras.callbacks.TensorBoard,
    keras.callbacks.ProgbarLogger,
    keras.callbacks.History,
    keras.callbacks.RemoteMonitor,
)


class Unheld(Exception):
    """A value that is neither plain nor an array."""


class CallbackState:
    """Knows what a callback was when it was made, so that it can tell what has changed.

    Args:
        callback: Any callback, before training.
    """

    def __init__(self, callback: keras.callbacks.Callback) -> None:
        self.callback = callback
        self.name = type(callback).__name__
        self._own = hasattr(callback, "get_state") and hasattr(callback, "set_state")
        self._looks_on = isinstance(callback, _LOOKS_ON)
        self._made = {} if self._looks_on else {k: _print(v) for k, v in self._attributes()}

    def get(self, put: Callable[[np.ndarray], int]) -> dict[str, Any]:
        """Return the state as JSON values.

        Args:
            put: Puts an array aside and returns its number.
        """
        state: dict[str, Any] = {"name": self.name, "values": {}, "unheld": {}}
        if self._own:
            state["own"] = _encoded(self.callback.get_state(), put)
            return state
        for name, value in () if self._looks_on else self._attributes():
            if type(value) not in _PLAIN and _print(value) == self._made.get(name, b""):
                continue  # as it was made, and as it will be made again
            try:
                state["values"][name] = _encoded(value, put)
            except Unheld as error:
                state["unheld"][name] = str(error)
        return state

    def set(self, state: dict[str, Any], arrays: list[np.ndarray]) -> None:
        """Give a callback back what `get` returned."""
        if "values" not in state:  # kssl 0.1: only counters; Keras sets the sign of this one again
            vars(self.callback).update({k: v for k, v in state.items() if k != "min_delta"})
        elif "own" in state:
            self.callback.set_state(_decoded(state["own"], arrays))
        else:
            values = {name: _decoded(value, arrays) for name, value in state["values"].items()}
            vars(self.callback).update(values)

    def _attributes(self) -> list[tuple[str, Any]]:
        return [(name, each) for name, each in vars(self.callback).items() if name not in _OF_KERAS]


def _print(value: Any) -> bytes:
    """A fingerprint of a value: equal if it has not changed. Nothing is ever read back from it."""
    if isinstance(value, _FIXED):
        return str(id(value)).encode()
    try:
        return hashlib.sha256(pickle.dumps(value)).digest()
    except Exception:  # whatever it is that cannot be written, such as an open file
        return str(id(value)).encode()


def _encoded(value: Any, put: Callable[[np.ndarray], int]) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufc":
        return {"array": put(np.asarray(value)), "scalar": isinstance(value, np.generic)}
    if isinstance(value, np.ndarray) and value.dtype.name == "bfloat16":
        return {"array": put(value.view(np.uint16)), "bfloat16": True}
    for name, kind in _CONTAINERS.items():
        if type(value) is kind:
            return {name: [_encoded(each, put) for each in value]}
    if type(value) is dict:
        return {"dict": [[_encoded(k, put), _encoded(v, put)] for k, v in value.items()]}
    name = getattr(value, "__name__", "")
    if name and getattr(keras.ops, name, None) is value:  # `monitor_op`: less or greater
        return {"op": name}
    raise Unheld(type(value).__name__)


def _decoded(value: Any, arrays: list[np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        if value.get("bfloat16"):
            import ml_dtypes

            return array.view(ml_dtypes.bfloat16)
        return array[()] if value["scalar"] else array
    if "op" in value:
        return getattr(keras.ops, value["op"])
    if "dict" in value:
        return {_decoded(k, arrays): _decoded(v, arrays) for k, v in value["dict"]}
    ((name, inner),) = value.items()
    return _CONTAINERS[name](_decoded(each, arrays) for each in inner)
