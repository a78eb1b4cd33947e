"""A multi-layer perceptron: the encoder and decoder of small dense models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class MLP(Layer):
    """Dense layers one after another; inputs of any rank are flattened first.

    Args:
        units: Width of each layer, first to last.
        activation: Name of the activation after every layer.
        dropout: Fraction of the units set to zero after every layer while training.

    Call arguments:
        inputs: Tensor `(batch, …)`.

    Returns:
        Tensor `(batch, units[-1])`.

    Raises:
        ValueError: If there is no layer, or a width is not positive.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.MLP([400, 100])(keras.ops.ones((2, 28, 28, 1))).shape
        (2, 100)
    """

    def __init__(
        self,
        units: Sequence[int] = (400,),
        activation: str = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not units or min(units) < 1:
            raise ValueError(f"units must be positive widths such as [400]; got {list(units)}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {dropout}")
        self.units = tuple(units)
        self.activation = activation
        self.dropout = dropout
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.hidden = [
            keras.layers.Dense(width, activation=activation, dtype=self.dtype_policy)
            for width in self.units
        ]
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy) if dropout else None

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = self.flatten.compute_output_shape(input_shape)
        for layer in self.hidden:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        features = self.flatten(inputs)  # (batch, features)
        for layer in self.hidden:
            features = layer(features)  # (batch, units)
            if self.drop is not None:
                features = self.drop(features, training=training)
        return features

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.units[-1])

    @property
    def block_layers(self) -> list[keras.layers.Layer]:
        """The dense layers, see `kssl.layers.blocks`."""
        return list(self.hidden)
