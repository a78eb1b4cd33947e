"""Denoising score matching."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, flat, require_positive


def denoising_score(noise: Any, score: Any, sigma: Any = 1.0) -> Any:
    """Denoising score matching: the score of noisy data is `-noise / σ`.

    `1/2 · |σ · score + noise|²` for data `x + σ · noise` with `noise` of unit variance, a sum over
    the values of an example. That is Vincent's objective times σ², so that all noise levels weigh
    alike (the choice of Song and Ermon).

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        noise: `(batch, …)`, standard normal.
        score: Of the same shape: the model's gradient of `log p` at the noisy data.
        sigma: Standard deviation of what was added: a number, or `(batch,)`.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Vincent, A Connection Between Score Matching and Denoising Autoencoders, 2011; Song and
        Ermon, arXiv:1907.05600.

    Example:
        >>> import keras, kssl
        >>> noise = keras.ops.ones((2, 4))
        >>> float(kssl.losses.denoising_score(noise, -noise / 0.5, sigma=0.5)[0])
        0.0
    """
    noise = flat(noise)
    scaled = ops.reshape(ops.cast(sigma, "float32"), (-1, 1)) * flat(score)
    return 0.5 * ops.sum(ops.square(scaled + noise), axis=1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class DenoisingScore(Loss):
    """Denoising score matching, see `kssl.losses.denoising_score`; takes `(noise, score)`.

    Args:
        sigma: Standard deviation of what was added, the same for all; with several noise levels
            call the function, or let the model predict `σ · score`.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `sigma` is not above 0.

    Example:
        >>> import keras, kssl
        >>> noise = keras.ops.ones((2, 4))
        >>> float(kssl.losses.DenoisingScore()(noise, -noise))
        0.0
    """

    def __init__(self, sigma: float = 1.0, name: str = "denoising_score", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("sigma", sigma)
        self.sigma = sigma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return denoising_score(y_true, y_pred, self.sigma)
