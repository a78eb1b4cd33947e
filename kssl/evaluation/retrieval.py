"""Retrieval: whether the nearest neighbours in the embedding have the query's class."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    below,
    flat,
    frozen,
    named,
    positive,
    trained_on_labels,
)
from kssl.evaluation.inputs import examples_of, labelled, modality_of, with_pca
from kssl.evaluation.neighbours import most_similar
from kssl.evaluation.probing import standard_error
from kssl.evaluation.representation import checked_rows, unit_rows

DISTANCES = ("euclidean", "cosine")
BANKS = ("test", "train")

_SIMILARITIES = 20_000_000  # held at a time: 80 MB of float32
# What simple models are fitted on: so many training examples, or so many numbers (1 GB), at most.
_LARGEST = 60_000
_NUMBERS = 250_000_000


def retrieval(
    k: int = 1,
    bank: Literal["test", "train"] = "test",
    distance: Literal["euclidean", "cosine"] = "euclidean",
    limit: int | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Precision@k: the fraction of the k nearest examples that have the query's class.

    Each test example is a query once, and the mean is over the queries. With `bank="test"` its
    neighbours are the other test examples (leave one out: none is its own neighbour); with
    `bank="train"` they are the examples of the training split, which is the protocol of
    pytorch-metric-learning's example on MNIST and, for k = 1, the accuracy of the nearest
    neighbour. A query whose class has no member in the bank is left out. Embeddings are compared as
    `embed` gives them.

    Baselines: the same encoder `untrained`; what simple models read of the input, under its name
    (`pixels`, …); `PCA` of the first of these, with as many components as the embedding is wide;
    `chance`, a neighbour drawn from the bank. All of them with the same distance. What is fitted is
    fitted on the training split: on its first 60,000 examples, fewer where these are more than
    1 GB, and at least on the bank.

    Args:
        k: Number of neighbours that are looked at.
        bank: Where neighbours are looked for: `"test"` or `"train"`.
        distance: `"euclidean"` or `"cosine"`; they are one for embeddings of norm 1.
        limit: Use so many examples of the bank, to bound the time; None: all. With
            `bank="test"` these are the queries, too.
        batch_size: Examples embedded at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`, metric `precision@k`.

    Raises:
        UserError: A setting is not above zero, or unknown.

    Example:
        >>> (result,) = retrieval(k=1)(task)
        >>> sorted(result.baselines)
        ['PCA', 'chance', 'colour histogram', 'pixels', 'untrained']
    """
    for name, value in [("k", k), ("limit", limit), ("batch_size", batch_size)]:
        positive(name, value)
    for name, value, known in [("bank", bank, BANKS), ("distance", distance, DISTANCES)]:
        if value not in known:
            raise UserError(f"{name} must be one of {', '.join(known)}; got {value!r}")

    def evaluate(task: Task) -> list[Result]:
        return [_retrieve(task, k, bank, distance, limit, batch_size)]

    return named("retrieval", evaluate, needs=["Embeds"])


def _retrieve(
    task: Task, k: int, bank: str, distance: str, limit: int | None, batch_size: int
) -> Result:
    own = bank == "test"
    queries, labels = labelled(task.test, limit if own else None, task.model)
    rows, row_labels = (queries, labels) if own else labelled(task.train, limit, task.model)
    fractions = _class_fractions(labels, row_labels, own)
    valid = fractions > 0
    if not valid.any():
        raise Skipped("no example has another one of its class to be found")

    def precision(among: np.ndarray | None, asked: np.ndarray) -> float:
        nearest = nearest_neighbours(asked, among, k, distance)  # (queries, k)
        right = row_labels[nearest] == labels[:, None]
        return float(right.mean(axis=1)[valid].mean())

    def embedded(model: Any) -> tuple[np.ndarray | None, np.ndarray]:
        sides = (flat(apply(model, "embed", x, batch_size=batch_size)) for x in (queries, rows))
        asked = next(sides)
        return None if own else next(sides), asked

    with frozen(task.model, task.seed) as weights:
        among, asked = embedded(task.model)
    value, width = precision(among, asked), asked.shape[1]
    baselines = {"untrained": precision(*embedded(task.untrained))}
    for name, (bank_rows, test_rows) in _raw(task, queries, rows, own, width).items():
        baselines[name] = precision(bank_rows, test_rows)
    baselines["chance"] = float(fractions[valid].mean())
    noun = f"{modality_of(task.model).noun[0]}s"
    asked_for, k = k, min(k, len(row_labels) - own)  # the k that was looked at
    settings = {"k": k, "bank": bank, "distance": distance, "width": width}
    sizes = {f"{noun} in the bank": len(row_labels) - own, "queries": int(valid.sum())}
    settings |= {**sizes, "weights_sha256": weights}
    note = _note(task.model, value, valid, below(value, baselines))
    if asked_for > k:
        note = f"k = {asked_for:,} was asked for, and there are {k:,} {noun}; {note}"
    metric = f"precision@{k} among " + (f"the other test {noun}" if own else f"training {noun}")
    return Result("retrieval", metric, value, "higher", baselines, settings, note)


def _raw(
    task: Task, queries: Any, rows: Any, own: bool, width: int
) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
    """Return what simple models read of bank and queries; the bank is None for the queries."""
    from kssl.modalities import count

    modality = modality_of(task.model)
    one = sum(math.prod(np.shape(each)[1:]) for each in modality.by_key(queries).values())
    most = max(1, min(_LARGEST, _NUMBERS // max(1, one)))
    # The training split, of which `rows` are the first where they are the bank.
    train = examples_of(task.train, task.model, most if own else max(most, count(rows)))
    raw = modality.raw(train, queries, task.train.vocabulary)
    return {
        name: (None if own else flat(bank)[: count(rows)], flat(asked))
        for name, (bank, asked) in with_pca(raw, width, task.seed).items()
    }


def _class_fractions(labels: np.ndarray, bank_labels: np.ndarray, own: bool) -> np.ndarray:
    """Return for each query the fraction of the bank that has its class, itself left out."""
    classes, counts = np.unique(bank_labels, return_counts=True)
    members = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    found = np.array([members.get(label, 0) for label in labels.tolist()]) - own
    return found / max(1, len(bank_labels) - own)


def _note(model: Any, value: float, valid: np.ndarray, beaten: str) -> str:
    alone = int((~valid).sum())
    left_out = f"{alone:,} queries without another example of their class are left out"
    parts = [beaten, standard_error(value, int(valid.sum())), left_out if alone else ""]
    return "; ".join(filter(None, [*parts, trained_on_labels(model)]))


def nearest_neighbours(
    queries: np.ndarray,
    bank: np.ndarray | None = None,
    k: int = 1,
    distance: str = "euclidean",
) -> np.ndarray:
    """Indices of the k rows of a bank that are nearest to each query, nearest first.

    Of rows at equal distance the first counts.

    Args:
        queries: (M, D) embeddings.
        bank: (N, D) embeddings; None: the other queries, each without itself.
        k: Number of neighbours; all rows when there are fewer.
        distance: `"euclidean"` or `"cosine"`.

    Returns:
        (M, k) indices.

    Example:
        >>> nearest_neighbours(np.array([[0.0], [1.0], [5.0]])).tolist()
        [[1], [0], [1]]
    """
    own = bank is None
    queries = checked_rows(queries)
    rows = queries if bank is None else checked_rows(bank)
    centre = rows.mean(axis=0)  # less is lost to rounding around it
    if distance == "cosine":
        queries, rows = unit_rows(queries), unit_rows(rows)
        centre = 0.0
    queries, rows = queries - centre, rows - centre
    halves = 0.5 * np.einsum("nd,nd->n", rows, rows)  # (N,)
    k = min(k, len(rows) - own)
    step = max(1, _SIMILARITIES // len(rows))
    chunks = []
    for start in range(0, len(queries), step):
        # q·b - |b|²/2 is the larger the smaller |q - b|² is
        closeness = queries[start : start + step] @ rows.T - halves  # (step, N)
        if own:
            places = np.arange(len(closeness))
            closeness[places, start + places] = -np.inf
        chunks.append(most_similar(closeness, k))
    return np.concatenate(chunks)
