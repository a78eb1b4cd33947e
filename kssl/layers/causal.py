"""Causal convolutions: PixelCNN's in two dimensions, WaveNet's in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class MaskedConv2D(Layer):
    """A convolution that sees only the pixels above and to the left.

    Van den Oord et al., Pixel Recurrent Neural Networks, arXiv:1601.06759. Type A hides the pixel
    itself too and is the first layer; type B, for all others, sees its features. With several
    colours the channels come in as many groups, and type A sees the colours before its own.

    Args:
        filters: Channels of the output.
        kernel_size: Height and width of the kernel, odd.
        mask_type: `"A"` or `"B"`.
        colors: Groups of channels, in the order in which a pixel's colours are predicted; 1
            treats them alike.
        activation: Name of the activation; None is linear.

    Call arguments:
        inputs: Tensor `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, height, width, filters)`.

    Raises:
        ValueError: If `mask_type` is unknown, the kernel is even, or colours do not divide the
            channels.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.MaskedConv2D(16, 7, mask_type="A")(keras.ops.ones((2, 8, 8, 1))).shape
        (2, 8, 8, 16)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        mask_type: str = "B",
        colors: int = 1,
        activation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mask_type not in ("A", "B"):
            raise ValueError(f"mask_type must be 'A' or 'B'; got {mask_type!r}")
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, to have a centre; got {kernel_size}")
        if filters % colors:
            raise ValueError(f"{colors} colours do not divide {filters} filters")
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = mask_type
        self.colors = colors
        self.activation = activation

    def build(self, input_shape: Sequence[int | None]) -> None:
        channels = input_shape[-1]
        if channels % self.colors:
            raise ValueError(f"{self.colors} colours do not divide {channels} channels")
        self.mask = self._mask(channels)
        self.kernel = self.add_weight(
            shape=self.mask.shape, initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        kernel = self.kernel * ops.convert_to_tensor(self.mask, dtype=self.compute_dtype)
        options = {"padding": "same", "data_format": "channels_last"}
        outputs = ops.conv(inputs, kernel, **options) + self.bias  # (batch, height, width, filters)
        return keras.activations.get(self.activation)(outputs)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def _mask(self, channels: int) -> np.ndarray:
        size, centre = self.kernel_size, self.kernel_size // 2
        mask = np.zeros((size, size, channels, self.filters), "float32")
        mask[:centre] = 1.0
        mask[centre, :centre] = 1.0
        given = np.arange(channels)[:, None] // (channels // self.colors)
        wanted = np.arange(self.filters)[None, :] // (self.filters // self.colors)
        mask[centre, centre] = given < wanted if self.mask_type == "A" else given <= wanted
        return mask


@keras.saving.register_keras_serializable(package="kssl")
class GatedActivation(Layer):
    """`tanh(a) · sigmoid(b)` of the two halves of the features: the unit of PixelCNN and WaveNet.

    Van den Oord et al., Conditional Image Generation with PixelCNN Decoders, arXiv:1606.05328.

    Args:
        **kwargs: As in every Keras layer.

    Call arguments:
        inputs: Tensor `(batch, …, 2 · dim)`.

    Returns:
        Tensor `(batch, …, dim)`.

    Raises:
        ValueError: If the number of features is odd.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.GatedActivation()(keras.ops.ones((2, 10, 32))).shape
        (2, 10, 16)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: Any) -> Any:
        if inputs.shape[-1] % 2:
            raise ValueError(
                f"GatedActivation halves its features, and {inputs.shape[-1]} is odd: give the "
                "layer before it twice the width that is wanted"
            )
        value, gate = ops.split(inputs, 2, axis=-1)  # (batch, …, dim) each
        return ops.tanh(value) * ops.sigmoid(gate)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] // 2)


@keras.saving.register_keras_serializable(package="kssl")
class DilatedCausalStack(Layer):
    """Dilated causal convolutions with gates, residual and skip connections: WaveNet's body.

    Van den Oord et al., WaveNet, arXiv:1609.03499. An output at a time depends on its own input
    and the `receptive_field - 1` before it; to predict the next value, shift the targets by one.

    Args:
        filters: Channels of the residual path.
        dilations: Steps between the taps of each layer's kernel.
        kernel_size: Taps of each kernel.
        skip_filters: Channels of the output, the sum over all layers; None is `filters`.

    Call arguments:
        inputs: Tensor `(batch, time, channels)`.

    Returns:
        Tensor `(batch, time, skip_filters)`.

    Raises:
        ValueError: If there are no dilations, or a number is not positive.

    Example:
        >>> import keras, kssl
        >>> layer = kssl.layers.DilatedCausalStack(8, dilations=[1, 2, 4])
        >>> layer(keras.ops.ones((2, 16, 1))).shape, layer.receptive_field
        ((2, 16, 8), 8)
    """

    def __init__(
        self,
        filters: int = 32,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        kernel_size: int = 2,
        skip_filters: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not dilations or min(*dilations, filters, kernel_size, skip_filters or 1) < 1:
            raise ValueError(
                "filters, dilations, kernel_size and skip_filters must be positive; got "
                f"{filters}, {list(dilations)}, {kernel_size} and {skip_filters}"
            )
        self.filters = filters
        self.dilations = tuple(dilations)
        self.kernel_size = kernel_size
        self.skip_filters = skip_filters
        options = {"dtype": self.dtype_policy}
        wide = {"padding": "causal", **options}
        self.entrance = keras.layers.Conv1D(filters, 1, **options)
        self.dilated = [
            keras.layers.Conv1D(2 * filters, kernel_size, dilation_rate=step, **wide)
            for step in self.dilations
        ]
        self.gate = GatedActivation(**options)
        # The last layer's residual would go nowhere.
        self.residuals = [keras.layers.Conv1D(filters, 1, **options) for _ in self.dilations[1:]]
        width = skip_filters or filters
        self.skips = [keras.layers.Conv1D(width, 1, **options) for _ in self.dilations]

    @property
    def receptive_field(self) -> int:
        """Time steps that an output depends on, its own included."""
        return 1 + sum(self.dilations) * (self.kernel_size - 1)

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.entrance.build(input_shape)
        for layer in (*self.dilated, *self.residuals, *self.skips):
            layer.build((*input_shape[:-1], self.filters))

    def call(self, inputs: Any) -> Any:
        features = self.entrance(inputs)  # (batch, time, filters)
        total: Any = 0.0
        for number, dilated in enumerate(self.dilated):
            gated = self.gate(dilated(features))  # (batch, time, filters)
            total = total + self.skips[number](gated)  # (batch, time, skip_filters)
            if number < len(self.residuals):
                features = features + self.residuals[number](gated)
        return total

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.skip_filters or self.filters)
