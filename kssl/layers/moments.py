"""The distribution of the codes of a deterministic autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
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
        # Files of kssl 0.1 have sums of raw moments, of which float32 cannot tell a spread of 1
        # from the square of a mean of 1,000. Moments about the mean have a weight_sum below zero.

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        weight = float(ops.convert_to_numpy(self.weight_sum))
        if weight <= 0:
            return
        mean, spread = (np.array(ops.convert_to_numpy(each)) for each in self._moments())
        self.mean.assign(mean)
        self.second_moment.assign(weight * spread)
        self.weight_sum.assign(-weight)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self._follow(ops.stop_gradient(ops.cast(inputs, "float32")))
        return inputs

    def _follow(self, codes: Any) -> None:
        """Move the averages towards a batch."""
        kept = self.momentum * ops.abs(ops.convert_to_tensor(self.weight_sum))
        new = 1 - self.momentum
        old_mean, old_spread = self._moments()
        mean = ops.mean(codes, axis=0)
        deviations = codes - mean
        count = ops.cast(ops.shape(codes)[0], "float32")
        spread = ops.matmul(ops.transpose(deviations), deviations) / count  # (latent, latent)
        shift, fraction = mean - old_mean, new / (kept + new)
        between = kept * fraction * ops.outer(shift, shift)
        self.second_moment.assign(kept * old_spread + new * spread + between)
        self.mean.assign(old_mean + fraction * shift)
        self.weight_sum.assign(-(kept + new))

    def _moments(self) -> tuple[Any, Any]:
        """Return the mean `(latent,)` and the covariance `(latent, latent)`."""
        total, given = map(ops.convert_to_tensor, (self.weight_sum, self.mean))
        weight = ops.maximum(ops.abs(total), 1e-12)
        raw, mean = total > 0, given / weight
        spread = ops.convert_to_tensor(self.second_moment) / weight
        return (
            ops.where(raw, mean, given),
            ops.where(raw, spread - ops.outer(mean, mean), spread),
        )

    def draw(self, count: int, seed: int | None = None) -> Any:
        """Return `count` new codes `(count, latent)`, in float32."""
        source = self.seed_generator if seed is None else seed
        noise = keras.random.normal((count, self.mean.shape[0]), dtype="float32", seed=source)
        mean, covariance = self._moments()
        # Rounding can leave a direction without spread slightly negative.
        spread = 1e-4 + 1e-6 * ops.max(ops.diagonal(covariance))
        covariance = covariance + spread * ops.eye(mean.shape[0])
        return mean + ops.matmul(noise, ops.transpose(ops.cholesky(covariance)))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)
