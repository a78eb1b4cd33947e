"""The distribution of the codes of a deterministic autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class LatentGaussian(Layer):
    """A running Gaussian fit of the codes seen in training, to sample new codes from.

    An autoencoder without a prior can still generate when a density is fitted to its codes
    afterwards (Ghosh et al., From Variational to Deterministic Autoencoders, arXiv:1903.12436,
    section 4). Mean and second moments are moving averages, corrected for their start at zero.

    Args:
        momentum: Fraction of the old average that a batch keeps; 0.99 remembers about 100 batches.
        seed: Seed of the draws; None draws one.

    Call arguments:
        inputs: Codes `(batch, latent)`; the averages move only when `training`.

    Returns:
        The codes, unchanged.

    Example:
        >>> import keras, kssl
        >>> layer = kssl.layers.LatentGaussian()
        >>> codes = layer(keras.random.normal((64, 8)), training=True)
        >>> layer.draw(5).shape
        (5, 8)
    """

    def __init__(self, momentum: float = 0.99, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < momentum < 1:
            raise ValueError(f"momentum must be between 0 and 1; got {momentum}")
        self.momentum = momentum
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Sequence[int | None]) -> None:
        width = input_shape[-1]
        options = {"initializer": "zeros", "trainable": False, "aggregation": "mean"}
        options["autocast"] = False  # moving averages stay in float32 under mixed precision
        self.mean = self.add_weight(shape=(width,), name="mean", dtype="float32", **options)
        self.second_moment = self.add_weight(
            shape=(width, width), name="second_moment", dtype="float32", **options
        )
        self.weight_sum = self.add_weight(shape=(), name="weight_sum", dtype="float32", **options)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            codes = ops.stop_gradient(ops.cast(inputs, "float32"))
            count = ops.cast(ops.shape(codes)[0], "float32")
            products = ops.matmul(ops.transpose(codes), codes) / count  # (latent, latent)
            for average, new in (
                (self.mean, ops.mean(codes, axis=0)),
                (self.second_moment, products),
                (self.weight_sum, ops.ones(())),
            ):
                average.assign(self.momentum * average + (1 - self.momentum) * new)
        return inputs

    def draw(self, count: int, seed: int | None = None) -> Any:
        """Return `count` new codes `(count, latent)`, in float32."""
        source = self.seed_generator if seed is None else seed
        noise = keras.random.normal((count, self.mean.shape[0]), dtype="float32", seed=source)
        weight = ops.maximum(self.weight_sum, 1e-12)
        mean = self.mean / weight
        covariance = self.second_moment / weight - ops.outer(mean, mean)
        # Rounding can leave a direction without spread slightly negative.
        covariance = covariance + 1e-4 * ops.eye(mean.shape[0])
        return mean + ops.matmul(noise, ops.transpose(ops.cholesky(covariance)))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)
