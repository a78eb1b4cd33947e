"""The network that predicts the noise of a diffusion model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer
from kssl.layers.fused import fuse
from kssl.layers.positions import TimestepEmbedding
from kssl.layers.unet_block import UNetBlock, group_norm


@keras.saving.register_keras_serializable(package="kssl")
class UNet(Layer):
    """An image-to-image network conditioned on the diffusion timestep and, if wanted, the class.

    Ronneberger et al., arXiv:1505.04597; Ho et al., Denoising Diffusion, arXiv:2006.11239. Each
    level halves height and width; what a level puts out on the way down is joined to it again on
    the way up. The output starts at zero. With `classes`, the label `classes` itself means "no
    class": training drops to it and classifier-free guidance (Ho and Salimans,
    arXiv:2207.12598) asks for it; it is the default of a call.

    Args:
        filters: Channels of each level.
        blocks: Residual blocks of each level, on the way down; one more on the way up.
        attention: Levels with self-attention, counted from 0; the middle always has it.
        classes: Number of classes; None is without.
        dropout: Fraction of the features set to zero in each block while training.
        max_period: Longest period of the timestep embedding.
        patch_size: Each square of so many pixels is taken as one place with more channels: with 2,
            a quarter of the places and about a quarter of the time.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.
        timesteps: `(batch,)`, whole numbers or fractions.
        labels: Classes `(batch,)`; None is no class.

    Returns:
        Tensor of the shape of the images.

    Raises:
        ValueError: If the levels do not divide height and width, or labels come without classes.

    Example:
        >>> import keras, kssl
        >>> unet = kssl.layers.UNet([8, 16], blocks=1, classes=10)
        >>> unet(keras.ops.ones((2, 16, 16, 3)), keras.ops.array([0, 999])).shape
        (2, 16, 16, 3)
    """

    def __init__(
        self,
        filters: Sequence[int] = (64, 128, 256),
        blocks: int = 2,
        attention: Sequence[int] = (2,),
        classes: int | None = None,
        dropout: float = 0.0,
        max_period: float = 10000.0,
        patch_size: int = 1,
        **kwargs: Any,
    ) -> None:
        # Half precision cannot hold a timestep: the images are cast here, and only they.
        super().__init__(**kwargs, autocast=False)
        if not filters or min(filters) < 2 or blocks < 1 or patch_size < 1:
            raise ValueError(
                f"filters must be numbers such as [64, 128], blocks and patch_size at least 1; got "
                f"{list(filters)}, {blocks} and {patch_size}"
            )
        self.filters = tuple(filters)
        self.blocks = blocks
        self.attention = tuple(attention)
        self.classes = classes
        self.dropout = dropout
        self.max_period = max_period
        self.patch_size = patch_size

    def build(
        self,
        inputs_shape: Sequence[int | None],
        timesteps_shape: Any = None,
        labels_shape: Any = None,
    ) -> None:
        self._check(inputs_shape)
        size = self.patch_size
        batch, height, width, channels = inputs_shape
        inputs_shape = (batch, height // size, width // size, channels * size**2)
        options = {"dtype": self.dtype_policy}
        base, width = self.filters[0], 4 * self.filters[0]
        self.times = TimestepEmbedding(2 * (base // 2), self.max_period, **options)
        self.condition = [
            keras.layers.Dense(width, activation="silu", **options),
            keras.layers.Dense(width, **options),
        ]
        self.condition[0].build((None, self.times.dim))
        self.condition[1].build((None, width))
        self.embed_class = None
        if self.classes is not None:
            # One more row, for no class.
            self.embed_class = keras.layers.Embedding(self.classes + 1, width, **options)
            self.embed_class.build(())
        conv = {"padding": "same", **options}
        self.entrance = keras.layers.Conv2D(base, 3, **conv)
        self.entrance.build(inputs_shape)
        joined = self._build_down((*inputs_shape[:-1], base), width)
        self._build_up(joined, width)
        self.exit_norm = group_norm(base, options)
        self.exit_norm.build((*inputs_shape[:-1], base))
        self.exit = keras.layers.Conv2D(inputs_shape[-1], 3, kernel_initializer="zeros", **conv)
        self.exit.build((*inputs_shape[:-1], base))
        fuse(self)

    def call(self, inputs: Any, timesteps: Any, labels: Any = None, training: bool = False) -> Any:
        condition = self._condition(timesteps, labels, ops.shape(inputs)[0])
        features, kept = self._descend(inputs, condition, training)
        for step in self.up:
            if isinstance(step, UNetBlock):
                features = ops.concatenate([features, kept.pop()], axis=-1)
            features = self._step(step, features, condition, training)
        features = self.exit(ops.silu(self.exit_norm(features)))
        return self._from_patches(features)  # (batch, height, width, channels)

    def features(self, inputs: Any, timesteps: Any, labels: Any = None) -> Any:
        """Return what the middle makes of the images: `(batch, height, width, filters[-1])`.

        Height and width are those of the last level.
        """
        condition = self._condition(timesteps, labels, ops.shape(inputs)[0])
        return self._descend(inputs, condition, False)[0]

    def _descend(self, inputs: Any, condition: Any, training: bool) -> tuple[Any, list[Any]]:
        """Return the features of the middle, and those that are joined on the way up."""
        inputs = self._to_patches(ops.cast(inputs, self.compute_dtype))
        features = self.entrance(inputs)
        kept = [features]
        for step in self.down:
            features = self._step(step, features, condition, training)
            kept.append(features)
        for step in self.middle:
            features = self._step(step, features, condition, training)
        return features, kept

    def _to_patches(self, images: Any) -> Any:
        size = self.patch_size
        if size == 1:
            return images
        rows, columns, channels = images.shape[1] // size, images.shape[2] // size, images.shape[3]
        squares = ops.reshape(images, (-1, rows, size, columns, size, channels))
        squares = ops.transpose(squares, (0, 1, 3, 2, 4, 5))
        return ops.reshape(squares, (-1, rows, columns, size * size * channels))

    def _from_patches(self, places: Any) -> Any:
        size = self.patch_size
        if size == 1:
            return places
        rows, columns, channels = places.shape[1], places.shape[2], places.shape[3] // size**2
        squares = ops.reshape(places, (-1, rows, columns, size, size, channels))
        squares = ops.transpose(squares, (0, 1, 3, 2, 4, 5))
        return ops.reshape(squares, (-1, rows * size, columns * size, channels))

    def compute_output_shape(
        self,
        inputs_shape: Sequence[int | None],
        timesteps_shape: Any = None,
        labels_shape: Any = None,
    ) -> tuple[int | None, ...]:
        return tuple(inputs_shape)

    def _condition(self, timesteps: Any, labels: Any, batch: Any) -> Any:
        condition = self.condition[1](self.condition[0](self.times(timesteps)))  # (batch, width)
        if self.embed_class is None:
            if labels is not None:
                raise ValueError("this UNet has no classes: give classes= to use labels")
            return condition
        if labels is None:
            labels = ops.full((batch,), self.classes, dtype="int32")
        return condition + self.embed_class(labels)

    def _step(self, step: Any, features: Any, condition: Any, training: bool) -> Any:
        if isinstance(step, UNetBlock):
            return step(features, condition, training=training)
        return step(features)

    def _build_down(self, shape: tuple[int | None, ...], width: int) -> list[tuple[Any, ...]]:
        """Build the way down and the middle; return the shapes that are joined on the way up."""
        options = {"dtype": self.dtype_policy}
        self.down: list[keras.layers.Layer] = []
        shapes = [shape]
        for level, filters in enumerate(self.filters):
            steps: list[keras.layers.Layer] = [self._block(level) for _ in range(self.blocks)]
            if level + 1 < len(self.filters):
                halve = {"strides": 2, "padding": "same", **options}
                steps.append(keras.layers.Conv2D(filters, 3, **halve))
            for step in steps:
                shape = _build(step, shape, width)
                shapes.append(shape)
            self.down += steps
        last = self.filters[-1]
        self.middle = [
            UNetBlock(last, self.dropout, attention, **options) for attention in (True, False)
        ]
        for step in self.middle:
            _build(step, shape, width)
        return shapes

    def _build_up(self, joined: list[tuple[Any, ...]], width: int) -> None:
        options = {"dtype": self.dtype_policy}
        self.up: list[keras.layers.Layer] = []
        shape = joined[-1]
        for level in reversed(range(len(self.filters))):
            for _ in range(self.blocks + 1):
                block = self._block(level)
                wide = (*shape[:-1], shape[-1] + joined.pop()[-1])
                shape = _build(block, wide, width)
                self.up.append(block)
            if level:
                double = keras.layers.UpSampling2D(2, interpolation="nearest", **options)
                smooth = keras.layers.Conv2D(self.filters[level], 3, padding="same", **options)
                shape = _build(smooth, _build(double, shape, width), width)
                self.up += [double, smooth]

    def _block(self, level: int) -> UNetBlock:
        attention = level in self.attention
        return UNetBlock(self.filters[level], self.dropout, attention, dtype=self.dtype_policy)

    def _check(self, shape: Sequence[int | None]) -> None:
        scale = self.patch_size * 2 ** (len(self.filters) - 1)
        if any(size is None or size % scale for size in shape[1:3]):
            raise ValueError(
                f"{len(self.filters)} levels and patch_size {self.patch_size} need images whose "
                f"height and width are multiples of {scale}; got {shape[1:3]}: pad or resize them, "
                "or give fewer filters"
            )


def _build(step: Any, shape: tuple[int | None, ...], width: int) -> tuple[int | None, ...]:
    if isinstance(step, UNetBlock):
        step.build(shape, (None, width))
    else:
        step.build(shape)
    return step.compute_output_shape(shape)
