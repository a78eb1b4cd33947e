"""Losses of two views without negatives: by redundancy, by variance, or by a predictor."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, one_value
from kssl.losses.batch import dot, not_self, unit

BATCH_NORM_EPSILON = 1e-5
VARIANCE_EPSILON = 1e-4


def barlow_twins(first: Any, second: Any, redundancy_weight: float = 0.005) -> Any:
    """Barlow Twins: the cross-correlation of two views is pushed to the identity matrix.

    Each feature is standardised over the batch as batch normalisation does (population variance,
    1e-5 added), `C = Aᵀ B / N`, and the loss is `Σ_d (C_dd - 1)² + λ Σ_{d≠e} C_de²`: sums over the
    D and D² entries, no average, so that the scale grows with D. The authors' code and solo-learn
    multiply all of it, by 0.024 and 0.1 or so: put that into the learning rate. λ is 0.0051 in the
    authors' code, 0.005 in most others.

    Defined on the batch only: a scalar. Under data parallelism it is the statistic of the global
    batch on JAX; on TensorFlow and torch each replica standardises and correlates its own.

    Args:
        first: `(batch, dim)`: one view.
        second: `(batch, dim)`: the other.
        redundancy_weight: λ of the paper.

    Returns:
        Scalar in float32.

    Reference:
        Zbontar et al., Barlow Twins, arXiv:2103.03230.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[1.0], [-1.0]])
        >>> round(float(kssl.losses.barlow_twins(rows, -rows)), 2)
        4.0
    """
    first, second = _standardized(first), _standardized(second)
    batch = ops.cast(ops.shape(first)[0], "float32")
    correlation = ops.matmul(ops.transpose(first), second) / batch  # (dim, dim)
    others = not_self(ops.shape(correlation)[0])
    redundant = ops.sum(ops.where(others, ops.square(correlation), 0.0))
    same = ops.sum(ops.square(ops.diagonal(correlation) - 1.0))
    return same + redundancy_weight * redundant


def _standardized(rows: Any) -> Any:
    centred = _centred(rows)
    variance = ops.mean(ops.square(centred), axis=0, keepdims=True)
    return centred * ops.rsqrt(variance + BATCH_NORM_EPSILON)


def _centred(rows: Any) -> Any:
    rows = ops.cast(rows, "float32")
    return rows - ops.mean(rows, axis=0, keepdims=True)


def vicreg(
    first: Any,
    second: Any,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
) -> Any:
    """VICReg: views alike, each feature with a spread of 1, no two features correlated.

    The weighted sum of the invariance, the mean over all entries of `(a - b)²`; the variance,
    `(v(a) + v(b)) / 2` with `v(z) = mean_d max(0, 1 - sqrt(var_d + 1e-4))`; and the covariance,
    `c(a) + c(b)` with `c(z) = Σ_{d≠e} Cov_de² / D`. Variances are unbiased (N - 1). The two `v`
    are halved as in the authors' code, lightly and pytorch-metric-learning; solo-learn does not,
    which makes that term twice as large; tensorflow-similarity has the population variance.

    Defined on the batch only: a scalar. Under data parallelism variance and covariance are those
    of the global batch on JAX; on TensorFlow and torch each replica has its own.

    Args:
        first: `(batch, dim)`: one view; not normalised.
        second: `(batch, dim)`: the other.
        invariance_weight: 25 in the paper.
        variance_weight: 25 in the paper.
        covariance_weight: 1 in the paper.

    Returns:
        Scalar in float32.

    Reference:
        Bardes et al., VICReg, arXiv:2105.04906.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 3))  # collapsed: 25 · (1 - 0.01)
        >>> round(float(kssl.losses.vicreg(rows, rows)), 2)
        24.75
    """
    parts = vicreg_parts(first, second)
    weights = (invariance_weight, variance_weight, covariance_weight)
    return sum(weight * part for weight, part in zip(weights, parts, strict=True))


def vicreg_parts(first: Any, second: Any) -> tuple[Any, Any, Any]:
    """Return the invariance, variance and covariance of VICReg, unweighted, to be logged.

    Args:
        first: `(batch, dim)`: one view.
        second: `(batch, dim)`: the other.

    Returns:
        Three scalars in float32, as in `kssl.losses.vicreg`.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 3))
        >>> [round(float(part), 2) for part in kssl.losses.vicreg_parts(rows, rows)]
        [0.0, 0.99, 0.0]
    """
    difference = ops.cast(first, "float32") - ops.cast(second, "float32")
    spreads = [_variance_and_covariance(rows) for rows in (first, second)]
    variance = 0.5 * (spreads[0][0] + spreads[1][0])
    return ops.mean(ops.square(difference)), variance, spreads[0][1] + spreads[1][1]


def _variance_and_covariance(rows: Any) -> tuple[Any, Any]:
    centred = _centred(rows)
    free = ops.maximum(ops.cast(ops.shape(centred)[0] - 1, "float32"), 1.0)
    covariance = ops.matmul(ops.transpose(centred), centred) / free  # (dim, dim)
    width = ops.shape(covariance)[0]
    standard_deviation = ops.sqrt(ops.diagonal(covariance) + VARIANCE_EPSILON)
    others = ops.where(not_self(width), ops.square(covariance), 0.0)
    return ops.mean(ops.relu(1.0 - standard_deviation)), ops.sum(others) / ops.cast(
        width, "float32"
    )


def negative_cosine(target: Any, prediction: Any) -> Any:
    """Negative cosine similarity of a prediction and its target, which gets no gradient.

    `-cos(p, z)`: -1 for equal directions. SimSiam's loss is the mean of both directions; BYOL's,
    `2 - 2 cos` summed over both directions, has four times its gradient: `2 + 2 ·
    negative_cosine`, summed. A row of zeros gives 0. Each example has its own value, so that data
    parallelism changes nothing.

    Args:
        target: `(batch, dim)`: projection of the other view; its gradient is stopped.
        prediction: `(batch, dim)`.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Chen and He, SimSiam, arXiv:2011.10566; Grill et al., BYOL, arXiv:2006.07733.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[3.0, 4.0]])
        >>> round(float(kssl.losses.negative_cosine(rows, -rows)[0]), 4)
        1.0
    """
    return -dot(unit(ops.stop_gradient(ops.convert_to_tensor(target))), unit(prediction))


@keras.saving.register_keras_serializable(package="kssl")
class BarlowTwins(Loss):
    """Barlow Twins, see `kssl.losses.barlow_twins`; takes `(first view, second view)`.

    A value of the batch: `sample_weight` of an example has no meaning here, a scalar one has.

    Args:
        redundancy_weight: λ of the paper.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[1.0], [-1.0]])
        >>> round(float(kssl.losses.BarlowTwins()(rows, rows)), 4)
        0.0
    """

    spans_batch = True

    def __init__(
        self, redundancy_weight: float = 0.005, name: str = "barlow_twins", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.redundancy_weight = redundancy_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return one_value(barlow_twins(y_true, y_pred, self.redundancy_weight))


@keras.saving.register_keras_serializable(package="kssl")
class VICReg(Loss):
    """VICReg, see `kssl.losses.vicreg`; takes `(first view, second view)`.

    A value of the batch: `sample_weight` of an example has no meaning here, a scalar one has.

    Args:
        invariance_weight: 25 in the paper.
        variance_weight: 25 in the paper.
        covariance_weight: 1 in the paper.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 3))
        >>> round(float(kssl.losses.VICReg(variance_weight=1.0)(rows, rows)), 2)
        0.99
    """

    spans_batch = True

    def __init__(
        self,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        name: str = "vicreg",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight
        self.covariance_weight = covariance_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        weights = (self.invariance_weight, self.variance_weight, self.covariance_weight)
        return one_value(vicreg(y_true, y_pred, *weights))


@keras.saving.register_keras_serializable(package="kssl")
class NegativeCosine(Loss):
    """Negative cosine similarity, see `kssl.losses.negative_cosine`; `(target, prediction)`.

    Args:
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[3.0, 4.0]])
        >>> round(float(kssl.losses.NegativeCosine()(rows, rows)), 4)
        -1.0
    """

    def __init__(self, name: str = "negative_cosine", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return negative_cosine(y_true, y_pred)
