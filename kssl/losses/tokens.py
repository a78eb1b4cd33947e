"""Cross-entropy over tokens, of which only some count."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss


def masked_cross_entropy(ids: Any, logits: Any, weights: Any | None = None) -> Any:
    """Cross-entropy of each position times its weight, as of masked language models.

    `w_t · (log Σ_v exp(logits_tv) - logits_t,id)`. The loss of a batch is their sum divided by the
    sum of the weights over the whole batch, 0 if nothing is selected: `MaskedCrossEntropy` does
    that. BERT adds 1e-5 to the denominator, PyTorch gives NaN for none, and Keras'
    `SparseCategoricalCrossentropy` with its default reduction divides by all positions, which
    dilutes the loss by the fraction of those selected.

    Each position has its own value, so that data parallelism changes nothing here; what it does to
    the mean, the class says.

    Args:
        ids: `(batch, length)` whole numbers: the true tokens. Below 0 counts as weight 0.
        logits: `(batch, length, vocabulary)`.
        weights: `(batch, length)`; None for 1 everywhere.

    Returns:
        Tensor `(batch, length)` in float32, in nats.

    Reference:
        Devlin et al., BERT, arXiv:1810.04805.

    Example:
        >>> import keras, kssl
        >>> losses = kssl.losses.masked_cross_entropy([[2, -1]], keras.ops.zeros((1, 2, 4)))
        >>> [round(float(loss), 4) for loss in losses[0]]  # log 4, and nothing
        [1.3863, 0.0]
    """
    logits = ops.cast(logits, "float32")
    ids = ops.cast(ids, "int32")
    losses = ops.where(ids >= 0, _cross_entropy(ops.maximum(ids, 0), logits), 0.0)
    if weights is None:
        return losses
    weights = ops.cast(weights, "float32")
    return ops.where(weights != 0, losses * weights, 0.0)


def _cross_entropy(ids: Any, logits: Any) -> Any:
    """Return `-log softmax(logits)` at the ids, `(batch, length)`."""
    if keras.backend.backend() == "tensorflow":
        # One operation with its gradient; that of picking one logit adds up over all of them.
        return ops.sparse_categorical_crossentropy(ids, logits, from_logits=True)
    right = ops.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - right


@keras.saving.register_keras_serializable(package="kssl")
class MaskedCrossEntropy(Loss):
    """Cross-entropy of the selected tokens, see `masked_cross_entropy`; takes `(ids, logits)`.

    The mean is over the positions that count: those whose id is not below 0, each as much as its
    `sample_weight` `(batch, length)` says. With the default reduction that is the sum of weighted
    losses divided by the sum of the weights.

    Under data parallelism the sum of the weights is that of the global batch on JAX. On TensorFlow
    and torch each replica divides by its own, which weighs positions of replicas with few selected
    ones more; sum and divide yourself (`reduction="sum"`) where that matters.

    Args:
        reduction: As in every Keras loss, but the mean is over the weights by default.
        name: Name in the logs.
        **kwargs: `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> ids, logits = keras.ops.array([[2, -1, -1]]), keras.ops.zeros((1, 3, 4))
        >>> round(float(kssl.losses.MaskedCrossEntropy()(ids, logits)), 4)
        1.3863
    """

    spans_batch = True

    def __init__(
        self,
        reduction: str = "mean_with_sample_weight",
        name: str = "masked_cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        return ops.cast(y_true, "int32") >= 0

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return masked_cross_entropy(y_true, y_pred)
