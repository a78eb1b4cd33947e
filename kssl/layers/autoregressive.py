"""Autoregressive layers: an output depends only on earlier inputs. MADE, NADE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.base import Layer

PLACES = ("first", "hidden", "last", "only")


@keras.saving.register_keras_serializable(package="kssl")
class MaskedDense(Layer):
    """A dense layer of MADE: an output depends only on earlier dimensions of the data.

    Germain et al., Masked Autoencoder for Distribution Estimation, arXiv:1502.03509. Each unit has
    a degree, the number of dimensions that it may see; hidden units take the degrees 1 to
    `dimensions - 1` in turn, which makes the degrees of a layer's inputs known from their number.
    Every layer of a network gets the same `dimensions` and `order`.

    Args:
        units: Width; the last layer has a multiple of `dimensions`, whose outputs come in groups
            of one value for every dimension.
        dimensions: Values of an example.
        place: `"first"`, `"hidden"` or `"last"` in the network, or `"only"` layer of it.
        order: Which dimension comes first, second, …; None is the natural order.
        activation: Name of the activation; None is linear.

    Call arguments:
        inputs: Tensor `(batch, dimensions)` for the first layer, then `(batch, units)`.

    Returns:
        Tensor `(batch, units)`.

    Raises:
        ValueError: If `place` is unknown, `order` is no order, or the width does not fit.

    Example:
        >>> import keras, kssl
        >>> hidden = kssl.layers.MaskedDense(32, dimensions=6, place="first", activation="relu")
        >>> logits = kssl.layers.MaskedDense(6, dimensions=6, place="last")
        >>> logits(hidden(keras.ops.ones((2, 6)))).shape
        (2, 6)
    """

    def __init__(
        self,
        units: int,
        dimensions: int,
        place: str = "hidden",
        order: Sequence[int] | None = None,
        activation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if place not in PLACES:
            raise ValueError(f"place must be one of {', '.join(PLACES)}; got {place!r}")
        if place in ("last", "only") and units % dimensions:
            raise ValueError(f"the last layer needs a multiple of {dimensions} units; got {units}")
        _ranks(order, dimensions)
        self.units = units
        self.dimensions = dimensions
        self.place = place
        self.order = None if order is None else list(order)
        self.activation = activation

    def build(self, input_shape: Sequence[int | None]) -> None:
        width = input_shape[-1]
        if self.place in ("first", "only") and width != self.dimensions:
            raise ValueError(f"the first layer takes {self.dimensions} dimensions; got {width}")
        self.mask = self._mask(width)
        self.kernel = self.add_weight(
            shape=(width, self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        mask = ops.convert_to_tensor(self.mask, dtype=self.compute_dtype)
        outputs = ops.matmul(inputs, self.kernel * mask) + self.bias  # (batch, units)
        return keras.activations.get(self.activation)(outputs)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def _mask(self, width: int) -> np.ndarray:
        """Return 1 where an input (row) may reach an output (column)."""
        data = _ranks(self.order, self.dimensions) + 1
        inputs = data if self.place in ("first", "only") else self._degrees(width)
        if self.place in ("last", "only"):
            outputs = np.tile(data, self.units // self.dimensions)
            return (inputs[:, None] < outputs[None, :]).astype("float32")
        return (inputs[:, None] <= self._degrees(self.units)[None, :]).astype("float32")

    def _degrees(self, count: int) -> np.ndarray:
        return np.arange(count) % max(self.dimensions - 1, 1) + 1


@keras.saving.register_keras_serializable(package="kssl")
class NeuralAutoregressive(Layer):
    """All conditionals of a NADE: the logit of each binary dimension given those before it.

    Larochelle and Murray, The Neural Autoregressive Distribution Estimator, AISTATS 2011:
    `h_d = sigmoid(c + Σ_{e before d} W_e x_e)`, `logit_d = b_d + V_d · h_d`, with untied weights.
    It holds `batch · dimensions · hidden_dim` values at once.

    Args:
        hidden_dim: Hidden units.
        order: Which dimension comes first, second, …; None is the natural order.

    Call arguments:
        inputs: Tensor `(batch, dimensions)` of 0 and 1.

    Returns:
        Logits `(batch, dimensions)`, at the places of the data's dimensions.

    Raises:
        ValueError: If `order` is no order of the dimensions.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.NeuralAutoregressive(16)(keras.ops.ones((2, 6))).shape
        (2, 6)
    """

    def __init__(
        self, hidden_dim: int = 500, order: Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if hidden_dim < 1:
            raise ValueError(f"hidden_dim must be at least 1; got {hidden_dim}")
        self.hidden_dim = hidden_dim
        self.order = None if order is None else list(order)

    def build(self, input_shape: Sequence[int | None]) -> None:
        dimensions = input_shape[-1]
        self.ranks = _ranks(self.order, dimensions)
        shape = (dimensions, self.hidden_dim)
        options = {"shape": shape, "initializer": "glorot_uniform"}
        self.to_hidden = self.add_weight(**options, name="to_hidden")
        self.hidden_bias = self.add_weight(
            shape=(self.hidden_dim,), initializer="zeros", name="hidden_bias"
        )
        self.to_logit = self.add_weight(**options, name="to_logit")
        self.logit_bias = self.add_weight(
            shape=(dimensions,), initializer="zeros", name="logit_bias"
        )

    def call(self, inputs: Any) -> Any:
        order = np.argsort(self.ranks).astype("int32")
        ordered = ops.take(inputs, order, axis=1)  # (batch, dimensions)
        rows = ops.take(self.to_hidden, order, axis=0)  # (dimensions, hidden)
        each = ops.expand_dims(ordered, 2) * rows  # (batch, dimensions, hidden)
        before = ops.cumsum(each, axis=1) - each
        hidden = ops.sigmoid(before + self.hidden_bias)
        logits = ops.sum(hidden * ops.take(self.to_logit, order, axis=0), axis=2)
        return ops.take(logits, self.ranks.astype("int32"), axis=1) + self.logit_bias

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)


def _ranks(order: Sequence[int] | None, dimensions: int) -> np.ndarray:
    """Return for each dimension its place in the order."""
    order = list(range(dimensions)) if order is None else list(order)
    if sorted(order) != list(range(dimensions)):
        raise ValueError(f"order must hold each of 0 to {dimensions - 1} once; got {order}")
    return np.argsort(order)
