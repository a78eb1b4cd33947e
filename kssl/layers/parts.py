"""What holds for all layers of a model: one dtype policy, and which of them are frozen."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras


def under_own_policy(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a constructor, or `build`, whose layers are made with the dtype of the model.

    Layers that are handed to the constructor, not built and of no dtype of their own, take it too.
    """

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        making = method.__name__ == "__init__"
        dtype = kwargs.get("dtype") if making else self.dtype_policy
        if dtype is None or isinstance(dtype, keras.dtype_policies.DTypePolicyMap):
            return method(self, *args, **kwargs)
        policy, usual = keras.dtype_policies.get(dtype), keras.config.dtype_policy()
        with _policy(policy):
            result = method(self, *args, **kwargs)
        for part in _parts(self).values() if making and policy != usual else ():
            for layer in part._flatten_layers():
                if not layer.built and layer.dtype_policy == usual:
                    layer.dtype_policy = policy
        return result

    if method.__name__ == "__init__":  # Keras looks at the arguments of this function itself
        run.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    return run


def as_one_call(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return `stateless_call`, with which JAX trains, as one call of all that it calls.

    To Keras each layer in it is a call of its own, which clears what the layer has added to the
    loss: of one that is called twice, the first time would be lost.
    """

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._get_call_context()
        try:
            return method(self, *args, **kwargs)
        finally:
            self._maybe_reset_call_context()

    return run


def frozen(model: keras.Model) -> dict[str, list[int]]:
    """Return which layers are not trainable: name of an attribute -> places within that layer.

    Keras keeps this of a layer, and not of those that the layer makes itself.
    """
    found = {name: _frozen_places(part) for name, part in _parts(model).items()}
    return {name: places for name, places in found.items() if places}


def freeze(model: keras.Model, places: Mapping[str, list[int]]) -> None:
    """Freeze the layers again that were, in a model that has been built anew."""
    parts = _parts(model)
    for name, numbers in places.items():
        layers = list(parts[name]._flatten_layers()) if name in parts else []
        for number in numbers:
            if number < len(layers):
                layers[number].trainable = False
    for layer in model._flatten_layers():
        if not layer.trainable:  # and so what is inside, which files of 0.1 do not say
            layer.trainable = False


@contextmanager
def _policy(policy: Any) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _parts(model: keras.Model) -> dict[str, keras.layers.Layer]:
    attributes = {**vars(model), **vars(model).get("_modules", {})}  # PyTorch keeps layers there
    layers = {n: part for n, part in attributes.items() if isinstance(part, keras.layers.Layer)}
    return {name: part for name, part in layers.items() if not name.startswith("_")}


def _frozen_places(part: keras.layers.Layer) -> list[int]:
    return [place for place, each in enumerate(part._flatten_layers()) if not each.trainable]
