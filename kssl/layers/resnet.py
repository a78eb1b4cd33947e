"""Residual convolutional encoders for small images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kssl.layers.base import Layer
from kssl.layers.normalization import BatchNormalization
from kssl.moved import renamed

# depth -> blocks in each of the four stages, and whether a block is a bottleneck.
DEPTHS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
}
EXPANSION = 4


@keras.saving.register_keras_serializable(package="kssl")
class ResidualBlock(Layer):
    """A residual block: convolutions with a skip connection.

    He et al., Deep Residual Learning, arXiv:1512.03385: two 3 x 3 convolutions, or a bottleneck
    of 1 x 1, 3 x 3 and 1 x 1, each with batch normalisation. The last scale starts at zero, so
    that a block starts as its shortcut (Goyal et al., arXiv:1706.02677, section 5.1).

    Args:
        filters: Channels of the 3 x 3 convolutions; a bottleneck puts out four times as many.
        strides: Pixels between two outputs; 2 halves height and width.
        bottleneck: Whether the block is a bottleneck.

    Call arguments:
        inputs: Tensor `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, height / strides, width / strides, filters)`.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.ResidualBlock(16, strides=2)(keras.ops.ones((2, 8, 8, 4))).shape
        (2, 4, 4, 16)
    """

    def __init__(
        self, filters: int, strides: int = 1, bottleneck: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.bottleneck = bottleneck
        plan = [(filters, 3, strides), (filters, 3, 1)]
        if bottleneck:
            plan = [(filters, 1, 1), (filters, 3, strides), (filters * EXPANSION, 1, 1)]
        self.convolutions = [self._convolution(*each) for each in plan]
        gammas = ["ones"] * (len(plan) - 1) + ["zeros"]
        self.normalizations = [self._normalization(gamma) for gamma in gammas]
        self.activation = keras.layers.ReLU(dtype=self.dtype_policy)
        self.shortcut: list[keras.layers.Layer] = []

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = tuple(input_shape)
        for convolution, normalization in zip(self.convolutions, self.normalizations, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            normalization.build(shape)
        if self.strides != 1 or shape[-1] != input_shape[-1]:
            self.shortcut = [self._convolution(shape[-1], 1, self.strides), self._normalization()]
            self.shortcut[0].build(input_shape)
            self.shortcut[1].build(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        features = inputs
        for number, convolution in enumerate(self.convolutions):
            if number:
                features = self.activation(features)
            features = convolution(features)  # (batch, height / strides, width / strides, filters)
            features = self.normalizations[number](features, training=training)
        kept = inputs
        if self.shortcut:
            kept = self.shortcut[1](self.shortcut[0](inputs), training=training)
        return self.activation(features + kept)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        shape = tuple(input_shape)
        for convolution in self.convolutions:
            shape = convolution.compute_output_shape(shape)
        return shape

    def _convolution(self, filters: int, size: int, strides: int) -> keras.layers.Layer:
        return _convolution(filters, size, strides, self.dtype_policy)

    def _normalization(self, gamma: str = "ones") -> keras.layers.Layer:
        return _normalization(gamma, self.dtype_policy)


class Stack(Layer):
    """Layers one after another; a subclass puts them into `steps` in its constructor."""

    steps: list[keras.layers.Layer]

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = tuple(input_shape)
        for step in self.steps:
            step.build(shape)
            shape = step.compute_output_shape(shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        features = inputs
        for step in self.steps:
            if isinstance(step, BatchNormalization | ResidualBlock):
                features = step(features, training=training)
            else:
                features = step(features)  # (batch, height, width, filters), or pooled
        return features

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        shape = tuple(input_shape)
        for step in self.steps:
            shape = step.compute_output_shape(shape)
        return shape

    @property
    def block_layers(self) -> list[keras.layers.Layer]:
        """The residual blocks, see `kssl.layers.blocks`."""
        return [step for step in self.steps if isinstance(step, ResidualBlock)]


@keras.saving.register_keras_serializable(package="kssl")
class ConvNet(Stack):
    """A small residual network: one stage for each width, each but the first at half the size.

    The encoder for first experiments: with the defaults 0.3 million weights, and on 32 x 32
    images less than a tenth of the multiplications of a ResNet-18.

    Args:
        filters: Channels of each stage.
        blocks: Residual blocks of each stage.
        pool: Whether the features are averaged over height and width at the end.
        stem_strides: Pixels between two outputs of the first convolution; 2 makes the whole
            network four times as fast, for a processor.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, filters[-1])`, or the feature map without `pool`.

    Raises:
        ValueError: If `filters` is empty, or a number is not positive.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.ConvNet([8, 16])(keras.ops.ones((2, 32, 32, 3))).shape
        (2, 16)
    """

    @renamed(entrance_strides="stem_strides")
    def __init__(
        self,
        filters: Sequence[int] = (32, 64, 128),
        blocks: int = 1,
        pool: bool = True,
        stem_strides: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not filters or min(*filters, blocks, stem_strides) < 1:
            raise ValueError(
                f"filters, blocks and stem_strides must be positive, such as [32, 64], 1 and "
                f"1; got {list(filters)}, {blocks} and {stem_strides}"
            )
        self.filters = tuple(filters)
        self.blocks = blocks
        self.pool = pool
        stages = [(width, blocks) for width in self.filters]
        self.stem_strides = stem_strides
        self.steps = _network(stages, False, pool, self.dtype_policy, stem_strides)


@keras.saving.register_keras_serializable(package="kssl")
class ResNet(Stack):
    """A residual network with the stem for small images: 3 x 3 pixels and no max-pooling.

    He et al., arXiv:1512.03385, with the stem that SimCLR (arXiv:2002.05709, appendix B.9)
    uses on 32 x 32 images; the usual one shrinks them to 8 x 8 before the first block. For large
    images take `keras.applications.ResNet50` or a KerasHub backbone.

    Args:
        depth: 18, 34, 50 or 101 layers.
        width: Channels of the first stage; each of the other three doubles them.
        pool: Whether the features are averaged over height and width at the end.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, features)`: 512 features for a depth of 18 or 34, else 2048; or the
        feature map without `pool`.

    Raises:
        ValueError: If there is no such depth.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.ResNet(18, width=8)(keras.ops.ones((2, 32, 32, 3))).shape
        (2, 64)
    """

    def __init__(self, depth: int = 18, width: int = 64, pool: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}; got {depth}")
        if width < 1:
            raise ValueError(f"width must be at least 1; got {width}")
        self.depth = depth
        self.width = width
        self.pool = pool
        blocks, bottleneck = DEPTHS[depth]
        stages = [(width * 2**stage, count) for stage, count in enumerate(blocks)]
        self.steps = _network(stages, bottleneck, pool, self.dtype_policy)


def _network(
    stages: Sequence[tuple[int, int]], bottleneck: bool, pool: bool, dtype: Any, strides: int = 1
) -> list[keras.layers.Layer]:
    """Return stem, residual stages of (filters, blocks), and pooling, in order."""
    steps = [_convolution(stages[0][0], 3, strides, dtype), _normalization("ones", dtype)]
    steps.append(keras.layers.ReLU(dtype=dtype))
    for stage, (filters, blocks) in enumerate(stages):
        for block in range(blocks):
            halve = 2 if stage and not block else 1
            steps.append(ResidualBlock(filters, halve, bottleneck, dtype=dtype))
    return [*steps, keras.layers.GlobalAveragePooling2D(dtype=dtype)] if pool else steps


def _convolution(filters: int, size: int, strides: int, dtype: Any) -> keras.layers.Layer:
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return keras.layers.Conv2D(filters, size, strides=strides, **options, dtype=dtype)


def _normalization(gamma: str, dtype: Any) -> keras.layers.Layer:
    options = {"momentum": 0.9, "epsilon": 1e-5, "gamma_initializer": gamma}
    return BatchNormalization(**options, dtype=dtype)
