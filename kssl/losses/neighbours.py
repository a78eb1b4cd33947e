"""Losses of an anchor and all its neighbours of the same class at once."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, require_positive
from kssl.losses.batch import (
    count,
    distances,
    masked_logsumexp,
    not_self,
    positives_and_negatives,
    prepared,
    similarities,
    unit,
    valid_anchors,
)


def soft_nearest_neighbor(
    labels: Any, embeddings: Any, temperature: float = 1.0, normalize: bool = False
) -> Any:
    """Soft nearest neighbours: the log-probability that a neighbour has the anchor's class.

    `-log( Σ_{j≠i, y_j=y_i} exp(-|x_i - x_j|² / T) / Σ_{k≠i} exp(-|x_i - x_k|² / T) )` with squared
    L2 distances. A row whose class has no other member gives 0 and is left out of the mean of the
    class `SoftNearestNeighbor`; tensorflow-similarity keeps it in the denominator (a smaller
    value), pytorch-metric-learning's NCALoss is NaN if all rows are such.

    Under data parallelism neighbours come from the batch that the loss sees: the global one on
    JAX, that of each replica on TensorFlow and torch.

    Args:
        labels: `(batch,)` class of each row.
        embeddings: `(batch, dim)`.
        temperature: `T`, in units of squared distance; 1 makes it neighbourhood component analysis.
        normalize: Whether rows are divided by their L2 norm first.

    Returns:
        Tensor `(batch,)` in float32; 0 for a row without positive.

    Reference:
        Frosst et al., Analyzing and Improving Representations with the Soft Nearest Neighbor Loss,
        arXiv:1902.01889.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.zeros((3, 2))
        >>> round(float(kssl.losses.soft_nearest_neighbor([0, 0, 1], rows)[0]), 4)  # log 2
        0.6931
    """
    logits = -distances(prepared(embeddings, normalize), squared=True) / temperature
    positive, _ = positives_and_negatives(labels)
    everyone = masked_logsumexp(logits, not_self(ops.shape(logits)[0]))  # (batch,)
    losses = everyone - masked_logsumexp(logits, positive)
    return ops.where(ops.any(positive, axis=1), losses, 0.0)


def supervised_contrastive(labels: Any, embeddings: Any, temperature: float = 0.1) -> Any:
    """Supervised contrastive loss: every other row of the class is a positive.

    Rows are L2-normalised, `s_ij = z_i·z_j / τ`, and the value of an anchor is `-1/|P(i)|
    Σ_{p in P(i)} (s_ip - log Σ_{k≠i} exp(s_ik))`: the paper's `L_out`. There is no factor
    `τ / base_τ`: the authors' code has one with 0.07, 1.43 times this value at 0.1 and 7.14 times
    at 0.5. An anchor without positive gives 0 and is left out of the mean of the class
    `SupervisedContrastive` (their code counts it). A batch of one class has a value, too:
    pytorch-metric-learning says 0.

    Under data parallelism positives and negatives come from the batch that the loss sees: the
    global one on JAX, that of each replica on TensorFlow and torch.

    Args:
        labels: `(batch,)` class of each row; give both views of an example the same.
        embeddings: `(batch, dim)`.
        temperature: τ; 0.1 as in the paper on ImageNet.

    Returns:
        Tensor `(batch,)` in float32; 0 for a row without positive.

    Reference:
        Khosla et al., Supervised Contrastive Learning, arXiv:2004.11362.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.supervised_contrastive([0, 0, 1, 1], rows)[0]), 4)  # log 3
        1.0986
    """
    rows = unit(embeddings)
    logits = similarities(rows, rows) / temperature  # (batch, batch)
    positive, _ = positives_and_negatives(labels)
    everyone = masked_logsumexp(logits, not_self(ops.shape(logits)[0]))  # (batch,)
    pull = ops.sum(ops.where(positive, logits, 0.0), axis=1)
    members = count(positive, axis=1)
    losses = everyone - ops.divide_no_nan(pull, members)
    return ops.where(members > 0, losses, 0.0)


@keras.saving.register_keras_serializable(package="kssl")
class SoftNearestNeighbor(Loss):
    """Soft nearest neighbours, see `kssl.losses.soft_nearest_neighbor`; `(labels, embeddings)`.

    The mean is over the rows that have a positive; 0 if there are none.

    Args:
        temperature: In units of squared distance.
        normalize: Whether rows are divided by their L2 norm first.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `temperature` is not above 0.

    Example:
        >>> import keras, kssl
        >>> labels, rows = keras.ops.array([0, 0, 1]), keras.ops.zeros((3, 2))
        >>> round(float(kssl.losses.SoftNearestNeighbor()(labels, rows)), 4)
        0.6931
    """

    spans_batch = True
    of_labels = True

    def __init__(
        self,
        temperature: float = 1.0,
        normalize: bool = False,
        name: str = "soft_nearest_neighbor",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("temperature", temperature)
        self.temperature = temperature
        self.normalize = normalize

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        return valid_anchors(y_true)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return soft_nearest_neighbor(y_true, y_pred, self.temperature, self.normalize)


@keras.saving.register_keras_serializable(package="kssl")
class SupervisedContrastive(Loss):
    """Supervised contrastive, see `kssl.losses.supervised_contrastive`; `(labels, embeddings)`.

    The mean is over the anchors that have a positive; 0 if there are none.

    Args:
        temperature: τ of the paper.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `temperature` is not above 0.

    Example:
        >>> import keras, kssl
        >>> labels, rows = keras.ops.array([0, 0, 1]), keras.ops.ones((3, 2))
        >>> round(float(kssl.losses.SupervisedContrastive()(labels, rows)), 4)
        0.6931
    """

    spans_batch = True
    of_labels = True

    def __init__(
        self, temperature: float = 0.1, name: str = "supervised_contrastive", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("temperature", temperature)
        self.temperature = temperature

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        return valid_anchors(y_true)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return supervised_contrastive(y_true, y_pred, self.temperature)
