"""Clusters of an embedding against labels: the number, and what stands beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans

from kssl.errors import RunError, UserError
from kssl.evaluation import Skipped, clustering
from kssl.evaluation.clustering import mutual_information


def test_mutual_information_by_hand() -> None:
    labels, found = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    joint = np.array([[0.5, 0.25], [0.0, 0.25]])
    rows, columns = joint.sum(1), joint.sum(0)
    inside = joint > 0
    shared = (joint[inside] * np.log((joint / np.outer(rows, columns))[inside])).sum()
    entropies = [-(each * np.log(each)).sum() for each in (rows, columns)]
    wanted = shared / np.sqrt(entropies[0] * entropies[1])
    assert mutual_information(labels, found) == pytest.approx(wanted, abs=1e-6)
    assert mutual_information(labels, 7 - labels) == 1.0
    assert mutual_information(labels, np.zeros(4, int)) == 0.0


def test_clusters_of_the_embedding_beside_those_of_simpler_features(task: Any) -> None:
    (result,) = clustering()(task)
    assert (result.name, result.better) == ("clustering", "higher")
    assert result.metric == "normalised mutual information"
    rows = task.test.image.reshape(100, -1)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = KMeans(3, n_init=1, random_state=0).fit_predict(rows)
    assert result.value == mutual_information(task.test.label, wanted)
    assert result.baselines["pixels"] == result.value  # the model is the identity
    assert {"untrained", "PCA", "colour histogram", "random clusters"} == set(result.baselines) - {
        "pixels"
    }
    assert result.baselines["random clusters"] < 0.2 < result.value
    assert result.settings["clusters"] == 3 and result.settings["test"] == 100


def test_more_clusters_say_more_by_themselves(task: Any) -> None:
    few, many = clustering(clusters=3)(task)[0], clustering(clusters=50)(task)[0]
    assert many.baselines["random clusters"] > few.baselines["random clusters"] + 0.1


def test_what_cannot_be_measured_is_said(task: Any, restless: Any, pipeline: Any) -> None:
    with pytest.raises(Skipped, match="101 clusters are more than the 100 test examples"):
        clustering(clusters=101)(task)
    with pytest.raises(RunError, match="changed while it was evaluated"):
        clustering()(restless)
    task.test = pipeline(task.test.image)
    with pytest.raises(Skipped, match="the data has no labels"):
        clustering()(task)
    with pytest.raises(UserError, match="clusters must be above 0"):
        clustering(clusters=0)
