"""Masks, distances and similarities within a batch. All in float32, none larger than batch²."""

from __future__ import annotations

from typing import Any

from keras import ops

LOWEST = -1e30  # stands for -infinity in a softmax: its gradient is zero, never NaN
EXACT_SIZE = 2**20  # values; differences of rows up to here (4 MB), a Gram matrix beyond


def flat_labels(labels: Any) -> Any:
    """Return labels as `(batch,)`; Keras often makes `(batch, 1)` of them."""
    return ops.reshape(ops.convert_to_tensor(labels), (-1,))


def not_self(count: Any) -> Any:
    """Return `(count, count)` booleans, False on the diagonal."""
    rows = ops.arange(count)
    return ops.not_equal(rows[:, None], rows[None, :])


def positives_and_negatives(labels: Any) -> tuple[Any, Any]:
    """Return two masks `(batch, batch)`: other rows of the same class, rows of another class."""
    labels = flat_labels(labels)
    same = ops.equal(labels[:, None], labels[None, :])
    return ops.logical_and(same, not_self(ops.shape(labels)[0])), ops.logical_not(same)


def valid_anchors(labels: Any, negatives: bool = False) -> Any:
    """Return which rows of a batch can be anchors: those with another row of the same class.

    Args:
        labels: Tensor `(batch,)`.
        negatives: Whether an anchor needs a row of another class, too.

    Returns:
        Booleans `(batch,)`.

    Example:
        >>> import keras, kssl
        >>> keras.ops.convert_to_numpy(kssl.losses.valid_anchors([0, 0, 1])).tolist()
        [True, True, False]
    """
    positive, negative = positives_and_negatives(labels)
    valid = ops.any(positive, axis=1)
    return ops.logical_and(valid, ops.any(negative, axis=1)) if negatives else valid


def unit(rows: Any, axis: int = -1) -> Any:
    """Return rows divided by their L2 norm, in float32; a row of zeros stays, with gradient 0."""
    rows = ops.cast(rows, "float32")
    largest = ops.stop_gradient(ops.max(ops.abs(rows), axis=axis, keepdims=True))
    rows = rows / ops.where(largest > 0, largest, 1.0)  # so that no square overflows
    squares = ops.sum(ops.square(rows), axis=axis, keepdims=True)
    return rows * ops.rsqrt(ops.where(squares > 0, squares, 1.0))


def prepared(rows: Any, normalize: bool) -> Any:
    """Return rows in float32, divided by their norm if asked."""
    return unit(rows) if normalize else ops.cast(rows, "float32")


def similarities(first: Any, second: Any) -> Any:
    """Return the dot product of each row of one with each row of the other."""
    return ops.matmul(first, ops.transpose(second))  # (first rows, second rows)


def dot(first: Any, second: Any) -> Any:
    """Return the dot product along the last axis."""
    return ops.sum(first * second, axis=-1)


def root(squares: Any) -> Any:
    """Return the square root, whose gradient at 0 is 0 instead of infinite."""
    positive = squares > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)


def row_distances(first: Any, second: Any, squared: bool = False) -> Any:
    """Return the distance of each row from the row of the other at the same place."""
    squares = ops.sum(ops.square(first - second), axis=-1)
    return squares if squared else root(squares)


def distances(rows: Any, squared: bool = False) -> Any:
    """Return the L2 distance of each row from each other row, `(batch, batch)`.

    A small batch of known size is done by differences of rows, which is exact near 0. A larger
    one by the Gram matrix of the centred rows, in batch² memory: there the error of a squared
    distance is about 1e-7 of the squared norms, and equal rows have distance 0.
    """
    batch, width = rows.shape
    if batch is not None and batch * batch * width <= EXACT_SIZE:
        squares = ops.sum(ops.square(rows[:, None, :] - rows[None, :, :]), axis=-1)
        return squares if squared else root(squares)
    rows = rows - ops.stop_gradient(ops.mean(rows, axis=0, keepdims=True))
    gram = similarities(rows, rows)  # (batch, batch)
    norms = ops.diagonal(gram)  # of the same product, so that equal rows cancel
    squares = ops.maximum(norms[:, None] + norms[None, :] - 2.0 * gram, 0.0)
    return squares if squared else root(squares)


def masked_logsumexp(values: Any, mask: Any) -> Any:
    """Return the log-sum-exp along the last axis over what the mask keeps; `LOWEST` for none."""
    return ops.logsumexp(ops.where(mask, values, LOWEST), axis=-1)


def count(mask: Any, axis: Any = None) -> Any:
    """Return the number of true values, in float32."""
    return ops.sum(ops.cast(mask, "float32"), axis=axis)


def shared_over_anchors(sums: Any, terms: Any, valid: Any) -> Any:
    """Scale the sum of each anchor so that the mean over valid anchors is the mean over terms."""
    return sums * ops.divide_no_nan(count(valid), ops.sum(ops.cast(terms, "float32")))
