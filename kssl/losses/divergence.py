"""Kullback-Leibler divergences between two distributions that are both given. All in nats."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss


def gaussian_kl_between(
    mean: Any, log_variance: Any, other_mean: Any, other_log_variance: Any
) -> Any:
    """Kullback-Leibler divergence of diagonal Gaussians, `KL(q || p)`, with `q` given first.

    `1/2 Σ_d (log σ_p² - log σ_q² + (σ_q² + (μ_q - μ_p)²) / σ_p² - 1)`, a sum over the dimensions.
    `kssl.losses.gaussian_kl` is the case of a standard normal `p`.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        mean: `(batch, latent)`: μ_q.
        log_variance: `(batch, latent)`: natural logarithm of σ_q².
        other_mean: μ_p, of the same shape or one that broadcasts.
        other_log_variance: Natural logarithm of σ_p².

    Returns:
        Tensor `(batch,)` in float32, in nats.

    Reference:
        Kullback and Leibler, On Information and Sufficiency, 1951.

    Example:
        >>> import keras, kssl
        >>> zeros, ones = keras.ops.zeros((2, 3)), keras.ops.ones((2, 3))
        >>> float(kssl.losses.gaussian_kl_between(zeros, zeros, ones, zeros)[0])
        1.5
    """
    given = (mean, log_variance, other_mean, other_log_variance)
    mean, log_variance, other_mean, other_log_variance = (
        ops.cast(each, "float32") for each in given
    )
    difference = log_variance - other_log_variance
    distance = ops.square(mean - other_mean) * ops.exp(-other_log_variance)
    return 0.5 * ops.sum(ops.exp(difference) - 1.0 - difference + distance, axis=-1)  # (batch,)


def categorical_kl(logits: Any, other_logits: Any | None = None) -> Any:
    """Kullback-Leibler divergence of categorical distributions, `KL(q || p)`, with `q` given first.

    `Σ_k q_k (log q_k - log p_k)` from logits, summed over the categories and over all latent
    variables of an example; `p` is uniform unless it is given, as in a discrete VAE. Keras'
    `kl_divergence` takes probabilities, clips them, and has `(p, q)` reversed: its first argument
    is the target.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        logits: `(batch, …, categories)` of `q`.
        other_logits: Of `p`, of the same shape or one that broadcasts; None for a uniform `p`.

    Returns:
        Tensor `(batch,)` in float32, in nats.

    Reference:
        Kullback and Leibler, On Information and Sufficiency, 1951.

    Example:
        >>> import keras, kssl
        >>> certain = keras.ops.convert_to_tensor([[0.0, -1e4, -1e4, -1e4]])
        >>> round(float(kssl.losses.categorical_kl(certain)[0]), 4)  # log 4
        1.3863
    """
    logs = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    if other_logits is None:
        others = -math.log(logs.shape[-1])
    else:
        others = ops.log_softmax(ops.cast(other_logits, "float32"), axis=-1)
    each = ops.sum(ops.exp(logs) * (logs - others), axis=-1)  # (batch, …)
    return ops.sum(ops.reshape(each, (ops.shape(each)[0], -1)), axis=1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class GaussianKLBetween(Loss):
    """`KL(q || p)` of diagonal Gaussians; takes `(p, q)`: the target, then the prediction.

    Each is `(batch, 2 * latent)`: the means, then the logarithms of the variances.

    Args:
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 6))
        >>> float(kssl.losses.GaussianKLBetween()(zeros, zeros))
        0.0
    """

    def __init__(self, name: str = "gaussian_kl_between", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return gaussian_kl_between(*ops.split(y_pred, 2, axis=-1), *ops.split(y_true, 2, axis=-1))


@keras.saving.register_keras_serializable(package="kssl")
class CategoricalKL(Loss):
    """`KL(q || p)` of categorical distributions; takes logits `(p, q)`: target, then prediction.

    Args:
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> logits = keras.ops.ones((2, 6))
        >>> float(kssl.losses.CategoricalKL()(logits, logits))
        0.0
    """

    def __init__(self, name: str = "categorical_kl", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return categorical_kl(y_pred, y_true)
