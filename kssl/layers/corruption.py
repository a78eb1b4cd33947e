"""Noise that a denoising model learns to remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer

KINDS = ("gaussian", "masking", "salt_and_pepper")


@keras.saving.register_keras_serializable(package="kssl")
class Corruption(Layer):
    """Corrupts its input: Gaussian, masking or salt-and-pepper noise.

    Vincent et al., Stacked Denoising Autoencoders, JMLR 11 (2010), section 3.3. Unlike Keras'
    `GaussianNoise` and `Dropout` it also works at inference, since a denoising model is
    evaluated on corrupted inputs, and it does not rescale what it leaves.

    Args:
        kind: `"gaussian"` adds noise of standard deviation `amount`; `"masking"` sets a fraction
            `amount` of the values to 0; `"salt_and_pepper"` sets a fraction `amount` of the values
            to 0 or 1, each half of the time.
        amount: Standard deviation, or fraction of the values; in units of the data (0 to 1).
        seed: Seed of the noise; None draws one.

    Call arguments:
        inputs: Tensor `(batch, …)`, values in 0 to 1 for `"salt_and_pepper"`.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: If `kind` is unknown, or `amount` is negative or a fraction above 1.

    Example:
        >>> import keras, kssl
        >>> noisy = kssl.layers.Corruption("masking", amount=1.0)(keras.ops.ones((2, 4)))
        >>> float(keras.ops.sum(noisy))
        0.0
    """

    def __init__(
        self,
        kind: str = "gaussian",
        amount: float = 0.3,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
        if amount < 0 or (kind != "gaussian" and amount > 1):
            raise ValueError(f"amount must be at least 0, and a fraction at most 1; got {amount}")
        self.kind = kind
        self.amount = amount
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any) -> Any:
        shape = ops.shape(inputs)
        if self.kind == "gaussian":
            noise = keras.random.normal(shape, dtype=inputs.dtype, seed=self.seed_generator)
            return inputs + self.amount * noise
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        kept = ops.where(draw < self.amount, ops.zeros_like(inputs), inputs)
        if self.kind == "masking":
            return kept
        # The lower half of the draws below `amount` becomes 0, the upper half 1.
        salt = ops.logical_and(draw >= 0.5 * self.amount, draw < self.amount)
        return ops.where(salt, ops.ones_like(inputs), kept)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)
