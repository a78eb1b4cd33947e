"""Triplet losses: an anchor nearer to a row of its class than to one of another, by a margin."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, require_one_of
from kssl.losses.batch import (
    count,
    distances,
    positives_and_negatives,
    prepared,
    row_distances,
    shared_over_anchors,
    valid_anchors,
)

MININGS = ("semi_hard", "hard", "all", "semi_hard_all")
AVERAGES = ("all", "active")


def triplet(
    labels: Any,
    embeddings: Any,
    margin: float = 1.0,
    mining: str = "semi_hard",
    squared: bool = True,
    soft_margin: bool = False,
    normalize: bool = False,
) -> Any:
    """Triplet loss `max(0, d(a, p) - d(a, n) + margin)`, with the triplets found in the batch.

    `mining` says which triplets of an anchor `a`, a positive `p` and a negative `n` count:

    - `semi_hard` (FaceNet): for each positive pair one negative, the nearest that is farther than
      the positive, or if there is none the farthest negative;
    - `hard` (Hermans et al.): for each anchor the farthest positive and the nearest negative;
    - `all`: every triplet;
    - `semi_hard_all`: every triplet with `0 < d(a, n) - d(a, p) <= margin` (what
      pytorch-metric-learning calls semi-hard: another loss than the first).

    Values are scaled such that their mean over the valid anchors is the mean over all triplets
    that count, those of loss 0 among them. pytorch-metric-learning averages over those above 0
    (`Triplet(average="active")`), so that its loss hides how many there are. The first three take
    batch² memory, by sorting each row, and so does `semi_hard_all`; only `soft_margin` with `all`
    or `semi_hard_all` needs batch³.

    Under data parallelism triplets are found in the batch that the loss sees: the global one on
    JAX, that of each replica on TensorFlow and torch.

    Args:
        labels: `(batch,)` class of each row; not looked at for explicit triplets, may be None.
        embeddings: `(batch, dim)`, or `(batch, 3, dim)`: explicit anchor, positive, negative.
        margin: Distance that is enough; 1 as in the papers for rows that are not normalised, 0.2
            in FaceNet for those that are.
        mining: One of the names above.
        squared: Squared L2 distances, as in FaceNet, or plain ones.
        soft_margin: `log(1 + exp(d(a, p) - d(a, n) + margin))` in place of the hinge.
        normalize: Whether rows are divided by their L2 norm first.

    Returns:
        Tensor `(batch,)` in float32; 0 for an anchor without positive or without negative.

    Raises:
        ValueError: If `mining` is unknown.

    Reference:
        Schroff et al., FaceNet, arXiv:1503.03832; Hermans et al., In Defense of the Triplet Loss
        for Person Re-Identification, arXiv:1703.07737.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[0.0], [1.0], [3.0]])
        >>> losses = kssl.losses.triplet([0, 0, 1], rows, margin=4.0, squared=False)
        >>> keras.ops.convert_to_numpy(losses).tolist()
        [2.0, 3.0, 0.0]
    """
    require_one_of("mining", mining, MININGS)
    rows = prepared(embeddings, normalize)
    sums, terms, _ = _mined(labels, rows, margin, mining, squared, soft_margin)
    if len(rows.shape) == 3:
        return sums
    return shared_over_anchors(sums, terms, valid_anchors(labels, negatives=True))


def _mined(
    labels: Any, rows: Any, margin: float, mining: str, squared: bool, soft_margin: bool
) -> tuple[Any, Any, Any]:
    """Return for each anchor the sum over its triplets, their number, and how many are above 0."""
    if len(rows.shape) == 3:
        near = row_distances(rows[:, 0], rows[:, 1], squared)
        gap = near - row_distances(rows[:, 0], rows[:, 2], squared)
        return _summed(_cost(gap, margin, soft_margin)[:, None], ops.ones_like(gap)[:, None] > 0)
    positive, negative = positives_and_negatives(labels)
    usable = ops.logical_and(positive, ops.any(negative, axis=1, keepdims=True))
    if mining == "hard":
        gap = _hardest(rows, positive, negative, squared)[:, None]  # (batch, 1)
        return _summed(_cost(gap, margin, soft_margin), ops.any(usable, axis=1, keepdims=True))
    distance = distances(rows, squared)  # (batch, batch)
    if mining == "semi_hard":
        gap = distance - _semi_hard(distance, positive, negative)  # (batch, batch)
        return _summed(_cost(gap, margin, soft_margin), usable)
    band = mining == "semi_hard_all"
    if soft_margin:
        return _every_soft(distance, positive, negative, margin, band)
    return _every(distance, positive, negative, margin, band)


def _cost(gap: Any, margin: float, soft_margin: bool) -> Any:
    return ops.softplus(gap + margin) if soft_margin else ops.relu(gap + margin)


def _summed(values: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Sum values `(batch, terms)` over what the mask keeps."""
    values = ops.where(mask, values, 0.0)
    return ops.sum(values, axis=1), count(mask, axis=1), count(values > 0, axis=1)


def _hardest(rows: Any, positive: Any, negative: Any, squared: bool) -> Any:
    """Return for each anchor its farthest positive's distance less its nearest negative's.

    Rows are chosen by the matrix of distances and then measured anew, two per anchor: exact, and
    the gradient needs no matrix.
    """
    distance = distances(ops.stop_gradient(rows), squared=True)  # (batch, batch)
    farthest = ops.argmax(ops.where(positive, distance, -1.0), axis=1)  # (batch,)
    nearest = ops.argmin(ops.where(negative, distance, float("inf")), axis=1)
    far = row_distances(rows, ops.take(rows, farthest, axis=0), squared)
    return far - row_distances(rows, ops.take(rows, nearest, axis=0), squared)


def _semi_hard(distance: Any, positive: Any, negative: Any) -> Any:
    """Return for each positive pair the distance of its semi-hard negative, `(batch, batch)`."""
    fixed = ops.stop_gradient(distance)
    nearer, _ = _crossings(fixed, positive, negative, 0.0, inclusive=True)
    last = ops.sum(ops.cast(negative, "int32"), axis=1, keepdims=True) - 1  # (batch, 1)
    place = ops.maximum(ops.minimum(nearer, last), 0)  # (batch, batch)
    order = ops.argsort(ops.where(negative, fixed, float("inf")), axis=1)
    return ops.take_along_axis(distance, ops.take_along_axis(order, place, axis=1), axis=1)


def _every(
    distance: Any, positive: Any, negative: Any, margin: float, band: bool
) -> tuple[Any, Any, Any]:
    """Sum the hinge over all triplets, or those in the semi-hard band, in batch² memory.

    A triplet costs `d_ap + margin - d_an`: a positive's distance counts once for each negative
    below `d_ap + margin`, a negative's once, with a minus, for each positive that reaches it.
    """
    fixed = ops.stop_gradient(distance)
    up, down = _crossings(fixed, positive, negative, margin, inclusive=band)
    if band:  # take away the negatives that are nearer than the positive
        nearer, farther = _crossings(fixed, positive, negative, 0.0, inclusive=True)
        up, down = up - nearer, down - farther
    active = ops.sum(ops.cast(up, "float32"), axis=1)  # (batch,)
    pull = ops.cast(up, "float32") * (distance + margin)
    sums = ops.sum(pull - ops.cast(down, "float32") * distance, axis=1)  # (batch,)
    every = count(positive, axis=1) * count(negative, axis=1)
    return ops.relu(sums), active if band else every, active


def _crossings(
    fixed: Any, positive: Any, negative: Any, shift: float, inclusive: bool
) -> tuple[Any, Any]:
    """Count, in each row, the negatives below each positive's distance plus the shift.

    Returns two integer tensors `(batch, batch)`: at a positive the number of negatives below it,
    at a negative the number of positives that it is below; 0 elsewhere. `inclusive`: a negative
    at exactly that distance counts as below.
    """
    keys = ops.where(positive, fixed + shift, fixed)
    behind = positive if inclusive else negative  # which of two equal ones is sorted behind
    keys = ops.where(behind, keys * (1.0 + 1.2e-7) + 1.2e-38, keys)
    keys = ops.where(ops.logical_or(positive, negative), keys, float("inf"))
    order = ops.argsort(keys, axis=1)
    place = ops.argsort(order, axis=1)  # where each entry went

    def before(mask: Any) -> Any:
        ordered = ops.take_along_axis(ops.cast(mask, "int32"), order, axis=1)
        return ops.take_along_axis(ops.cumsum(ordered, axis=1), place, axis=1)

    behind_it = ops.sum(ops.cast(positive, "int32"), axis=1, keepdims=True) - before(positive)
    return ops.where(positive, before(negative), 0), ops.where(negative, behind_it, 0)


def _every_soft(
    distance: Any, positive: Any, negative: Any, margin: float, band: bool
) -> tuple[Any, Any, Any]:
    """Sum the soft margin over all triplets, or those in the semi-hard band: batch³ memory."""
    gap = distance[:, :, None] - distance[:, None, :]  # (anchor, positive, negative)
    mask = ops.logical_and(positive[:, :, None], negative[:, None, :])
    if band:
        mask = ops.logical_and(mask, ops.logical_and(gap < 0, gap >= -margin))
    size = ops.shape(distance)[0]
    flat = (size, size * size)
    return _summed(_cost(ops.reshape(gap, flat), margin, True), ops.reshape(mask, flat))


@keras.saving.register_keras_serializable(package="kssl")
class Triplet(Loss):
    """Triplet loss with mining, see `kssl.losses.triplet`; takes `(labels, embeddings)`.

    With embeddings `(batch, 3, dim)` each example is an anchor, its positive and its negative.
    Without any triplet the loss is 0.

    Args:
        margin: Distance that is enough.
        mining: `"semi_hard"`, `"hard"`, `"all"` or `"semi_hard_all"`.
        squared: Squared L2 distances or plain ones.
        soft_margin: Softplus in place of the hinge.
        normalize: Whether rows are divided by their L2 norm first.
        average: Over `"all"` triplets that count, or the `"active"`, whose loss is above 0.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `mining` or `average` is unknown.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.convert_to_tensor([[0.0], [1.0], [3.0]])
        >>> loss = kssl.losses.Triplet(margin=4.0, squared=False)
        >>> float(loss(keras.ops.array([0, 0, 1]), rows))
        2.5
    """

    def __init__(
        self,
        margin: float = 1.0,
        mining: str = "semi_hard",
        squared: bool = True,
        soft_margin: bool = False,
        normalize: bool = False,
        average: str = "all",
        name: str = "triplet",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_one_of("mining", mining, MININGS)
        require_one_of("average", average, AVERAGES)
        self.margin = margin
        self.mining = mining
        self.squared = squared
        self.soft_margin = soft_margin
        self.normalize = normalize
        self.average = average

    def valid(self, y_true: Any, y_pred: Any) -> Any | None:
        explicit = len(ops.convert_to_tensor(y_pred).shape) == 3
        return None if explicit else valid_anchors(y_true, negatives=True)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        rows = prepared(y_pred, self.normalize)
        sums, terms, active = _mined(
            y_true, rows, self.margin, self.mining, self.squared, self.soft_margin
        )
        valid = self.valid(y_true, y_pred)
        valid = ops.ones_like(sums) if valid is None else valid
        return shared_over_anchors(sums, active if self.average == "active" else terms, valid)
