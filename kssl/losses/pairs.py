"""Losses of pairs of embeddings: contrastive, lifted structured and N-pair."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss
from kssl.losses.batch import (
    count,
    distances,
    dot,
    masked_logsumexp,
    not_self,
    positives_and_negatives,
    prepared,
    row_distances,
    shared_over_anchors,
    similarities,
    valid_anchors,
)


def contrastive(labels: Any, embeddings: Any, margin: float = 1.0, normalize: bool = False) -> Any:
    """Contrastive loss: similar pairs are pulled together, others pushed a margin apart.

    `same · d² + (1 - same) · max(0, margin - d)²` with the L2 distance `d`. Hadsell et al. (2006)
    have 1/2 on both terms (half this value); pytorch-metric-learning has un-squared hinges on
    normalised rows and averages positive and negative pairs apart. Neither is done here.

    All pairs of a batch make batch² memory; the value of a row is the mean over its pairs, so that
    the mean over rows is the mean over all pairs. Under data parallelism pairs are made within the
    batch that the loss sees: the global one on JAX, that of each replica on TensorFlow and torch.

    Args:
        labels: `(batch,)` class of each row; for explicit pairs 1 (similar) or 0.
        embeddings: `(batch, dim)`, or `(batch, 2, dim)`: explicit pairs.
        margin: Distance beyond which a dissimilar pair costs nothing; 1 suits rows of norm 1.
        normalize: Whether rows are divided by their L2 norm first.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Chopra et al., Learning a similarity metric discriminatively, CVPR 2005;
        Hadsell et al., Dimensionality reduction by learning an invariant mapping, CVPR 2006.

    Example:
        >>> import keras, kssl
        >>> pairs = keras.ops.convert_to_tensor([[[0.0], [2.0]], [[0.0], [0.25]]])
        >>> keras.ops.convert_to_numpy(kssl.losses.contrastive([1, 0], pairs)).tolist()
        [4.0, 0.5625]
    """
    rows = prepared(embeddings, normalize)
    if len(rows.shape) == 3:
        same = ops.cast(ops.reshape(ops.convert_to_tensor(labels), (-1,)), "float32")
        return _contrast(same, row_distances(rows[:, 0], rows[:, 1]), margin)  # (batch,)
    positive, _ = positives_and_negatives(labels)
    values = _contrast(ops.cast(positive, "float32"), distances(rows), margin)  # (batch, batch)
    others = not_self(ops.shape(rows)[0])
    values = ops.where(others, values, 0.0)
    return ops.divide_no_nan(ops.sum(values, axis=1), count(others, axis=1))  # (batch,)


def _contrast(same: Any, distance: Any, margin: float) -> Any:
    apart = ops.square(ops.relu(margin - distance))
    return same * ops.square(distance) + (1.0 - same) * apart


def lifted_structured(
    labels: Any, embeddings: Any, margin: float = 1.0, normalize: bool = False
) -> Any:
    """Lifted structured loss: each positive pair against all negatives of both its rows.

    `J_ij = log(Σ_{n of i} exp(margin - d_in) + Σ_{n of j} exp(margin - d_jn)) + d_ij` with the L2
    distance, not squared, and as loss `1 / (2 |P|) Σ_{ij in P} max(0, J_ij)²` over the unordered
    positive pairs `P`. Each pair's term is halved between its two rows, scaled such that the mean
    over valid rows is this loss. Rows are not normalised, as in the paper (pytorch-metric-learning
    does by default); tensorflow-similarity has another loss under this name.

    Batch² memory. Under data parallelism negatives come from the batch that the loss sees: the
    global one on JAX, that of each replica on TensorFlow and torch.

    Args:
        labels: `(batch,)` class of each row.
        embeddings: `(batch, dim)`.
        margin: The paper's α.
        normalize: Whether rows are divided by their L2 norm first.

    Returns:
        Tensor `(batch,)` in float32; 0 for a row without positive or without negative.

    Reference:
        Song et al., Deep Metric Learning via Lifted Structured Feature Embedding, arXiv:1511.06452.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[0.0], [1.0], [9.0]])
        >>> float(kssl.losses.lifted_structured([0, 0, 1], rows)[2])
        0.0
    """
    distance = distances(prepared(embeddings, normalize))  # (batch, batch)
    positive, negative = positives_and_negatives(labels)
    valid = valid_anchors(labels, negatives=True)
    reach = masked_logsumexp(margin - distance, negative)  # (batch,)
    pull = ops.logaddexp(reach[:, None], reach[None, :]) + distance  # (batch, batch)
    counted = ops.logical_and(positive, valid[:, None])
    terms = ops.where(counted, 0.5 * ops.square(ops.relu(pull)), 0.0)
    return shared_over_anchors(ops.sum(terms, axis=1), counted, valid)  # (batch,)


def n_pair(
    anchors: Any,
    positives: Any,
    negatives: Any | None = None,
    l2_reg: float = 0.0,
    normalize: bool = False,
) -> Any:
    """N-pair loss: each anchor's positive against many negatives at once, by dot products.

    `log(1 + Σ_n exp(a·n - a·p))`, no temperature, rows as they are: normalised ones lie within
    [-1, 1], a weak softmax (pytorch-metric-learning normalises by default). The L2 term is
    `l2_reg · (|a|² + |p|²) / 4` per anchor, as in TensorFlow's old contrib package, which had
    0.002. Without `negatives` they are the other anchors' positives.

    With labels in place of anchors, `n_pair(labels, embeddings)`: every other row of the class is
    a positive, every row of another class a negative, and the value of a row is the mean over
    its positives.

    Under data parallelism negatives come from the batch that the loss sees: the global one on JAX,
    that of each replica on TensorFlow and torch.

    Args:
        anchors: `(batch, dim)`; or labels `(batch,)`.
        positives: `(batch, dim)`; with labels the embeddings.
        negatives: `(batch, count, dim)`: each anchor's own; None for those of the batch.
        l2_reg: Weight of the squared norms, which nothing else holds down; 0 turns it off.
        normalize: Whether rows are divided by their L2 norm first.

    Returns:
        Tensor `(batch,)` in float32; with labels, 0 for a row without positive.

    Reference:
        Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NIPS 2016.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.zeros((4, 2))
        >>> round(float(kssl.losses.n_pair(rows, rows)[0]), 4)  # log 4
        1.3863
    """
    anchors = ops.convert_to_tensor(anchors)
    positives = prepared(positives, normalize)
    if len(anchors.shape) == 1:
        return _n_pair_of_labels(anchors, positives, l2_reg)
    anchors = prepared(anchors, normalize)
    norms = 0.25 * l2_reg * (dot(anchors, anchors) + dot(positives, positives))  # (batch,)
    if negatives is None:
        logits = similarities(anchors, positives)  # (batch, batch)
        return ops.logsumexp(logits, axis=1) - ops.diagonal(logits) + norms
    right = dot(anchors, positives)  # (batch,)
    wrong = dot(anchors[:, None, :], prepared(negatives, normalize))  # (batch, count)
    return ops.softplus(ops.logsumexp(wrong, axis=1) - right) + norms


def _n_pair_of_labels(labels: Any, rows: Any, l2_reg: float) -> Any:
    positive, negative = positives_and_negatives(labels)
    logits = similarities(rows, rows)  # (batch, batch)
    wrong = masked_logsumexp(logits, negative)[:, None]  # (batch, 1)
    terms = ops.where(positive, ops.softplus(wrong - logits), 0.0)
    norms = ops.where(valid_anchors(labels), 0.5 * l2_reg * dot(rows, rows), 0.0)
    return ops.divide_no_nan(ops.sum(terms, axis=1), count(positive, axis=1)) + norms  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class Contrastive(Loss):
    """Contrastive loss, see `kssl.losses.contrastive`; takes `(labels, embeddings)`.

    With embeddings `(batch, 2, dim)` each example is a pair and its label 1 (similar) or 0.

    Args:
        margin: Distance beyond which a dissimilar pair costs nothing.
        normalize: Whether rows are divided by their L2 norm first.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[0.0], [0.0], [5.0]])
        >>> float(kssl.losses.Contrastive(margin=2.0)(keras.ops.array([0, 0, 1]), rows))
        0.0
    """

    spans_batch = True
    of_labels = True

    def __init__(
        self,
        margin: float = 1.0,
        normalize: bool = False,
        name: str = "contrastive",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = margin
        self.normalize = normalize

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return contrastive(y_true, y_pred, self.margin, self.normalize)


@keras.saving.register_keras_serializable(package="kssl")
class LiftedStructured(Loss):
    """Lifted structured loss, see `kssl.losses.lifted_structured`; takes `(labels, embeddings)`.

    The mean is over the rows that have a positive and a negative.

    Args:
        margin: The paper's α.
        normalize: Whether rows are divided by their L2 norm first.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[0.0], [0.0], [99.0]])
        >>> float(kssl.losses.LiftedStructured()(keras.ops.array([0, 0, 1]), rows))
        0.0
    """

    spans_batch = True
    of_labels = True

    def __init__(
        self,
        margin: float = 1.0,
        normalize: bool = False,
        name: str = "lifted_structured",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = margin
        self.normalize = normalize

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        return valid_anchors(y_true, negatives=True)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return lifted_structured(y_true, y_pred, self.margin, self.normalize)


@keras.saving.register_keras_serializable(package="kssl")
class NPair(Loss):
    """N-pair loss, see `kssl.losses.n_pair`; takes `(anchors, positives)`.

    Or `(labels, embeddings)`: with labels the mean is over the rows that have a positive.

    Args:
        l2_reg: Weight of the squared norms; 0 turns it off.
        normalize: Whether rows are divided by their L2 norm first.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.zeros((4, 2))
        >>> round(float(kssl.losses.NPair()(rows, rows)), 4)
        1.3863
    """

    spans_batch = True
    of_labels = True

    def __init__(
        self, l2_reg: float = 0.0, normalize: bool = False, name: str = "n_pair", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.l2_reg = l2_reg
        self.normalize = normalize

    def valid(self, y_true: Any, y_pred: Any) -> Any | None:
        return valid_anchors(y_true) if _are_labels(y_true, y_pred) else None

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if _are_labels(y_true, y_pred):
            y_true = ops.reshape(y_true, (-1,))
        return n_pair(y_true, y_pred, l2_reg=self.l2_reg, normalize=self.normalize)


def _are_labels(first: Any, second: Any) -> bool:
    """Whether the first of two batches has one number a row, and the second more."""
    shape = ops.convert_to_tensor(first).shape
    return len(shape) == 1 or (shape[1] == 1 and second.shape[1] != 1)
