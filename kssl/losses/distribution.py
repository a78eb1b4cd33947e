"""Divergences between distributions and the bounds made of them. All in nats."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss


def gaussian_kl(mean: Any, log_variance: Any, free_bits: float = 0.0) -> Any:
    """Kullback-Leibler divergence of diagonal Gaussians from the standard one, `KL(q || N(0, I))`.

    `-1/2 Σ_d (1 + log σ_d² - μ_d² - σ_d²)`, a sum over the latent dimensions. With `free_bits` a
    dimension whose divergence, averaged over the batch, is below that many nats counts as that
    constant and gets no gradient.

    Each example has its own value, so that data parallelism changes nothing; but with `free_bits`
    the average is over the batch that the loss sees: the global one on JAX, that of each replica on
    TensorFlow and torch.

    Args:
        mean: Tensor `(batch, latent)`.
        log_variance: Tensor `(batch, latent)`, natural logarithm.
        free_bits: Nats of each latent dimension that cost nothing extra.

    Returns:
        Tensor `(batch,)` in float32, in nats.

    Reference:
        Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix B; free
        bits: Kingma et al., arXiv:1606.04934, section 5.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 20))
        >>> float(kssl.losses.gaussian_kl(zeros, zeros)[0])
        0.0
    """
    mean = ops.cast(mean, "float32")
    log_variance = ops.cast(log_variance, "float32")
    each = 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)  # (batch, latent)
    if free_bits:
        average = ops.mean(each, axis=0, keepdims=True)  # (1, latent)
        each = ops.where(average > free_bits, each, free_bits)
    return ops.sum(each, axis=-1)  # (batch,)


def elbo(reconstruction: Any, kl: Any, beta: float = 1.0) -> Any:
    """Negative evidence lower bound of each example: `reconstruction + beta · kl`.

    Both parts are sums over an example, never means over its values: only then is `beta` of 1 the
    bound. Each example has its own value, so that data parallelism changes nothing.

    Args:
        reconstruction: Tensor `(batch,)`: `-log p(x|z)`, summed over the values of the example.
        kl: Tensor `(batch,)`: `KL(q(z|x) || p(z))`, summed over the latent dimensions.
        beta: Weight of the divergence: 1 is the bound, more presses towards the prior
            (β-VAE).

    Returns:
        Tensor `(batch,)` in float32, in nats; lower is better.

    Reference:
        Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114; Higgins et al.,
        beta-VAE, ICLR 2017.

    Example:
        >>> import keras, kssl
        >>> float(kssl.losses.elbo(keras.ops.ones((2,)), keras.ops.ones((2,)), beta=4.0)[0])
        5.0
    """
    return ops.cast(reconstruction, "float32") + beta * ops.cast(kl, "float32")


def importance_weighted_bound(log_weights: Any) -> Any:
    """Negative importance-weighted bound of each example, `-log (1/K Σ_k exp(log w_k))`.

    `log w = log p(x|z) + log p(z) - log q(z|x)`; with one sample it is the negative evidence lower
    bound, with many it tends to `-log p(x)`. The sum is a log-sum-exp in float32.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        log_weights: Tensor `(batch, samples)`.

    Returns:
        Tensor `(batch,)` in float32, in nats; lower is better.

    Reference:
        Burda et al., Importance Weighted Autoencoders, arXiv:1509.00519.

    Example:
        >>> import keras, kssl
        >>> float(kssl.losses.importance_weighted_bound(keras.ops.zeros((2, 50)))[0])
        0.0
    """
    log_weights = ops.cast(log_weights, "float32")
    return math.log(log_weights.shape[-1]) - ops.logsumexp(log_weights, axis=-1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class GaussianKL(Loss):
    """`KL(q || N(0, I))` of diagonal Gaussians; takes `(mean, log_variance)`.

    Args:
        free_bits: Nats of each latent dimension that cost nothing extra.
        reduction: As in every Keras loss.
        name: Name in the logs.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 20))
        >>> float(kssl.losses.GaussianKL()(zeros, zeros))
        0.0
    """

    def __init__(
        self,
        free_bits: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "gaussian_kl",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.free_bits = free_bits

    @property
    def spans_batch(self) -> bool:
        """Free bits are a floor for the average over the batch."""
        return self.free_bits > 0

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return gaussian_kl(y_true, y_pred, self.free_bits)


@keras.saving.register_keras_serializable(package="kssl")
class ELBO(Loss):
    """Negative evidence lower bound; takes `(reconstruction, kl)`, both `(batch,)`.

    Args:
        beta: Weight of the divergence; 1 is the bound itself.
        free_bits: Nats of each latent dimension that cost nothing extra; used by the model that
            computes the divergence (`kssl.losses.gaussian_kl`).
        reduction: As in every Keras loss.
        name: Name in the logs.

    Raises:
        ValueError: If `beta` or `free_bits` is negative.

    Example:
        >>> import keras, kssl
        >>> float(kssl.losses.ELBO()(keras.ops.ones((2,)), keras.ops.ones((2,))))
        2.0
    """

    def __init__(
        self,
        beta: float = 1.0,
        free_bits: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "elbo",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        if beta < 0 or free_bits < 0:
            raise ValueError(f"beta and free_bits must be at least 0; got {beta}, {free_bits}")
        self.beta = beta
        self.free_bits = free_bits

    @property
    def spans_batch(self) -> bool:
        """Free bits are a floor for the average over the batch."""
        return self.free_bits > 0

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return elbo(y_true, y_pred, self.beta)


@keras.saving.register_keras_serializable(package="kssl")
class ImportanceWeightedBound(Loss):
    """Negative importance-weighted bound; takes `(log p(x, z), log q(z|x))`.

    Both are `(batch, samples)`; their difference is the log-weight. Burda et al., arXiv:1509.00519.

    Args:
        samples: Draws of the latent for each example; used by the model that draws them.
        reduction: As in every Keras loss.
        name: Name in the logs.

    Raises:
        ValueError: If `samples` is less than 1.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 5))
        >>> float(kssl.losses.ImportanceWeightedBound(samples=5)(zeros, zeros))
        0.0
    """

    def __init__(
        self,
        samples: int = 5,
        reduction: str = "sum_over_batch_size",
        name: str = "importance_weighted_bound",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        if samples < 1:
            raise ValueError(f"samples must be at least 1; got {samples}")
        self.samples = samples

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return importance_weighted_bound(y_true - y_pred)
