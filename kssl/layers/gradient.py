"""A layer that acts on gradients only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class GradientReversal(Layer):
    """Identity whose gradient is reversed, so that one optimizer serves two adversaries.

    Ganin and Lempitsky, Domain Adaptation by Backpropagation, arXiv:1409.7495: what follows the
    layer learns to lower its loss, what comes before it learns to raise it.

    Args:
        scale: What the reversed gradient is multiplied by.

    Call arguments:
        inputs: Tensor of any shape.

    Returns:
        The same tensor.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.GradientReversal()(keras.ops.ones((2, 8))).shape
        (2, 8)
    """

    def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.built = True

    def call(self, inputs: Any) -> Any:
        value = ops.stop_gradient(inputs)
        # The bracket is exactly zero; its gradient is that of the inputs.
        return value - self.scale * (inputs - value)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)
