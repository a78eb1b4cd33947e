"""Encoder and decoder of an autoencoder with a latent vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kssl.layers.base import Layer, built

# Activations that do not reach every logit, and layers that change the shape of values alone.
LIMITED = ("sigmoid", "hard_sigmoid", "hardsigmoid", "softmax", "tanh", "relu", "relu6", "softplus")
SHAPING = tuple(
    getattr(keras.layers, name)
    for name in ("Reshape", "Flatten", "Permute", "Cropping1D", "Cropping2D", "Cropping3D")
)


@keras.saving.register_keras_serializable(package="kssl")
class LatentEncoder(Layer):
    """Any encoder, its features flattened, and one dense head for each latent quantity.

    Args:
        encoder: Layer or model from images to features of any rank.
        latent_dim: Width of each head.
        heads: Number of heads: 1 for a code, 2 for the mean and the log-variance of a Gaussian.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        A list of `heads` tensors `(batch, latent_dim)`.

    Raises:
        ValueError: If `latent_dim` is not positive.

    Example:
        >>> import keras, kssl
        >>> layer = kssl.layers.LatentEncoder(kssl.layers.MLP([64]), latent_dim=8)
        >>> layer(keras.ops.ones((2, 28, 28, 1)))[0].shape
        (2, 8)
    """

    def __init__(
        self, encoder: keras.layers.Layer, latent_dim: int, heads: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1; got {latent_dim}")
        self.encoder = encoder
        self.latent_dim = latent_dim
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.heads = [keras.layers.Dense(latent_dim, dtype=self.dtype_policy) for _ in range(heads)]

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = built(self.encoder, input_shape)
        shape = self.flatten.compute_output_shape(shape)
        for head in self.heads:
            head.build(shape)

    def call(self, inputs: Any, training: bool = False) -> list[Any]:
        features = self.flatten(_with_mode(self.encoder, inputs, training))  # (batch, features)
        return [head(features) for head in self.heads]  # heads x (batch, latent_dim)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> list[tuple[Any, ...]]:
        return [(input_shape[0], self.latent_dim)] * len(self.heads)

    def get_config(self) -> dict[str, Any]:
        # The attribute holds the layers: the weights in files of 0.1 are named after it.
        return {**super().get_config(), "heads": len(self.heads)}


@keras.saving.register_keras_serializable(package="kssl")
class ImageDecoder(Layer):
    """Any decoder, and a dense layer to the pixels where it does not end in the image's shape.

    A decoder with an attribute `image_shape` that is None is given the shape first.

    Args:
        decoder: Layer or model from latent vectors to features or images.
        image_shape: `(height, width, channels)` of the images.

    Call arguments:
        inputs: Latent vectors `(batch, latent)`.

    Returns:
        Tensor `(batch, height, width, channels)`, without an activation.

    Example:
        >>> import keras, kssl
        >>> layer = kssl.layers.ImageDecoder(kssl.layers.MLP([64]), image_shape=(28, 28, 1))
        >>> layer(keras.ops.ones((2, 8))).shape
        (2, 28, 28, 1)
    """

    def __init__(
        self, decoder: keras.layers.Layer, image_shape: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.decoder = decoder
        self.image_shape = tuple(image_shape)
        if getattr(decoder, "image_shape", self.image_shape) is None:
            decoder.image_shape = self.image_shape
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.to_pixels: keras.layers.Layer | None = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.code_shape = tuple(input_shape)[1:]
        shape = built(self.decoder, input_shape)
        if tuple(shape[1:]) != self.image_shape:
            self.to_pixels = keras.layers.Dense(
                math.prod(self.image_shape), dtype=self.dtype_policy
            )
            self.to_pixels.build(self.flatten.compute_output_shape(shape))
        self.to_image = keras.layers.Reshape(self.image_shape, dtype=self.dtype_policy)

    def call(self, inputs: Any, training: bool = False) -> Any:
        features = _with_mode(self.decoder, inputs, training)
        if self.to_pixels is not None:
            features = self.to_pixels(self.flatten(features))  # (batch, pixels)
        return self.to_image(features)  # (batch, height, width, channels)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.image_shape)

    def check_logits(self) -> None:
        """Raise a ValueError if the decoder's last activation leaves no room for logits.

        Where the activation is not seen, as in somebody's own class, the decoder is tried.
        """
        if self.to_pixels is not None:
            return
        activation = last_activation(self.decoder)
        found = f"ends in the activation {activation}" if activation in LIMITED else self._limits()
        if found:
            raise ValueError(
                f"the decoder {found}, and a Bernoulli likelihood reads what it returns as logits, "
                f"of which it takes the sigmoid itself: leave the activation of the last layer out"
            )

    def _limits(self) -> str:
        """Return in words what holds for no logits, of what large random codes are decoded to."""
        codes = 100 * np.random.RandomState(0).normal(size=(16, *self.code_shape))
        with keras.StatelessScope():  # no seed and no statistic moves
            outputs = _with_mode(self.decoder, keras.ops.cast(codes, "float32"), False)
        values = keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32"))
        low, high = float(values.min()), float(values.max())
        if not 0 <= low < high:
            return ""
        if high <= 1:
            return "gives values in 0 to 1 alone for random codes, as a sigmoid does"
        return "gives 0 and values above it for random codes, as a ReLU does" if low == 0 else ""


def last_activation(layer: Any) -> str:
    """Return the name of the activation that a layer or model ends in; empty if none is seen.

    Example:
        >>> import keras
        >>> last_activation(keras.Sequential([keras.layers.Dense(4, activation="sigmoid")]))
        'sigmoid'
    """
    if isinstance(layer, keras.Sequential):
        steps = list(layer.layers)
    elif getattr(layer, "outputs", None):  # a functional model
        steps = _steps(layer.outputs[0])
    else:
        if type(layer).__module__.partition(".")[0] != "keras":
            return ""  # of somebody's own layer it may be that of a layer inside
        activation = getattr(layer, "activation", None) or type(layer)  # `keras.layers.ReLU` too
        name = activation if isinstance(activation, str) else activation.__name__
        return name.lower()
    while steps and isinstance(steps[-1], SHAPING):
        steps.pop()
    return last_activation(steps[-1]) if steps else ""


def _steps(output: keras.KerasTensor) -> list[Any]:
    """Return the operations that lead to an output in a line, the last one last."""
    steps = []
    while True:
        history = output._keras_history
        steps.append(history.operation)
        inputs = history.operation._inbound_nodes[history.node_index].input_tensors
        if len(inputs) != 1:
            return steps[::-1]
        (output,) = inputs


def _with_mode(layer: keras.layers.Layer, inputs: Any, training: bool) -> Any:
    # A layer without dropout or batch normalisation has no `training` argument.
    return layer(inputs, training=training) if layer._call_has_training_arg else layer(inputs)
