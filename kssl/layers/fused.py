"""Keras' layers in ways that are quicker on processors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any

import keras
from keras import ops

from kssl.layers.convolution import convolution
from kssl.layers.dropout import dropout
from kssl.layers.products import attention, dense, einsum_dense, self_attention


def fuse(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Let the layers inside compute as Keras' do, but for rounding, and quicker on processors.

    Without XLA TensorFlow makes a pass over memory for each operation that Keras writes. A dense
    layer takes rows of tokens as one matrix: Keras multiplies each row by a copy of the weights
    and adds up as many gradients. Attention moves its heads to the front once, and its queries,
    keys and values are one product where all are of the same tokens. Normalisation has a gradient
    of its own. On JAX convolutions have one too, see `convolution`, dropout has other random
    numbers, and attention is Keras' where it has no dropout. Configuration and weights are
    untouched, and what is quantized or has an adapter takes Keras' own path, as everything does on
    PyTorch.

    Args:
        layer: A built layer or model.

    Returns:
        The same layer.

    Example:
        >>> import keras, kssl
        >>> network = keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(3)])
        >>> kssl.layers.fused.fuse(network)(keras.ops.ones((2, 5, 4))).shape
        (2, 5, 3)
    """
    rows = _FUSED.get(keras.backend.backend(), ())
    for each in layer._flatten_layers():
        for kind, method, quick in rows:
            # A subclass with a way of its own keeps it.
            if isinstance(each, kind) and getattr(type(each), method) is getattr(kind, method):
                setattr(each, method, MethodType(quick, each))
        if rows and isinstance(each, keras.layers.MultiHeadAttention):
            each.call = MethodType(self_attention, each)  # calls that of the subclass
    return layer


def after(build: Callable[..., None]) -> Callable[..., None]:
    """Return `build` of a layer or model that fuses what it has built."""

    @functools.wraps(build)
    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        fuse(self)

    return run


def jit(wanted: bool | str) -> bool | str:
    """Return what `jit_compile` becomes: "auto" is XLA only where steps of fused layers gain by it.

    On processors TensorFlow's makes most of them slower; Keras would compile PyTorch's for long.
    """
    backend = keras.backend.backend()
    if wanted != "auto" or backend == "jax":
        return wanted
    there = backend == "tensorflow" and map(keras.distribution.list_devices, ("gpu", "tpu"))
    return "auto" if there and any(there) else False


def _layer_normalization(self: Any, inputs: Any) -> Any:
    axis = [self.axis] if isinstance(self.axis, int) else list(self.axis)
    rank, width = len(inputs.shape), inputs.shape[-1]
    gamma, beta = self.gamma, self.beta
    wanted = axis in ([-1], [rank - 1]) and gamma is not None and beta is not None and width
    if not wanted or self.rms_scaling or inputs.dtype == "float64":
        return type(self).call(self, inputs)
    rows = ops.cast(ops.reshape(inputs, (-1, width)), "float32")  # (batch · …, width)
    outputs = _normalized_rows(self.epsilon)(rows, *_floats(gamma, beta))
    return ops.cast(ops.reshape(outputs, ops.shape(inputs)), self.compute_dtype)


def _floats(*weights: Any) -> list[Any]:
    return [ops.cast(ops.convert_to_tensor(each), "float32") for each in weights]


def _normalized_rows(epsilon: float) -> Any:
    def normalize(rows: Any, gamma: Any, beta: Any) -> Any:
        width = rows.shape[-1]
        centred = rows - ops.mean(rows, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        inverse = ops.rsqrt(variance + epsilon)  # (rows, 1)
        normal = centred * inverse

        def gradient(wanted: Any) -> tuple[Any, Any, Any]:
            both = wanted * normal
            column = gamma[:, None] / width
            means = ops.matmul(wanted, column), ops.matmul(both, column)  # (rows, 1) each
            inner = wanted * gamma - means[0] - normal * means[1]
            return inner * inverse, _sum_of_rows(both), _sum_of_rows(wanted)

        return normal * gamma + beta, gradient

    return ops.custom_gradient(normalize)


def _sum_of_rows(matrix: Any) -> Any:
    """Sum over the first axis, by a product: TensorFlow's own sum of columns is slower."""
    return ops.matmul(ops.ones((1, ops.shape(matrix)[0])), matrix)[0]


def _group_normalization(self: Any, inputs: Any) -> Any:
    rank, width = len(inputs.shape), inputs.shape[-1]
    gamma, beta = self.gamma, self.beta
    wanted = self.axis in (-1, rank - 1) and gamma is not None and beta is not None and width
    if not wanted or rank < 3 or inputs.dtype == "float64":
        return type(self).call(self, inputs)
    shape = ops.shape(inputs)
    places = ops.cast(ops.reshape(inputs, (shape[0], -1, width)), "float32")
    outputs = _normalized_groups(self.groups, self.epsilon)(places, *_floats(gamma, beta))
    return ops.cast(ops.reshape(outputs, shape), self.compute_dtype)


def _normalized_groups(groups: int, epsilon: float) -> Any:
    def normalize(inputs: Any, gamma: Any, beta: Any) -> Any:
        width = inputs.shape[-1]
        places = ops.cast(ops.shape(inputs)[1], "float32")

        def spread(values: Any) -> Any:
            """Mean over a group's channels and places of sums over places, for each channel."""
            each = ops.reshape(values, (-1, groups, width // groups))  # (batch, groups, channels)
            mean = ops.mean(each, axis=-1, keepdims=True) / places
            return ops.reshape(ops.broadcast_to(mean, ops.shape(each)), (-1, 1, width))

        mean = spread(ops.sum(inputs, axis=1))  # (batch, 1, width), as all that follows
        distance = ops.square(inputs - mean)
        inverse = ops.rsqrt(spread(ops.sum(distance, axis=1)) + epsilon)
        scale = inverse * gamma

        def gradient(wanted: Any) -> tuple[Any, Any, Any]:
            total = ops.sum(wanted, axis=1, keepdims=True)
            both = ops.sum(wanted * inputs, axis=1, keepdims=True)
            normal = (both - mean * total) * inverse  # Σ wanted · normalised
            slope = -inverse * inverse * spread(gamma * normal)
            level = -inverse * spread(gamma * total) - mean * slope
            found = wanted * scale + (inputs * slope + level)
            return found, ops.sum(normal, axis=(0, 1)), ops.sum(total, axis=(0, 1))

        return inputs * scale + (beta - mean * scale), gradient

    return ops.custom_gradient(normalize)


_Row = tuple[type[keras.layers.Layer], str, Callable[..., Any]]
_SHARED: tuple[_Row, ...] = (
    (keras.layers.Dense, "call", dense),
    (keras.layers.EinsumDense, "call", einsum_dense),
    (keras.layers.LayerNormalization, "call", _layer_normalization),
    (keras.layers.GroupNormalization, "call", _group_normalization),
    (keras.layers.MultiHeadAttention, "_compute_attention", attention),
)
_FUSED: dict[str, tuple[_Row, ...]] = {
    "tensorflow": _SHARED,
    "jax": (
        *_SHARED,
        (keras.layers.Conv2D, "convolution_op", convolution),
        (keras.layers.Dropout, "call", dropout),
    ),
}
