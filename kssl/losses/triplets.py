"""Triplet losses: an anchor nearer to a row of its class than to one of another, by a margin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, require_one_of
from kssl.losses.batch import (
    count,
    distances,
    flat_labels,
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
    (`Triplet(average="active")`), so that its loss hides how many there are. Memory grows as
    batch²; the time of all but `hard` as batch² times the size of the largest class: the positives
    of all anchors are gone through in a loop, one of each at a time. Only first derivatives are
    defined.

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
        costs = _cost(near - row_distances(rows[:, 0], rows[:, 2], squared), margin, soft_margin)
        return costs, ops.ones_like(costs), ops.cast(costs > 0, "float32")
    if mining == "hard":
        valid = valid_anchors(labels, negatives=True)
        costs = _cost(_hardest(labels, rows, squared), margin, soft_margin)
        costs = ops.where(valid, costs, 0.0)
        return costs, ops.cast(valid, "float32"), ops.cast(costs > 0, "float32")
    distance = distances(rows, squared)  # (batch, batch)
    fixed = ops.stop_gradient(distance)
    found = _over_positives(labels, fixed, margin, mining, soft_margin)
    sums, terms, active, slopes = (ops.stop_gradient(each) for each in found)
    return sums + ops.sum(slopes * (distance - fixed), axis=1), terms, active


def _cost(gap: Any, margin: float, soft_margin: bool) -> Any:
    return ops.softplus(gap + margin) if soft_margin else ops.relu(gap + margin)


def _hardest(labels: Any, rows: Any, squared: bool) -> Any:
    """Return for each anchor its farthest positive's distance less its nearest negative's.

    Rows are chosen by the matrix of distances and then measured anew, two per anchor: exact, and
    the gradient needs no matrix.
    """
    positive, negative = positives_and_negatives(labels)
    distance = distances(ops.stop_gradient(rows), squared=True)  # (batch, batch)
    farthest = ops.argmax(ops.where(positive, distance, -1.0), axis=1)  # (batch,)
    nearest = ops.argmin(ops.where(negative, distance, float("inf")), axis=1)
    far = row_distances(rows, ops.take(rows, farthest, axis=0), squared)
    return far - row_distances(rows, ops.take(rows, nearest, axis=0), squared)


def _over_positives(
    labels: Any, distance: Any, margin: float, mining: str, soft_margin: bool
) -> tuple[Any, Any, Any, Any]:
    """Go through the positives of all anchors, one of each at a time, in batch² memory.

    Returns for each anchor the sum of its costs, the number of its triplets and of those above 0,
    `(batch,)` each, and the slope of the sum at every distance, `(batch, batch)`: the loop itself
    needs no gradient, and so keeps nothing.
    """
    partner, members = _classmates(labels)
    _, negative = positives_and_negatives(labels)
    usable = ops.any(negative, axis=1)  # (batch,)
    columns = ops.arange(ops.shape(distance)[0])[None, :]
    select = _semi_hard if mining == "semi_hard" else _within(margin, mining == "semi_hard_all")

    def step(turn: Any, sums: Any, terms: Any, active: Any, slopes: Any) -> tuple[Any, ...]:
        at = ops.equal(columns, partner(turn)[:, None])  # (batch, batch), one in each row
        near = ops.sum(ops.where(at, distance, 0.0), axis=1, keepdims=True)  # (batch, 1)
        there = ops.logical_and(turn < members, usable)[:, None]
        chosen = ops.logical_and(select(distance, near, negative), there)  # (batch, batch)
        gap = near - distance
        cost = ops.where(chosen, _cost(gap, margin, soft_margin), 0.0)
        slope = ops.sigmoid(gap + margin) if soft_margin else ops.cast(cost > 0, "float32")
        slope = ops.where(chosen, slope, 0.0)
        pull = ops.where(at, ops.sum(slope, axis=1, keepdims=True), 0.0)
        return (
            turn + 1,
            sums + ops.sum(cost, axis=1),
            terms + count(chosen, axis=1),
            active + count(cost > 0, axis=1),
            slopes + pull - slope,
        )

    nothing = ops.zeros_like(distance[:, 0])
    start = (ops.ones_like(members[0]), nothing, nothing, nothing, ops.zeros_like(distance))
    largest = ops.max(members)
    return ops.while_loop(lambda turn, *_: turn < largest, step, start)[1:]


def _classmates(labels: Any) -> tuple[Callable[[Any], Any], Any]:
    """Return a function that gives each row another of its class for each turn, and class sizes.

    Turns 1, 2, … up to the size of the class, exclusive, give every other member once.
    """
    labels = flat_labels(labels)
    rows = ops.arange(ops.shape(labels)[0])
    same = ops.equal(labels[:, None], labels[None, :])
    members = ops.sum(ops.cast(same, "int32"), axis=1)  # (batch,)
    start = ops.sum(ops.cast(labels[None, :] < labels[:, None], "int32"), axis=1)
    earlier = ops.logical_and(same, rows[None, :] < rows[:, None])
    offset = ops.sum(ops.cast(earlier, "int32"), axis=1)
    by_class = ops.cast(ops.argsort(start + offset), "int32")  # rows, class after class

    def partner(turn: Any) -> Any:
        return ops.take(by_class, start + (offset + turn) % members, axis=0)  # (batch,)

    return partner, members


def _semi_hard(distance: Any, near: Any, negative: Any) -> Any:
    """Choose the nearest negative beyond the positive, or the farthest if there is none."""
    infinity = float("inf")
    beyond = ops.where(ops.logical_and(negative, distance > near), distance, infinity)
    farthest = ops.argmax(ops.where(negative, distance, -1.0), axis=1)  # (batch,)
    place = ops.where(ops.min(beyond, axis=1) < infinity, ops.argmin(beyond, axis=1), farthest)
    columns = ops.arange(ops.shape(distance)[0], dtype=place.dtype)
    return ops.equal(columns[None, :], place[:, None])


def _within(margin: float, band: bool) -> Callable[[Any, Any, Any], Any]:
    """Return a function that chooses all negatives, or those in the semi-hard band."""

    def select(distance: Any, near: Any, negative: Any) -> Any:
        if not band:
            return negative
        inside = ops.logical_and(distance > near, near - distance + margin >= 0)
        return ops.logical_and(negative, inside)

    return select


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

    spans_batch = True
    of_labels = True

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
