"""A convolutional encoder whose maps are read at several scales: AMDIM's, small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class MultiscaleEncoder(Layer):
    """Convolutions without normalisation: a fine map, a coarse one, and one vector for all of it.

    After Bachman et al., AMDIM, arXiv:1906.00910. Each stage halves height and width; convolutions
    of one pixel behind it, each added to what it reads, deepen it without showing a place more of
    the image. That is the fine map. A 3 x 3 convolution without padding makes the coarse map of it,
    and one over the whole coarse map the vector. Of 28 x 28 pixels, two stages make maps of 7 x 7
    and 5 x 5.

    Args:
        filters: Channels of each stage, the last of them those of the fine map.
        width: Features of the coarse map and of the vector.
        blocks: Convolutions of one pixel behind each stage.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        The vector, `(batch, width)`; `maps` returns all three.

    Raises:
        ValueError: If a number is out of range, or the fine map is smaller than 3 x 3.

    Example:
        >>> import keras, kssl
        >>> encoder = kssl.layers.MultiscaleEncoder([8, 16], width=32)
        >>> [part.shape for part in encoder.maps(keras.ops.ones((2, 28, 28, 1)))]
        [(2, 32), (2, 5, 5, 32), (2, 7, 7, 16)]
    """

    def __init__(
        self,
        filters: Sequence[int] = (64, 128),
        width: int = 256,
        blocks: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not filters or min(*filters, width, blocks + 1) < 1:
            raise ValueError(
                "filters and width must be positive, such as [64, 128] and 256, and blocks not "
                f"negative; got {list(filters)}, {width} and {blocks}"
            )
        self.filters = tuple(filters)
        self.width = width
        self.blocks = blocks
        # Without normalisation, each layer has to keep the scale of what it reads.
        options = {"activation": "relu", "kernel_initializer": "he_normal"}
        options["dtype"] = self.dtype_policy
        self.stages = [
            keras.layers.Conv2D(each, 3, strides=2, padding="same", **options)
            for each in self.filters
        ]
        self.pointwise = [  # of all stages in a row: Keras saves no lists within lists
            keras.layers.Conv2D(each, 1, **options) for each in self.filters for _ in range(blocks)
        ]
        self.to_coarse = keras.layers.Conv2D(width, 3, **options)
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.to_vector = keras.layers.Dense(width, **options)

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = tuple(input_shape)
        for number, stage in enumerate(self.stages):
            stage.build(shape)
            shape = stage.compute_output_shape(shape)
            for block in self._behind(number):
                block.build(shape)
        if min(shape[1:3]) < 3:
            raise ValueError(
                f"{len(self.filters)} stages leave {shape[1]} x {shape[2]} places of images "
                f"{tuple(input_shape[1:3])}, and the coarse map needs 3 x 3: give fewer stages"
            )
        self.to_coarse.build(shape)
        shape = self.to_coarse.compute_output_shape(shape)
        self.to_vector.build(self.flatten.compute_output_shape(shape))

    def call(self, inputs: Any) -> Any:
        return self.maps(inputs)[0]

    def maps(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Return the vector, the coarse map and the fine map of images.

        Args:
            inputs: `(batch, height, width, channels)`.

        Returns:
            `(batch, width)`, `(batch, rows - 2, columns - 2, width)` and
            `(batch, rows, columns, filters[-1])`.
        """
        if not self.built:
            self.build(inputs.shape)
        fine = inputs
        for number, stage in enumerate(self.stages):
            fine = stage(fine)  # (batch, height / 2, width / 2, filters)
            for block in self._behind(number):
                fine = fine + block(fine)
        coarse = self.to_coarse(fine)  # (batch, rows - 2, columns - 2, width)
        return self.to_vector(self.flatten(coarse)), coarse, fine

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.width)

    def _behind(self, stage: int) -> list[keras.layers.Layer]:
        return self.pointwise[stage * self.blocks : (stage + 1) * self.blocks]
