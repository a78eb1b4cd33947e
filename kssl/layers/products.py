"""The products of dense layers and of attention, in ways that are quicker on processors.

Each function stands in the place of a method of Keras' layers, see `kssl.layers.fused`.
"""

from __future__ import annotations

import functools
import itertools
import math
from types import MethodType
from typing import Any

import keras
from keras import ops

from kssl.layers.activations import for_training


def dense(self: Any, inputs: Any, training: Any = None) -> Any:
    if len(inputs.shape) < 3 or _adapted(self):
        return type(self).call(self, inputs, training=training)
    return _product(self, inputs, 1, training)


def einsum_dense(self: Any, inputs: Any, training: Any = None) -> Any:
    summed = _summed(self.equation)
    if summed is None or _adapted(self) or None in self.kernel.shape:
        return type(self).call(self, inputs, training=training)
    return _product(self, inputs, summed, training)


def _adapted(layer: Any) -> bool:
    return bool(layer.quantization_mode or layer.lora_enabled)


def _summed(equation: str) -> int | None:
    """Return how many last axes of the inputs meet the first ones of the kernel, if that is all."""
    factors, result = equation.replace(" ", "").split("->")
    inputs, kernel = factors.split(",")
    count = len(set(inputs) & set(kernel))
    plain = inputs[-count:] == kernel[:count] and result == inputs[:-count] + kernel[count:]
    return count if count and plain else None


def _product(layer: Any, inputs: Any, summed: int, training: Any) -> Any:
    """Return the output of a dense layer by one product of two matrices."""
    kernel = ops.convert_to_tensor(layer.kernel)
    rows, columns = math.prod(kernel.shape[:summed]), math.prod(kernel.shape[summed:])
    outputs = ops.reshape(inputs, (-1, rows)) @ ops.reshape(kernel, (rows, columns))
    if layer.bias is not None:
        outputs = ops.add(outputs, ops.reshape(layer.bias, (columns,)))  # (batch · …, columns)
    shape = (*ops.shape(inputs)[:-summed], *kernel.shape[summed:])
    if layer.activation is not None and layer.activation is not keras.activations.linear:
        activation = for_training(layer.activation) if training else layer.activation
        outputs = activation(outputs)
    return ops.reshape(outputs, shape)


def self_attention(self: Any, query: Any, value: Any, key: Any = None, **settings: Any) -> Any:
    """Make queries, keys and values of the same tokens by one product instead of three."""
    layers = [getattr(self, f"_{name}_dense", None) for name in ("query", "key", "value")]
    same = value is query and (key is None or key is query)
    if not same or any(each is None or not _joins(each, layers[0]) for each in layers):
        return type(self).call(self, query, value, key, **settings)
    kernels = [ops.reshape(each.kernel, (query.shape[-1], -1)) for each in layers]
    outputs = ops.reshape(query, (-1, query.shape[-1])) @ ops.concatenate(kernels, axis=1)
    if layers[0].bias is not None:
        biases = [ops.reshape(each.bias, (-1,)) for each in layers]
        outputs = ops.add(outputs, ops.concatenate(biases))  # (batch · length, 3 · heads · width)
    ends = list(itertools.accumulate(each.shape[1] for each in kernels))
    made = []
    for layer, part in zip(layers, ops.split(outputs, ends[:-1], axis=1), strict=True):
        shape = (*ops.shape(query)[:-1], *layer.kernel.shape[1:])
        made.append(ops.reshape(part, shape))  # (batch, length, heads, width)
    try:
        for layer, part in zip(layers, made, strict=True):
            layer.call = functools.partial(_made, layer, query, part)
        return type(self).call(self, query, value, key, **settings)
    finally:
        for layer in layers:
            layer.call = MethodType(einsum_dense, layer)


def _made(layer: Any, tokens: Any, outputs: Any, inputs: Any, training: Any = None) -> Any:
    return outputs if inputs is tokens else einsum_dense(layer, inputs, training)


def _joins(layer: Any, first: Any) -> bool:
    """Whether a layer's product may be one with that of another."""
    plain = isinstance(layer, keras.layers.EinsumDense) and _summed(layer.equation) == 1
    plain = plain and layer.activation in (None, keras.activations.linear) and not _adapted(layer)
    fused = "call" in vars(layer) and None not in layer.kernel.shape
    return plain and fused and (layer.bias is None) == (first.bias is None)


def attention(
    self: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    training: Any = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> Any:
    plain = len({each.dtype for each in (query, key, value)}) == 1 and len(query.shape) == 4
    plain = plain and not return_attention_scores and key.shape[2] is not None
    # JAX has attention as a whole, which Keras takes where no score is dropped.
    if not plain or (keras.backend.backend() == "jax" and not self._dropout):
        return type(self)._compute_attention(
            self,
            query,
            key,
            value,
            attention_mask,
            training,
            return_attention_scores,
            use_causal_mask,
        )
    query, value = (ops.transpose(each, (0, 2, 1, 3)) for each in (query, value))
    scale = ops.cast(self._inverse_sqrt_key_dim, query.dtype)
    scores = ops.matmul(query * scale, ops.transpose(key, (0, 2, 3, 1)))
    scores = ops.cast(scores, "float32")  # (batch, heads, length, keys)
    if attention_mask is not None:
        scores = scores + _hidden(attention_mask)
    if use_causal_mask:
        rows, columns = ops.shape(scores)[-2:]
        scores = scores + _hidden(ops.arange(columns)[None] <= ops.arange(rows)[:, None])
    chances = ops.cast(ops.softmax(scores), value.dtype)
    if self._dropout > 0.0:
        chances = self._dropout_layer(chances, training=training)
    found = ops.transpose(ops.matmul(chances, value), (0, 2, 1, 3))
    return found, None  # (batch, length, heads, width)


def _hidden(mask: Any) -> Any:
    """Return what is added to scores `(batch, heads, length, keys)`: much less where it is 0."""
    while len(mask.shape) < 4:
        mask = ops.expand_dims(mask, -3)
    return (1.0 - ops.cast(mask, "float32")) * _LEAST


_LEAST = -1e9
