"""Another untrained network: random weights at the scale of the data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any

import numpy as np

COUNT = 256  # examples that the scales are taken from


@contextlib.contextmanager
def rescaled(model: Any, examples: Any) -> Iterator[Any]:
    """Give a model's random weights the scale of some data, while the block lasts.

    Layer by layer, in the order in which examples reach them, kernels are divided by the standard
    deviation of what they put out, and biases moved so that its mean is 0: for each unit or filter
    of dense layers and convolutions, for all of an attention's together. Batch normalisation gets
    the statistics of the examples. So no layer is saturated or dead by the accident of its
    initialisation, and a random network is often a better one: Krähenbühl et al., Data-dependent
    Initializations of Convolutional Neural Networks, arXiv:1511.06856.

    Args:
        model: With `embed`, untrained.
        examples: Array, or dict of arrays; the first 256 count.

    Yields:
        The model; its weights are put back afterwards.
    """
    import keras

    kept = [np.array(keras.ops.convert_to_numpy(each)) for each in model.weights]
    few = keras.tree.map_structure(lambda each: each[:COUNT], examples)
    try:
        with _watched(model):
            model.embed(few)
        yield model
    finally:
        for weight, value in zip(model.weights, kept, strict=True):
            weight.assign(value)


@contextlib.contextmanager
def _watched(model: Any) -> Iterator[None]:
    """Let each layer set its scale when it is called for the first time."""
    import keras

    layers = keras.layers
    steps: tuple[tuple[tuple[type, ...], Callable[..., Any]], ...] = (
        ((layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D), _of_each_unit),
        ((layers.EinsumDense,), _of_all),
        ((layers.BatchNormalization,), _of_statistics),
    )
    found = [
        (layer, step)
        for layer in model._flatten_layers()
        for kinds, step in steps
        if isinstance(layer, kinds) and layer.built
    ]
    own = {id(layer): vars(layer).get("call") for layer, _ in found}
    try:
        for layer, step in found:
            layer.call = MethodType(_first(layer.call, step), layer)
        yield
    finally:
        for layer, _ in found:
            if own[id(layer)] is None:
                del layer.call
            else:
                layer.call = own[id(layer)]


def _first(call: Callable[..., Any], step: Callable[..., Any]) -> Callable[..., Any]:
    done: list[bool] = []

    def watched(self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not done:
            done.append(True)
            step(self, inputs, call, args, kwargs)
        return call(inputs, *args, **kwargs)

    return watched


def _of_each_unit(
    layer: Any, inputs: Any, call: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    outputs = _linear(layer, inputs, call, args, kwargs)
    mean, spread = outputs.mean(axis=0), outputs.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    layer.kernel.assign(_array(layer.kernel) / spread)
    if layer.bias is not None:
        layer.bias.assign((_array(layer.bias) - mean) / spread)


def _of_all(layer: Any, inputs: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> None:
    spread = _linear(layer, inputs, call, args, kwargs).std()
    if spread > 1e-6:
        layer.kernel.assign(_array(layer.kernel) / spread)


def _of_statistics(
    layer: Any, inputs: Any, call: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    rows = _rows(inputs)
    layer.moving_mean.assign(rows.mean(axis=0))
    layer.moving_variance.assign(rows.var(axis=0))


def _linear(
    layer: Any, inputs: Any, call: Callable[..., Any], args: Any, kwargs: Any
) -> np.ndarray:
    """Return what the layer puts out before its activation, `(rows, units)`."""
    import keras

    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return _rows(call(inputs, *args, **kwargs))
    finally:
        layer.activation = activation


def _rows(outputs: Any) -> np.ndarray:
    found = _array(outputs)
    return found.reshape(-1, found.shape[-1])


def _array(tensor: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor), "float32")
