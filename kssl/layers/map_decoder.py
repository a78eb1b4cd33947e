"""From the features of an image to a prediction at each of its places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer, built
from kssl.layers.patches import Unpatchify


@keras.saving.register_keras_serializable(package="kssl")
class MapDecoder(Layer):
    """Any decoder, and a dense layer to the values of each place of a map.

    A map of features that is coarser than the one wanted has the values of several places
    predicted at each of its own, as in sub-pixel convolution (arXiv:1609.05158); one that is finer
    is averaged. A vector of features goes through a dense layer to all values.

    Args:
        map_shape: `(rows, columns, channels)` of the prediction.
        decoder: Layer or model from the features to others of any shape; None: the features
            themselves.

    Call arguments:
        inputs: Features `(batch, height, width, features)`, or `(batch, features)`.

    Returns:
        Tensor `(batch, rows, columns, channels)`, without an activation.

    Raises:
        ValueError: If neither of the two maps divides the other.

    Example:
        >>> import keras, kssl
        >>> layer = kssl.layers.MapDecoder(map_shape=(16, 16, 313))
        >>> layer(keras.ops.ones((2, 8, 8, 64))).shape
        (2, 16, 16, 313)
    """

    def __init__(
        self, map_shape: Sequence[int], decoder: keras.layers.Layer | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if len(map_shape) != 3:
            raise ValueError(f"map_shape must be (rows, columns, channels); got {map_shape}")
        self.map_shape = tuple(map_shape)
        self.decoder = decoder

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = tuple(input_shape)
        if self.decoder is not None:
            if getattr(self.decoder, "image_shape", self.map_shape) is None:
                self.decoder.image_shape = self.map_shape
            shape = built(self.decoder, shape)
        *wanted, channels = self.map_shape
        vector = len(shape) != 4
        found = [1, 1] if vector else list(shape[1:3])
        self.pool: keras.layers.Layer | None = None
        if not vector and any(got > want for got, want in zip(found, wanted, strict=True)):
            factor = self._factor(found, wanted, shape)
            self.pool = keras.layers.AveragePooling2D(factor, dtype=self.dtype_policy)
            found = wanted
        patch = self._factor(wanted, found, shape)
        self.features = math.prod(shape[1:]) if vector else shape[-1]
        self.to_values = keras.layers.Dense(math.prod(patch) * channels, dtype=self.dtype_policy)
        self.to_values.build((None, math.prod(found), self.features))
        self.to_map = Unpatchify(patch, self.map_shape, dtype=self.dtype_policy)

    def call(self, inputs: Any, training: bool = False) -> Any:
        features = inputs
        if self.decoder is not None:
            features = self.decoder(features, training=training)
        if self.pool is not None:
            features = self.pool(features)  # (batch, rows, columns, features)
        features = ops.reshape(features, (ops.shape(features)[0], -1, self.features))
        return self.to_map(self.to_values(features))  # (batch, rows, columns, channels)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.map_shape)

    def _factor(self, large: Sequence[int], small: Sequence[int], shape: Any) -> tuple[int, int]:
        """Return how many rows and columns of one map fall on one of the other."""
        if any(many % few for many, few in zip(large, small, strict=True)):
            raise ValueError(
                f"features of shape {tuple(shape[1:])} do not divide a map of "
                f"{self.map_shape[0]} x {self.map_shape[1]} places, nor the other way round: "
                "resize the images, or take an encoder that halves them as often as they are even"
            )
        return large[0] // small[0], large[1] // small[1]
