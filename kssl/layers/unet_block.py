"""The residual block of a U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class UNetBlock(Layer):
    """Two normalised convolutions with a residual, scaled and shifted by the conditioning.

    Ho et al., arXiv:2006.11239, appendix B, with the conditioning after the second normalisation
    (Dhariwal and Nichol, arXiv:2105.05233, section 3.1): a shift before it is taken away again
    where a group has few channels. The second convolution starts at zero.

    Args:
        filters: Channels of the output.
        dropout: Fraction of the features set to zero before the second convolution while training.
        attention: Whether self-attention over all places follows.

    Call arguments:
        inputs: Tensor `(batch, height, width, channels)`.
        condition: Tensor `(batch, condition)`.

    Returns:
        Tensor `(batch, height, width, filters)`.

    Example:
        >>> import keras, kssl
        >>> block = kssl.layers.UNetBlock(16)
        >>> block(keras.ops.ones((2, 8, 8, 4)), keras.ops.ones((2, 32))).shape
        (2, 8, 8, 16)
    """

    def __init__(
        self, filters: int, dropout: float = 0.0, attention: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.dropout = dropout
        self.attention = attention
        options = {"dtype": self.dtype_policy}
        conv = {"padding": "same", **options}
        self.first = keras.layers.Conv2D(filters, 3, **conv)
        self.second = keras.layers.Conv2D(filters, 3, kernel_initializer="zeros", **conv)
        self.modulate = keras.layers.Dense(2 * filters, **options)
        self.drop = keras.layers.Dropout(dropout, **options)
        self.shortcut: list[keras.layers.Layer] = []
        self.norms: list[keras.layers.Layer] = []
        self.attend: list[keras.layers.Layer] = []

    def build(
        self, inputs_shape: Sequence[int | None], condition_shape: Sequence[int | None]
    ) -> None:
        options = {"dtype": self.dtype_policy}
        wide = (*inputs_shape[:-1], self.filters)
        self.norms = [group_norm(inputs_shape[-1], options), group_norm(self.filters, options)]
        for layer, shape in (
            (self.norms[0], inputs_shape),
            (self.first, inputs_shape),
            (self.modulate, condition_shape),
            (self.norms[1], wide),
            (self.second, wide),
        ):
            layer.build(shape)
        if inputs_shape[-1] != self.filters:
            self.shortcut = [keras.layers.Conv2D(self.filters, 1, **options)]
            self.shortcut[0].build(inputs_shape)
        if self.attention:
            heads = max(1, self.filters // 64)
            attend = keras.layers.MultiHeadAttention(heads, self.filters // heads, **options)
            self.attend = [group_norm(self.filters, options), attend]
            tokens = (inputs_shape[0], None, self.filters)
            self.attend[0].build(wide)
            attend.build(tokens, tokens)

    def call(self, inputs: Any, condition: Any, training: bool = False) -> Any:
        features = self.first(ops.silu(self.norms[0](inputs)))  # (batch, height, width, filters)
        modulation = self.modulate(ops.silu(condition))  # (batch, 2 · filters)
        modulation = ops.reshape(modulation, (-1, 1, 1, 2 * self.filters))
        scale, shift = ops.split(modulation, 2, axis=-1)
        features = self.norms[1](features) * (1.0 + scale) + shift
        features = self.drop(ops.silu(features), training=training)
        features = self.second(features)
        features = features + (self.shortcut[0](inputs) if self.shortcut else inputs)
        return features + self._attended(features) if self.attention else features

    def compute_output_shape(
        self, inputs_shape: Sequence[int | None], condition_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*inputs_shape[:-1], self.filters)

    def _attended(self, features: Any) -> Any:
        places = features.shape[1] * features.shape[2]
        tokens = ops.reshape(self.attend[0](features), (-1, places, self.filters))
        found = self.attend[1](tokens, tokens)  # (batch, height · width, filters)
        return ops.reshape(found, (-1, *features.shape[1:]))


def group_norm(channels: int, options: dict[str, Any]) -> keras.layers.Layer:
    """Return group normalisation with up to 32 groups of at least 4 channels."""
    # With one channel in a group nothing would be left of a channel's mean.
    most = max(1, min(32, channels // 4))
    groups = max(number for number in range(1, most + 1) if channels % number == 0)
    return keras.layers.GroupNormalization(groups, epsilon=1e-5, **options)
