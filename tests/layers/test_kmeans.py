"""K-means, whitening and mutual information, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score

from kssl.layers.kmeans import (
    directions,
    kmeans,
    normalized_mutual_information,
    spherical_kmeans,
    whitening,
)

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


def test_kmeans_is_that_of_scikit_learn_from_the_same_start() -> None:
    rows = RANDOM.normal(size=(200, 3)).astype("float32") * [1.0, 4.0, 0.5] + 3.0
    rows = rows.astype("float32")
    noise = RANDOM.random(200).astype("float32")
    start = rows[np.argsort(-noise, kind="stable")[:6]]
    wanted = KMeans(6, init=start, n_init=1, max_iter=20, tol=0.0, algorithm="lloyd").fit(rows)
    centroids, assignment = (np.array(ops.convert_to_numpy(x)) for x in kmeans(rows, 6, noise))
    np.testing.assert_array_equal(assignment, wanted.labels_)
    np.testing.assert_allclose(centroids, wanted.cluster_centers_, atol=1e-3)


def test_a_cluster_that_becomes_empty_starts_again_in_the_largest() -> None:
    # All but one of the starts are the same row: the others are left without any.
    rows = np.concatenate([np.zeros((5, 2)), np.ones((95, 2))]).astype("float32")
    rows += 0.01 * RANDOM.normal(size=rows.shape).astype("float32") * (np.arange(100) > 4)[:, None]
    noise = np.where(np.arange(100) < 4, 0.9, 0.1).astype("float32")
    _, assignment = kmeans(rows, 4, noise)
    found = np.array(ops.convert_to_numpy(assignment))
    assert len(set(found[5:])) == 3 and len(set(found[:5])) == 1


def test_whitening_is_that_of_scikit_learn() -> None:
    rows = (RANDOM.normal(size=(500, 6)) @ RANDOM.normal(size=(6, 6)) + 2.0).astype("float32")
    mean, matrix = (np.array(ops.convert_to_numpy(x)) for x in whitening(rows, 4))
    found = (rows - mean) @ matrix
    wanted = PCA(4, whiten=True).fit_transform(rows) * np.sqrt(
        500 / 499
    )  # its variance is unbiased
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=2e-3)  # up to signs
    np.testing.assert_allclose(found.T @ found / 500, np.eye(4), atol=1e-3)


def test_whitening_does_not_enlarge_what_is_constant() -> None:
    rows = RANDOM.normal(size=(50, 3)).astype("float32") * [1.0, 1.0, 0.0]
    mean, matrix = (np.array(ops.convert_to_numpy(x)) for x in whitening(rows, 3))
    found = (rows - mean) @ matrix
    assert np.isfinite(found).all() and np.abs(found).max() < 10


def test_directions_are_those_of_the_sums_and_an_empty_cluster_starts_in_the_largest() -> None:
    rows = unit(RANDOM.normal(size=(30, 4)))
    labels = np.array([0] * 20 + [2] * 10, "int32")
    sums = np.stack([rows[labels == each].sum(0) for each in range(3)])
    plain = np.array(ops.convert_to_numpy(directions(rows, labels, 3)))
    np.testing.assert_allclose(plain[[0, 2]], unit(sums[[0, 2]]), atol=1e-5)
    np.testing.assert_array_equal(plain[1], np.zeros(4))
    noise = RANDOM.random(30).astype("float32")
    found = np.array(ops.convert_to_numpy(directions(rows, labels, 3, noise)))
    np.testing.assert_allclose(found[1], rows[noise[:20].argmax()], atol=1e-6)
    np.testing.assert_allclose(found[[0, 2]], plain[[0, 2]], atol=1e-6)
