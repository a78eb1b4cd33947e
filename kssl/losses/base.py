"""What the loss classes share: settings from the signature, and means over valid anchors."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl import signature


class Loss(keras.losses.Loss):
    """A loss that keeps each constructor argument as an attribute of the same name.

    Keras hands `y_true` and `y_pred` to `call` in float32, in which whole numbers are exact up to
    16,777,216. A loss `of_labels` is given the classes of a batch as small numbers instead. A loss
    that is not defined for every anchor (one without a positive, say) returns 0 for it from `call`
    and says so in `valid`: then the mean is over the valid anchors only, and 0 if there are none.
    That is how Keras treats a mask; `sample_weight` is multiplied in on top, so that
    `sum_i weight_i · loss_i / number of valid anchors` comes out.

    Attributes:
        spans_batch: Whether what an example adds depends on the others of its batch. Then the mean
            of the losses of two half batches is not the loss of the whole, and on TensorFlow
            replicas each compares the examples of its own part only.
        of_labels: Whether `y_true` may be labels `(batch,)`, of which it matters alone which are
            equal.
    """

    spans_batch: bool = False
    of_labels: bool = False

    def valid(self, y_true: Any, y_pred: Any) -> Any | None:
        """Return which values of `call` count, as booleans; None for all of them."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any | None = None) -> Any:
        if self.of_labels:
            y_true = _small_labels(y_true, y_pred)
        valid = self.valid(y_true, y_pred)
        if valid is not None:
            sample_weight = self._weights(valid, sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)

    def _weights(self, valid: Any, sample_weight: Any | None) -> Any:
        """Return weights whose mean over the batch is the mean over what is valid."""
        weights = ops.cast(valid, "float32")
        if self.reduction in ("sum_over_batch_size", "mean"):
            weights = weights * ops.divide_no_nan(1.0, ops.mean(weights))
        if sample_weight is None:
            return weights
        given = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
        if len(given.shape) == len(weights.shape) + 1:
            given = ops.squeeze(given, axis=-1)  # (batch, 1) -> (batch,)
        if len(given.shape) == len(weights.shape) - 1:
            given = ops.expand_dims(given, axis=-1)  # (batch,) -> (batch, 1)
        return weights * given

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **signature.config_of(self)}


def _small_labels(labels: Any, rows: Any) -> Any:
    """Return whole numbers `(batch,)` as the place of the first that is equal; else as it is."""
    labels = ops.convert_to_tensor(labels)
    one_of_a_row = len(labels.shape) == 1 or (len(labels.shape) == 2 and labels.shape[1] == 1)
    if not (keras.backend.is_int_dtype(labels.dtype) and one_of_a_row and len(rows.shape) == 2):
        return labels
    labels = ops.reshape(labels, (-1,))
    equal = ops.cast(ops.equal(labels[:, None], labels[None, :]), "int32")
    return ops.argmax(equal, axis=1)  # (batch,), the first of the largest


def one_value(scalar: Any) -> Any:
    """Return a loss of the whole batch as `(1,)`.

    Keras divides the mean of values by the number of TensorFlow replicas, but leaves a scalar as
    it is: its gradient would be added up over them.
    """
    return ops.reshape(scalar, (1,))


def require_one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise a ValueError unless the value is one of those known."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def require_positive(name: str, value: Any) -> None:
    """Raise a ValueError unless the number is above zero."""
    if value <= 0:
        raise ValueError(f"{name} must be above 0; got {value}")


def per_example(numbers: Any, like: Any) -> Any:
    """Return numbers `(batch,)`, or one number, in float32 and with as many axes as `like`."""
    return ops.reshape(ops.cast(numbers, "float32"), (-1,) + (1,) * (len(like.shape) - 1))


def flat(values: Any) -> Any:
    """Return `(batch, …)` as `(batch, features)` in float32."""
    return ops.reshape(ops.cast(values, "float32"), (ops.shape(values)[0], -1))
