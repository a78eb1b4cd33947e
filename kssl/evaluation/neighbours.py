"""Nearest neighbours: classes by their votes, and which rows are the most similar."""

from __future__ import annotations

import numpy as np

from kssl.evaluation.representation import unit_rows

_SIMILARITIES = 20_000_000  # held at a time: 80 MB of float32, and twice that in indices


def knn_predict(
    bank: np.ndarray,
    labels: np.ndarray,
    queries: np.ndarray,
    k: int,
    num_classes: int | None = None,
    temperature: float | None = 0.07,
) -> np.ndarray:
    """Classes by the votes of the k rows of `bank` that are most similar to each query.

    Among equally similar rows the first in the bank counts; of classes with equal votes the
    smallest wins.

    Args:
        bank: (N, D) embeddings whose classes are known.
        labels: (N,) integer classes of the bank.
        queries: (M, D) embeddings.
        k: Number of neighbours; all rows when the bank has fewer.
        num_classes: Number of classes; not needed any more, labels may be any numbers.
        temperature: Weight of a vote is exp(cosine similarity / temperature); None: 1.

    Returns:
        (M,) predicted classes.

    Raises:
        ValueError: A row is not finite, or the shapes do not fit.

    Example:
        >>> bank = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> knn_predict(bank, np.array([0, 1]), np.array([[0.2, 3.0]]), 1, 2)
        array([1])
    """
    _check_shapes(bank, labels, queries, k)
    # Whatever the labels are, -1 and 1 or numbers of millions, they are counted from 0 here.
    classes, numbers = np.unique(labels, return_inverse=True)
    votes = knn_votes(bank, numbers, queries, k, len(classes), temperature)
    return classes[votes.argmax(axis=1)]


def _check_shapes(bank: np.ndarray, labels: np.ndarray, queries: np.ndarray, k: int) -> None:
    shapes = tuple(map(np.shape, (bank, labels, queries)))
    rows, known, asked = shapes
    if k < 1 or len(rows) != 2 or known != rows[:1] or len(asked) != 2 or asked[1] != rows[1]:
        raise ValueError(
            "bank is (N, D), labels (N,), queries (M, D) and k at least 1; got the shapes "
            f"{', '.join(map(str, shapes))} and k={k}"
        )


def knn_votes(
    bank: np.ndarray,
    labels: np.ndarray,
    queries: np.ndarray,
    k: int,
    num_classes: int,
    temperature: float | None = 0.07,
) -> np.ndarray:
    """Each class's fraction of the votes, (M, num_classes); see `knn_predict`."""
    labels = np.asarray(labels)
    if len(labels) and not (0 <= labels.min() and labels.max() < num_classes):
        raise ValueError(
            f"labels must be 0 to {num_classes - 1}; got {labels.min()} to {labels.max()}"
        )
    bank, queries = unit_rows(bank), unit_rows(queries)
    k = min(k, len(bank))
    rows = max(1, _SIMILARITIES // len(bank))
    fractions = [
        _votes(queries[start : start + rows] @ bank.T, labels, k, num_classes, temperature)
        for start in range(0, len(queries), rows)
    ]
    return np.concatenate(fractions) if fractions else np.zeros((0, num_classes))


def _votes(
    similarities: np.ndarray,
    labels: np.ndarray,
    k: int,
    num_classes: int,
    temperature: float | None,
) -> np.ndarray:
    nearest = most_similar(similarities, k)  # (rows, k)
    top = np.take_along_axis(similarities, nearest, axis=1).astype(np.float64)
    # relative to the nearest, so that no temperature overflows; the fractions do not change
    weights = np.exp((top - top[:, :1]) / temperature) if temperature else np.ones_like(top)
    votes = np.zeros((len(top), num_classes))
    np.add.at(votes, (np.arange(len(top))[:, None], labels[nearest]), weights)
    return votes / votes.sum(axis=1, keepdims=True)


def most_similar(similarities: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k largest per row, largest first, equal ones by index."""
    if k == 1:
        return similarities.argmax(axis=1)[:, None]
    chosen = np.sort(np.argpartition(-similarities, k - 1, axis=1)[:, :k], axis=1)
    values = np.take_along_axis(similarities, chosen, axis=1)
    # a partition picks any of several equal ones at the edge: those rows are sorted in full
    tied = (similarities >= values.min(axis=1, keepdims=True)).sum(axis=1) > k
    order = np.argsort(-values, axis=1, kind="stable")
    chosen = np.take_along_axis(chosen, order, axis=1)
    chosen[tied] = np.argsort(-similarities[tied], axis=1, kind="stable")[:, :k]
    return chosen
