"""How far a reconstruction is from its target."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss

KINDS = ("squared", "absolute", "huber", "bernoulli", "gaussian")


def _elementwise(target: Any, prediction: Any, kind: str, log_variance: Any) -> Any:
    if kind == "bernoulli":
        return ops.softplus(prediction) - target * prediction
    difference = target - prediction
    if kind == "squared":
        return ops.square(difference)
    if kind == "absolute":
        return ops.abs(difference)
    if kind == "huber":
        size = ops.abs(difference)
        return ops.where(size <= 1.0, 0.5 * ops.square(size), size - 0.5)
    if kind == "gaussian":
        log_variance = ops.cast(log_variance, "float32")
        scaled = ops.square(difference) * ops.exp(-log_variance)
        return 0.5 * (scaled + log_variance + math.log(2 * math.pi))
    raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")


def reconstruction(
    target: Any,
    prediction: Any,
    kind: str = "squared",
    log_variance: Any = 0.0,
    mask: Any | None = None,
) -> Any:
    """Reconstruction error of each example: the sum over all of its values.

    A sum, not a mean: only so do `bernoulli` and `gaussian` stand in the right proportion to a
    Kullback-Leibler term. With `d = target - prediction`, per value:

    - `squared`: `d²`; `absolute`: `|d|`;
    - `huber`: `d² / 2` up to 1, then `|d| - 1/2`;
    - `bernoulli`: `softplus(prediction) - target · prediction`, the negative log-likelihood with
      `prediction` as logit (cross-entropy for grey targets in 0 to 1);
    - `gaussian`: `(d² / variance + log variance + log 2π) / 2`, the negative log-likelihood.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        target: Tensor `(batch, …)`.
        prediction: Tensor of the same shape; logits for `bernoulli`.
        kind: One of the names above.
        log_variance: For `gaussian`: natural logarithm of the variance, a number or a tensor that
            broadcasts against `target`.
        mask: Tensor that broadcasts against `target`; values where it is 0 are left out.

    Returns:
        Tensor `(batch,)` in float32, in nats for `bernoulli` and `gaussian`.

    Raises:
        ValueError: If `kind` is unknown.

    Reference:
        Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix C
        (`bernoulli`, `gaussian`); Huber, Robust Estimation of a Location Parameter, 1964.

    Example:
        >>> import keras, kssl
        >>> float(kssl.losses.reconstruction(keras.ops.ones((2, 3)), keras.ops.zeros((2, 3)))[0])
        3.0
    """
    target = ops.cast(target, "float32")
    prediction = ops.cast(prediction, "float32")
    error = _elementwise(target, prediction, kind, log_variance)  # (batch, …)
    if mask is not None:
        error = ops.where(ops.cast(mask, "bool"), error, ops.zeros_like(error))
    return ops.sum(ops.reshape(error, (ops.shape(error)[0], -1)), axis=1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class Reconstruction(Loss):
    """Reconstruction error, summed over the example and averaged over the batch.

    Args:
        kind: `"squared"`, `"absolute"`, `"huber"`, `"bernoulli"` (predictions are logits) or
            `"gaussian"` (unit variance, with its constant); see `kssl.losses.reconstruction`.
        reduction: As in every Keras loss.
        name: Name in the logs.

    Raises:
        ValueError: If `kind` is unknown.

    Example:
        >>> import keras, kssl
        >>> loss = kssl.losses.Reconstruction("squared")
        >>> float(loss(keras.ops.ones((2, 3)), keras.ops.zeros((2, 3))))
        3.0
    """

    def __init__(
        self,
        kind: str = "squared",
        reduction: str = "sum_over_batch_size",
        name: str = "reconstruction",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
        self.kind = kind

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return reconstruction(y_true, y_pred, self.kind)  # (batch,)

    def to_data(self, prediction: Any) -> Any:
        """Return what `prediction` says of the data: probabilities for logits, else itself."""
        return ops.sigmoid(prediction) if self.kind == "bernoulli" else prediction
