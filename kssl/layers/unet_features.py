"""Features of an image from a denoising network."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class UNetFeatures(Layer):
    """Features of the bottleneck of a denoising network, averaged over all places.

    The image is shown without noise and without class, at one small timestep (Xiang et al.,
    Denoising Diffusion Autoencoders, arXiv:2303.09769).

    Args:
        network: `UNet`, or any network with its method `features`; of one without, the output is
            taken.
        time: The noise level that the network is given.
        scale: Images in [0, 1] are given as `scale · (2 · image - 1)`.

    Call arguments:
        inputs: Images `(batch, height, width, channels)` in [0, 1].

    Returns:
        Tensor `(batch, features)`.

    Example:
        >>> import keras, kssl
        >>> unet = kssl.layers.UNet([8, 16], blocks=1)
        >>> kssl.layers.UNetFeatures(unet, time=50)(keras.ops.ones((2, 16, 16, 3))).shape
        (2, 16)
    """

    def __init__(
        self, network: keras.layers.Layer, time: float = 0.0, scale: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs, autocast=False)
        self.network = network
        self.time = time
        self.scale = scale

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.network.built:
            shapes = (tuple(input_shape), (None,), (None,))  # of images, times and labels
            self.network.build(*shapes[: len(inspect.signature(self.network.build).parameters)])

    def call(self, inputs: Any) -> Any:
        images = self.scale * (2.0 * ops.cast(inputs, "float32") - 1.0)
        times = ops.full((ops.shape(images)[0],), self.time, dtype="float32")
        if not hasattr(self.network, "features"):
            return ops.reshape(self.network(images, times), (ops.shape(images)[0], -1))
        return ops.mean(self.network.features(images, times), axis=(1, 2))  # (batch, features)
