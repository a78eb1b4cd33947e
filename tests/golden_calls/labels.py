"""Calls of the losses of labels and embeddings, pairs and triplets."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden_calls.common import Case, mean_of
from keras import ops

from kssl import losses


def metric(case: Case, *names: str) -> dict[str, Any]:
    """Return the settings of a loss of labels and embeddings."""
    return {**case.given(*names), "normalize": case.normalize}


def contrastive(case: Case) -> dict[str, Any]:
    pairs = np.stack([case.a, case.b], axis=1)
    settings = metric(case, "margin")
    return {
        "per_pair": losses.contrastive(case.y, pairs, **settings),
        "mean": mean_of(losses.Contrastive(**settings), case.y, pairs),
    }


def triplet(case: Case) -> dict[str, Any]:
    triples = np.stack([case.anchor, case.positive, case.negative], axis=1)
    settings = metric(case, "margin", "squared")
    labels = np.zeros(len(triples))
    return {
        "per_triplet": losses.triplet(None, triples, **settings),
        "mean": mean_of(losses.Triplet(**settings), labels, triples),
    }


def mined(case: Case, mining: str, **averages: str) -> dict[str, Any]:
    """Return the mean over the triplets of a mining, for each way of averaging."""
    settings = metric(case, "margin", "squared")
    settings["soft_margin"] = case.get("soft_margin", False)
    return {
        key: mean_of(
            losses.Triplet(mining=mining, average=average, **settings),
            case.labels,
            case.embeddings,
        )
        for key, average in averages.items()
    }


def triplet_batch_hard(case: Case) -> dict[str, Any]:
    settings = metric(case, "margin", "squared", "soft_margin")
    values = losses.triplet(case.labels, case.embeddings, mining="hard", **settings)
    valid = ops.convert_to_numpy(losses.valid_anchors(case.labels, negatives=True))
    return {
        "anchors": np.flatnonzero(valid),
        "per_anchor": ops.convert_to_numpy(values)[valid],
        **mined(case, "hard", mean="all", mean_active="active"),
    }


def n_pair_in_batch(case: Case) -> dict[str, Any]:
    views = (case.anchor, case.positive)
    plain = losses.n_pair(*views, normalize=case.normalize)
    loss = losses.NPair(l2_reg=case.l2_reg, normalize=case.normalize)
    return {
        "per_anchor": plain,
        "cross_entropy": ops.mean(plain),
        "loss": mean_of(loss, *views),
    }


def lifted_structured(case: Case) -> dict[str, Any]:
    loss = losses.LiftedStructured(**metric(case, "margin"))
    return {"loss": mean_of(loss, case.labels, case.embeddings)}


def soft_nearest_neighbor(case: Case) -> dict[str, Any]:
    settings = metric(case, "temperature")
    return {
        "valid": losses.valid_anchors(case.labels),
        "per_anchor": losses.soft_nearest_neighbor(case.labels, case.embeddings, **settings),
        "mean": mean_of(losses.SoftNearestNeighbor(**settings), case.labels, case.embeddings),
    }


def supervised_contrastive(case: Case) -> dict[str, Any]:
    loss = losses.SupervisedContrastive(case.temperature)
    return {
        "valid": losses.valid_anchors(case.labels),
        "per_anchor": losses.supervised_contrastive(case.labels, case.embeddings, case.temperature),
        "mean": mean_of(loss, case.labels, case.embeddings),
    }
