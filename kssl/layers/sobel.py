"""Edges instead of colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.base import Layer

# How the brightness changes from left to right; transposed, from top to bottom.
_CHANGE = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], "float32")


@keras.saving.register_keras_serializable(package="kssl")
class Sobel(Layer):
    """Sobel's gradients of the mean of an image's channels, by which colour is taken away.

    What DeepCluster reads of photographs (Caron et al., arXiv:1807.05520, section 3.4), whose
    clusters are otherwise those of colours. Nothing is learned; around the image, pixels are 0.

    Args:
        **kwargs: `name` and `dtype`, as in every Keras layer.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, height, width, 2)`: the change to the right, and downwards.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.Sobel()(keras.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 2)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: Any) -> Any:
        grey = ops.mean(inputs, axis=-1, keepdims=True)  # (batch, height, width, 1)
        kernel = np.stack([_CHANGE, _CHANGE.T], axis=-1)[:, :, None]  # (3, 3, 1, 2)
        kernel = ops.cast(ops.convert_to_tensor(kernel), grey.dtype)
        return ops.conv(grey, kernel, padding="same", data_format="channels_last")

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], 2)
