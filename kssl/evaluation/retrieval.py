"""Whether the images that an embedding puts next to one another are of one class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    flat,
    frozen,
    images,
    labelled,
    named,
    positive,
    principal_components,
    trained_on_labels,
)
from kssl.evaluation.probes import most_similar, standard_error

DISTANCES = ("euclidean", "cosine")
BANKS = ("test", "train")

_SIMILARITIES = 20_000_000  # held at a time: 80 MB of float32


def retrieval(
    k: int = 1,
    bank: Literal["test", "train"] = "test",
    distance: Literal["euclidean", "cosine"] = "euclidean",
    limit: int | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Precision@k: the share of the k nearest images that have the query's class.

    Each test image is a query once, and the mean is over the queries. With `bank="test"` its
    neighbours are the other test images (leave one out: an image is never its own neighbour); with
    `bank="train"` they are the images of the training split, which is the protocol of
    pytorch-metric-learning's example on MNIST and, for k = 1, the accuracy of the nearest
    neighbour. A query whose class has no member in the bank is left out. Embeddings are compared as
    `embed` gives them.

    Baselines: the same encoder `untrained`; the `raw input`; `PCA` fitted on the training split
    with as many components as the embedding is wide; `chance`, a neighbour drawn from the bank.
    All of them with the same distance.

    Args:
        k: Number of neighbours that are looked at.
        bank: Where neighbours are looked for: `"test"` or `"train"`.
        distance: `"euclidean"` or `"cosine"`; they are one for embeddings of norm 1.
        limit: Use the first so many images of the bank, to bound the time; None: all. With
            `bank="test"` these are the queries, too.
        batch_size: Images embedded at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`, metric `precision@k`.

    Raises:
        UserError: A setting is not above zero, or unknown.

    Example:
        >>> (result,) = retrieval(k=1)(task)
        >>> sorted(result.baselines)
        ['PCA', 'chance', 'raw input', 'untrained']
    """
    for name, value in [("k", k), ("limit", limit), ("batch_size", batch_size)]:
        positive(name, value)
    for name, value, known in [("bank", bank, BANKS), ("distance", distance, DISTANCES)]:
        if value not in known:
            raise UserError(f"{name} must be one of {', '.join(known)}; got {value!r}")

    def evaluate(task: Task) -> list[Result]:
        return [_retrieve(task, k, bank, distance, limit, batch_size)]

    return named("retrieval", evaluate)


def _retrieve(
    task: Task, k: int, bank: str, distance: str, limit: int | None, batch_size: int
) -> Result:
    own = bank == "test"
    queries, labels = labelled(task.test, limit if own else None)
    rows, row_labels = (queries, labels) if own else labelled(task.train, limit)
    shares = _class_shares(labels, row_labels, own)
    valid = shares > 0
    if not valid.any():
        raise Skipped("no image has another one of its class to be found")

    def precision(represent: Callable[[np.ndarray], np.ndarray]) -> float:
        among = None if own else flat(represent(rows))
        nearest = nearest_neighbours(flat(represent(queries)), among, k, distance)  # (queries, k)
        right = row_labels[nearest] == labels[:, None]
        return float(right.mean(axis=1)[valid].mean())

    def embedded(model: Any) -> Callable[[np.ndarray], np.ndarray]:
        return lambda inputs: apply(model, "embed", inputs, batch_size=batch_size)

    with frozen(task.model, task.seed) as weights:
        value = precision(embedded(task.model))
        width = flat(embedded(task.model)(queries[:1])).shape[1]
    pca = principal_components(images(task.train), width, task.seed)
    baselines = {
        "untrained": precision(embedded(task.untrained)),
        "raw input": precision(flat),
        "PCA": precision(lambda inputs: pca.transform(flat(inputs))),
        "chance": float(shares[valid].mean()),
    }
    settings = {"k": k, "bank": bank, "distance": distance, "width": width}
    sizes = {"images in the bank": len(rows) - own, "queries": int(valid.sum())}
    settings |= {**sizes, "weights_sha256": weights}
    metric = f"precision@{k} among " + ("the other test images" if own else "training images")
    note = _note(task.model, value, valid)
    return Result("retrieval", metric, value, "higher", baselines, settings, note)


def _class_shares(labels: np.ndarray, bank_labels: np.ndarray, own: bool) -> np.ndarray:
    """Return for each query the share of the bank that has its class, itself left out."""
    classes, counts = np.unique(bank_labels, return_counts=True)
    members = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    found = np.array([members.get(label, 0) for label in labels.tolist()]) - own
    return found / max(1, len(bank_labels) - own)


def _note(model: Any, value: float, valid: np.ndarray) -> str:
    alone = int((~valid).sum())
    left_out = f"{alone:,} queries without another image of their class are left out"
    parts = [standard_error(value, int(valid.sum())), left_out if alone else ""]
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
    rows = queries if own else bank
    centre = rows.mean(axis=0)  # less is lost to rounding around it
    if distance == "cosine":
        queries, rows = _unit(queries), _unit(rows)
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


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(rows.dtype).tiny)
