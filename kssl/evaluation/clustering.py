"""How much clusters of a frozen embedding, made without labels, say of the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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
from kssl.evaluation.inputs import labelled, modality_of, numbered, with_pca
from kssl.evaluation.representation import unit_rows


def clustering(
    clusters: int | None = None, limit: int | None = 10_000, batch_size: int = 256
) -> Evaluation:
    """Normalised mutual information of k-means of the embedding with the labels.

    K-means divides the embeddings of the test split, of norm 1, from one start by k-means++; it
    sees no label. `I / √(H₁ H₂)` of clusters and labels is 1 where each is known from the other.
    It grows with the number of clusters by itself: compare only numbers with the same, and with
    `random clusters`. So DeepCluster was measured (Caron et al., arXiv:1807.05520, section 4.1).

    Args:
        clusters: How many; None: as many as there are classes.
        limit: Use so many test examples, to bound the time; None: all. The first ones; evenly
            spaced ones where they lie in the order of their classes.
        batch_size: Examples embedded at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`, metric `normalised mutual information`,
        beside the same of the untrained network, of what simple models read, of `PCA`, and of
        clusters drawn evenly, `random clusters`.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> (result,) = clustering(clusters=20)(task)
        >>> result.metric, result.settings["clusters"]
        ('normalised mutual information', 20)
    """
    for name, value in [("clusters", clusters), ("limit", limit), ("batch_size", batch_size)]:
        positive(name, value)

    def evaluate(task: Task) -> list[Result]:
        examples, labels = labelled(task.test, limit, task.model)
        labels, _ = numbered(labels, labels)
        count = clusters or int(labels.max()) + 1
        if count > len(labels):
            raise Skipped(f"{count} clusters are more than the {len(labels)} test examples")
        shared = _shared(labels, count, task.seed)
        with frozen(task.model, task.seed) as weights:
            rows = flat(apply(task.model, "embed", examples, batch_size=batch_size))
        value, width = shared(rows), rows.shape[1]
        fresh = flat(apply(task.untrained, "embed", examples, batch_size=batch_size))
        baselines = {"untrained": shared(fresh)}
        raw = modality_of(task.model).raw(examples, examples, task.test.vocabulary)
        for name, (features, _) in with_pca(raw, width, task.seed).items():
            baselines[name] = shared(features)
        drawn = np.random.default_rng(task.seed).integers(count, size=len(labels))
        baselines["random clusters"] = mutual_information(labels, drawn)
        settings: dict[str, Any] = {"clusters": count, "width": width, "test": len(labels)}
        settings |= {"rows": "of norm 1", "start": "k-means++, one", "weights_sha256": weights}
        notes = [below(value, baselines), trained_on_labels(task.model)]
        metric = "normalised mutual information"
        note = "; ".join(filter(None, notes))
        return [Result("clustering", metric, value, "higher", baselines, settings, note)]

    return named("clustering", evaluate, needs=["Embeds"])


def mutual_information(labels: np.ndarray, assignment: np.ndarray) -> float:
    """Return `I / √(H₁ H₂)` of two divisions of the same examples.

    Example:
        >>> mutual_information(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2]))
        1.0
    """
    from sklearn.metrics import normalized_mutual_info_score

    found = normalized_mutual_info_score(labels, assignment, average_method="geometric")
    return round(float(found), 6)


def _shared(labels: np.ndarray, count: int, seed: int) -> Callable[[Any], float]:
    from sklearn.cluster import KMeans

    def shared(features: Any) -> float:
        found = KMeans(count, n_init=1, random_state=seed).fit_predict(unit_rows(flat(features)))
        return mutual_information(labels, found)

    return shared
