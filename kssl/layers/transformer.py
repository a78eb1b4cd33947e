"""The transformer encoder of a vision transformer, on embedded tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kssl.layers.base import Layer
from kssl.layers.fused import fuse


@keras.saving.register_keras_serializable(package="kssl")
class Transformer(Layer):
    """Pre-norm transformer blocks, and a layer normalisation after the last.

    Dosovitskiy et al., An Image is Worth 16x16 Words, arXiv:2010.11929. The blocks are KerasHub's
    `TransformerEncoder` with GELU and epsilon 1e-6. Their weights start uniform within Xavier's
    bound for the largest matrices, `sqrt(6 / (width + mlp_ratio · width))`: Keras takes the heads
    of an attention for the taps of a convolution, which makes its own Xavier bound several times
    too small for queries, keys and values.

    Args:
        width: Features of a token.
        depth: Number of blocks.
        heads: Heads of each attention; `width` is a multiple of it.
        mlp_ratio: Width of the hidden layer of each block, in units of `width`.
        dropout: Fraction of the outputs of attention and dense layers set to zero while training.

    Call arguments:
        inputs: Tensor `(batch, tokens, width)`.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: If a size is not positive, or the heads do not divide the width.

    Example:
        >>> import keras, kssl
        >>> body = kssl.layers.Transformer(width=96, depth=2, heads=3)
        >>> body(keras.ops.ones((2, 16, 96))).shape
        (2, 16, 96)
    """

    def __init__(
        self,
        width: int = 192,
        depth: int = 12,
        heads: int = 3,
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(width, depth, heads) < 1 or mlp_ratio <= 0:
            raise ValueError(
                "width, depth, heads and mlp_ratio must be positive; got "
                f"{width}, {depth}, {heads} and {mlp_ratio}"
            )
        if width % heads:
            raise ValueError(f"width must be a multiple of heads; got {width} and {heads}")
        self.width = width
        self.depth = depth
        self.heads = heads
        self.mlp_ratio = mlp_ratio
        self.dropout = dropout
        self.blocks = [self._block() for _ in range(depth)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)

    def _block(self) -> keras.layers.Layer:
        # Here, not above: KerasHub takes seconds to import, and most users of layers need none.
        from keras_hub.layers import TransformerEncoder

        hidden = int(self.mlp_ratio * self.width)
        bound = (6.0 / (self.width + hidden)) ** 0.5
        return TransformerEncoder(
            hidden,
            self.heads,
            dropout=self.dropout,
            activation="gelu",
            layer_norm_epsilon=1e-6,
            # One for each block: an initializer of Keras gives the same values each time.
            kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
            normalize_first=True,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        if input_shape[-1] != self.width:
            raise ValueError(f"tokens must have {self.width} features; got {input_shape[-1]}")
        for block in self.blocks:
            block.build(input_shape)
        self.norm.build(input_shape)
        fuse(self)

    def call(self, inputs: Any, training: bool = False) -> Any:
        tokens = inputs
        for block in self.blocks:
            tokens = block(tokens, training=training)  # (batch, tokens, width)
        return self.norm(tokens)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    @property
    def block_layers(self) -> list[keras.layers.Layer]:
        """The blocks, see `kssl.layers.blocks`."""
        return list(self.blocks)
