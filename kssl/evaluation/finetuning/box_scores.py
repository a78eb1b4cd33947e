"""How well boxes overlap, and how right predicted ones are, as Pascal VOC counts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

OVERLAP = 0.5  # from which on a box is found
_CANDIDATES = 500  # boxes among which constant ones are chosen


class Found(NamedTuple):
    """Boxes that were found on an image.

    Attributes:
        boxes: `(found, 4)`: left, top, right, bottom.
        classes: `(found,)`.
        scores: `(found,)`, higher is surer.
    """

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


class Truth(NamedTuple):
    """What is on an image.

    Attributes:
        boxes: `(objects, 4)`.
        classes: `(objects,)`.
        ignored: `(objects,)` bool: neither to be found nor wrong to find.
    """

    boxes: np.ndarray
    classes: np.ndarray
    ignored: np.ndarray


def intersection_over_union(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the area that boxes share, divided by the area that they cover together.

    Args:
        one: `(count, 4)`: left, top, right, bottom, in any unit.
        other: `(others, 4)` in the same unit.

    Returns:
        `(count, others)` in [0, 1]; 0 where neither has an area.

    Example:
        >>> intersection_over_union(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]])).round(3)
        array([[0.333]])
    """
    one, other = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (one, other))
    begin = np.maximum(one[:, None, :2], other[None, :, :2])  # (count, others, 2)
    end = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.maximum(end - begin, 0), axis=2)  # (count, others)
    areas = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other))
    own, others = areas
    together = own[:, None] + others[None] - shared
    return np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)


def average_precision(
    scores: np.ndarray, right: np.ndarray, truths: int, matched: np.ndarray | None = None
) -> float:
    """Return the area under precision over recall, as VOC has it since 2010: at all points.

    At each recall the precision is the highest at that recall or above. Scores that are equal are
    one threshold, so that their order does not count.

    Args:
        scores: `(found,)`.
        right: Whether each is right, bool `(found,)`.
        truths: How many there are to be found.
        matched: `(found,)`: of those that are right, the number of the truth that each is of; a
            truth counts as found once, and then each further box on it is wrong. None: all differ.

    Example:
        >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
        0.8333333333333333
    """
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    if matched is not None:
        of_truth = np.where(right, matched[order], -1)
        first = np.zeros(len(right), bool)
        first[np.unique(of_truth, return_index=True)[1]] = True
        right = right & first
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True)) if len(scores) else []
    recall = np.cumsum(right)[ends] / truths  # at each threshold
    precision = np.cumsum(right)[ends] / (np.asarray(ends) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * highest))


def mean_average_precision(
    truths: Sequence[Truth], found: Sequence[Found], overlap: float = OVERLAP
) -> float:
    """Return the mean over classes of the average precision, as VOC counts it.

    A box belongs to the truth of its class and image that it overlaps most, and is right if that
    is enough. The best of several boxes on one truth is right, the others are wrong; those on an
    ignored truth count for nothing. A class without a truth has no precision and is left out.

    Args:
        truths: Of each image.
        found: Of each image.
        overlap: Least intersection over union.

    Raises:
        ValueError: No class has a truth.

    Example:
        >>> box = np.array([[0, 0, 1, 1]])
        >>> truth = Truth(box, np.array([0]), np.array([False]))
        >>> mean_average_precision([truth], [Found(box, np.array([0]), np.array([0.9]))])
        1.0
    """
    classes = np.unique(np.concatenate([each.classes[~each.ignored] for each in truths]))
    if not len(classes):
        raise ValueError("there is no box to be found, and so no average precision")
    return float(np.mean([_of_class(truths, found, each, overlap) for each in classes]))


def _of_class(
    truths: Sequence[Truth], found: Sequence[Found], wanted: int, overlap: float
) -> float:
    scores, right, matched, before = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, int)], 0
    count = 0
    for truth, guess in zip(truths, found, strict=True):
        own, ignored = (part[truth.classes == wanted] for part in (truth.boxes, truth.ignored))
        rows = guess.classes == wanted
        overlaps = intersection_over_union(guess.boxes[rows], own)  # (found, truths)
        nearest = overlaps.argmax(axis=1) if len(own) else np.zeros(rows.sum(), int)
        enough = overlaps.max(axis=1, initial=0.0) >= overlap
        counts = ~(enough & ignored[nearest]) if len(own) else np.ones(rows.sum(), bool)
        scores.append(guess.scores[rows][counts])
        right.append(enough[counts])
        matched.append(before + nearest[counts])
        before += len(own)
        count += int(np.sum(~ignored))
    parts = (np.concatenate(part) for part in (scores, right, matched))
    score, hit, place = parts
    return average_precision(score, hit, count, place)


def constant_boxes(truths: Sequence[Truth], most: int = 100, seed: int = 0) -> Found:
    """Return the best boxes for all images alike: what is found without looking.

    Of each class, of 500 boxes of the given images, those that overlap a truth enough on most of
    them, one after another, without those that overlap a chosen one that much; the score is the
    fraction of the images.

    Args:
        truths: Of the images that may be learned from.
        most: Boxes of each class.
        seed: Of the choice among more than 500.
    """
    random = np.random.default_rng(seed)
    parts = [Found(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))]
    counted = [(each.boxes[~each.ignored], each.classes[~each.ignored]) for each in truths]
    classes = np.concatenate([each for _, each in counted])
    for wanted in np.unique(classes):
        own = [boxes[kinds == wanted] for boxes, kinds in counted]
        every = np.concatenate(own)
        few = random.permutation(len(every))[:_CANDIDATES]
        hits = _hits(every[np.sort(few)], own) / len(truths)
        chosen, scores = _without_overlap(every[np.sort(few)], hits, most)
        parts.append(Found(chosen, np.full(len(chosen), wanted), scores))
    return Found(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _hits(boxes: np.ndarray, own: Sequence[np.ndarray]) -> np.ndarray:
    """On how many images each box overlaps a truth enough."""
    hits = np.zeros(len(boxes))
    for each in own:
        hits += intersection_over_union(boxes, each).max(axis=1, initial=0.0) >= OVERLAP
    return hits


def _without_overlap(
    boxes: np.ndarray, scores: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best boxes, none of which overlaps a better one too much, and their scores."""
    left, chosen = np.argsort(-scores, kind="stable"), []
    while len(left) and len(chosen) < most:
        chosen.append(left[0])
        apart = intersection_over_union(boxes[left[:1]], boxes[left])[0] < OVERLAP
        left = left[apart]
    return boxes[chosen], scores[chosen]
