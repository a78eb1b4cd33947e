"""Sampling from a diagonal Gaussian so that gradients pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class GaussianSampling(Layer):
    """Draws `z = mean + exp(log_variance / 2) · noise`, the reparameterisation trick.

    Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, section 2.4.
    The noise is drawn while training and otherwise alike: a model that wants the mean takes it.

    Args:
        samples: Draws for each example.
        seed: Seed of the noise; None draws one.

    Call arguments:
        mean: Tensor `(batch, latent)`.
        log_variance: Tensor `(batch, latent)`, natural logarithm.

    Returns:
        Tensor `(batch, samples, latent)`, in float32.

    Raises:
        ValueError: If `samples` is less than 1.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 20))
        >>> kssl.layers.GaussianSampling(samples=5)(zeros, zeros).shape
        (2, 5, 20)
    """

    def __init__(self, samples: int = 1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if samples < 1:
            raise ValueError(f"samples must be at least 1; got {samples}")
        self.samples = samples
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, mean: Any, log_variance: Any, samples: int | None = None) -> Any:
        mean = ops.cast(mean, "float32")
        scale = ops.exp(0.5 * ops.cast(log_variance, "float32"))
        shape = (ops.shape(mean)[0], samples or self.samples, mean.shape[-1])
        noise = keras.random.normal(shape, dtype="float32", seed=self.seed_generator)
        # (batch, samples, latent)
        return ops.expand_dims(mean, 1) + ops.expand_dims(scale, 1) * noise

    def compute_output_shape(
        self, mean_shape: Sequence[int | None], log_variance_shape: Sequence[int | None]
    ) -> tuple[int | None, ...]:
        return (mean_shape[0], self.samples, mean_shape[-1])
