"""Small convolutional encoder and decoder that mirror each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from kssl.layers.base import Layer


def _check(filters: Sequence[int], kernel_size: int) -> None:
    if not filters or min(filters) < 1:
        raise ValueError(f"filters must be positive numbers such as [32, 64]; got {list(filters)}")
    if kernel_size < 1:
        raise ValueError(f"kernel_size must be at least 1; got {kernel_size}")


@keras.saving.register_keras_serializable(package="kssl")
class ConvEncoder(Layer):
    """Strided convolutions, each halving height and width, then flattened features.

    Args:
        filters: Channels after each convolution, first to last.
        kernel_size: Height and width of the kernels, in pixels.
        activation: Name of the activation after every convolution.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, features)`.

    Raises:
        ValueError: If `filters` is empty or a number is not positive.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.ConvEncoder([8, 16])(keras.ops.ones((2, 28, 28, 1))).shape
        (2, 784)
    """

    def __init__(
        self,
        filters: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(filters, kernel_size)
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.activation = activation
        self.convolutions = [
            keras.layers.Conv2D(
                number,
                kernel_size,
                strides=2,
                padding="same",
                activation=activation,
                dtype=self.dtype_policy,
            )
            for number in self.filters
        ]
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = tuple(input_shape)
        for layer in self.convolutions:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs: Any) -> Any:
        features = inputs
        for layer in self.convolutions:
            features = layer(features)  # (batch, height / 2, width / 2, filters)
        return self.flatten(features)  # (batch, features)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        shape = tuple(input_shape)
        for layer in self.convolutions:
            shape = layer.compute_output_shape(shape)
        return self.flatten.compute_output_shape(shape)

    @property
    def block_layers(self) -> list[keras.layers.Layer]:
        """The convolutions, see `kssl.layers.blocks`."""
        return list(self.convolutions)


@keras.saving.register_keras_serializable(package="kssl")
class ConvDecoder(Layer):
    """From a vector to an image: a dense layer, then convolutions that double height and width.

    Args:
        filters: Channels of each doubling, first to last.
        image_shape: `(height, width, channels)` of the output. A model of kssl that is given a
            decoder without it fills in the shape of its images.
        kernel_size: Height and width of the kernels, in pixels.
        activation: Name of the activation after every layer but the last, which has none.

    Call arguments:
        inputs: Tensor `(batch, features)`.

    Returns:
        Tensor `(batch, height, width, channels)`, without an activation.

    Raises:
        ValueError: If `filters` is empty, a number is not positive, or `image_shape` is unknown
            when the layer is built.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.ConvDecoder([16, 8], image_shape=(28, 28, 1))(keras.ops.ones((2, 10))).shape
        (2, 28, 28, 1)
    """

    def __init__(
        self,
        filters: Sequence[int] = (64, 32),
        image_shape: Sequence[int] | None = None,
        kernel_size: int = 3,
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(filters, kernel_size)
        self.filters = tuple(filters)
        self.image_shape = None if image_shape is None else tuple(image_shape)
        self.kernel_size = kernel_size
        self.activation = activation

    def build(self, input_shape: Sequence[int | None]) -> None:
        if self.image_shape is None:
            raise ValueError("ConvDecoder needs image_shape=(height, width, channels)")
        height, width, channels = self.image_shape
        scale = 2 ** len(self.filters)
        small = (math.ceil(height / scale), math.ceil(width / scale), self.filters[0])
        options = {"padding": "same", "dtype": self.dtype_policy}
        self.project = keras.layers.Dense(
            math.prod(small), activation=self.activation, dtype=self.dtype_policy
        )
        self.reshape = keras.layers.Reshape(small, dtype=self.dtype_policy)
        self.doublings = [
            keras.layers.Conv2DTranspose(
                number, self.kernel_size, strides=2, activation=self.activation, **options
            )
            for number in self.filters
        ]
        self.to_channels = keras.layers.Conv2D(channels, self.kernel_size, **options)
        self.project.build(input_shape)
        shape = (input_shape[0], *small)
        for layer in self.doublings:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.to_channels.build(shape)

    def call(self, inputs: Any) -> Any:
        features = self.reshape(self.project(inputs))  # (batch, small height, small width, filters)
        for layer in self.doublings:
            features = layer(features)  # (batch, 2 height, 2 width, filters)
        image = self.to_channels(features)  # (batch, at least height, at least width, channels)
        return image[:, : self.image_shape[0], : self.image_shape[1]]  # (batch, height, width, …)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.image_shape)
