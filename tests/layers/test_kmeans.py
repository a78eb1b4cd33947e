"""Spherical k-means and mutual information, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from sklearn.metrics import normalized_mutual_info_score

from kssl.layers.kmeans import normalized_mutual_information, spherical_kmeans

RANDOM = np.random.default_rng(0)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


def divided(rows: np.ndarray, clusters: int, **settings: int) -> tuple[np.ndarray, np.ndarray]:
    noise = RANDOM.random(len(rows)).astype("float32")
    found = spherical_kmeans(rows, clusters, noise, **settings)
    return tuple(np.array(ops.convert_to_numpy(each)) for each in found)


def test_clusters_that_lie_apart_are_found() -> None:
    centres = unit(RANDOM.normal(size=(5, 8)))
    labels = np.repeat(np.arange(5), [100, 20, 50, 5, 25])
    rows = unit(centres[labels] + 0.02 * RANDOM.normal(size=(200, 8)))
    best = max(
        normalized_mutual_info_score(labels, divided(rows, 5)[1]) for _ in range(5)
    )  # of several starts, as any k-means
    assert best == pytest.approx(1.0)


def test_each_row_is_with_the_nearest_centroid_and_they_have_norm_1() -> None:
    rows = unit(RANDOM.normal(size=(300, 6)))
    centroids, assignment = divided(rows, 7)
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), np.ones(7), rtol=1e-5)
    np.testing.assert_array_equal(assignment, (rows @ centroids.T).argmax(1))
    few, many = (
        np.mean((rows @ divided(rows, 7, iterations=count)[0].T).max(1)) for count in (1, 20)
    )
    assert many > few


def test_no_cluster_stays_empty() -> None:
    """Of two points, one many times, the third start is a copy, whose cluster gets no row."""
    rows = unit(np.concatenate([np.tile([[1.0, 0.0]], (30, 1)), RANDOM.normal(size=(30, 2))]))
    noise = np.linspace(1.0, 0.0, 60).astype("float32")  # starts at copies of one point
    _, assignment = spherical_kmeans(rows, 6, noise, iterations=20)
    assert len(np.unique(ops.convert_to_numpy(assignment))) == 6


def test_mutual_information_is_that_of_scikit_learn() -> None:
    first, second = RANDOM.integers(0, 5, 400), RANDOM.integers(0, 5, 400)
    second[:200] = (first[:200] + 1) % 5
    expected = normalized_mutual_info_score(first, second, average_method="geometric")
    found = float(normalized_mutual_information(first, second, 5))
    assert found == pytest.approx(expected, abs=1e-4)
    assert float(normalized_mutual_information(first, 0 * first, 5)) == pytest.approx(0.0, abs=1e-4)
