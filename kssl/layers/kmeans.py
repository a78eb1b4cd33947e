"""Spherical k-means, as operations of a training step."""

from __future__ import annotations

from typing import Any

from keras import ops

from kssl.losses.batch import unit


def spherical_kmeans(rows: Any, clusters: int, noise: Any, iterations: int = 10) -> Any:
    """Return the centroids and the assignment of unit rows by cosine, without a gradient.

    Centroids start at the rows of the largest noise; each iteration assigns all rows and takes the
    mean direction of each cluster. One that becomes empty starts again from a row of the largest.

    Args:
        rows: `(rows, dim)` of norm 1, more of them than clusters.
        clusters: How many.
        noise: `(rows,)`, evenly drawn from 0 to 1: what is random about it.
        iterations: Rounds; 10 as in DeepCluster v2.

    Returns:
        Tuple of centroids `(clusters, dim)` of norm 1 and the assignment `(rows,)`, int32, of the
        rows to them.

    Reference:
        Dhillon and Modha, Concept Decompositions for Large Sparse Text Data, Machine Learning 42,
        2001; Caron et al., SwAV, arXiv:2006.09882, section 4 (DeepCluster-v2).

    Example:
        >>> import keras
        >>> from kssl.layers.kmeans import spherical_kmeans
        >>> rows = keras.ops.array([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0]])
        >>> centroids, assignment = spherical_kmeans(rows, 2, keras.random.uniform((4,), seed=0))
        >>> centroids.shape, assignment.shape
        ((2, 2), (4,))
    """
    rows, noise = (ops.stop_gradient(ops.cast(each, "float32")) for each in (rows, noise))
    centroids = ops.take(rows, ops.top_k(noise, clusters)[1], axis=0)  # (clusters, dim)
    ones = ops.ones((rows.shape[0],))
    for _ in range(iterations):
        assignment = _nearest(rows, centroids)
        sums = ops.segment_sum(rows, assignment, num_segments=clusters)
        sizes = ops.segment_sum(ones, assignment, num_segments=clusters)  # (clusters,)
        empty = sizes == 0
        inside = ops.cast(assignment == ops.argmax(sizes), "float32")  # of the largest
        spare = ops.take(rows, ops.top_k(noise + inside, clusters)[1], axis=0)
        place = ops.maximum(ops.cumsum(ops.cast(empty, "int32")) - 1, 0)
        again = ops.take(spare, place, axis=0)  # another row for each empty one
        centroids = unit(ops.where(empty[:, None], again, sums))
    return centroids, _nearest(rows, centroids)


def normalized_mutual_information(first: Any, second: Any, clusters: int) -> Any:
    """Return how much two assignments say of each other: 1 if they are the same, about 0 by chance.

    `I / √(H₁ H₂)`, in float32; 0 where one of them has one cluster alone.

    Args:
        first: Numbers of clusters `(rows,)`.
        second: Likewise.
        clusters: How many there are of each.

    Example:
        >>> import keras
        >>> from kssl.layers.kmeans import normalized_mutual_information
        >>> halves = keras.ops.array([0, 0, 1, 1])
        >>> round(float(normalized_mutual_information(halves, 1 - halves, 2)), 4)
        1.0
    """
    pairs = ops.cast(first, "int32") * clusters + ops.cast(second, "int32")
    ones = ops.ones((pairs.shape[0],))
    joint = ops.segment_sum(ones, pairs, num_segments=clusters**2) / pairs.shape[0]
    joint = ops.reshape(joint, (clusters, clusters))
    rows, columns = ops.sum(joint, axis=1), ops.sum(joint, axis=0)
    entropies = [_entropy(each) for each in (rows, columns, joint)]
    shared = entropies[0] + entropies[1] - entropies[2]
    product = ops.sqrt(ops.maximum(entropies[0] * entropies[1], 1e-12))
    return ops.clip(shared / product, 0.0, 1.0)


def _entropy(probabilities: Any) -> Any:
    return -ops.sum(probabilities * ops.log(ops.maximum(probabilities, 1e-30)))


def _nearest(rows: Any, centroids: Any) -> Any:
    return ops.cast(ops.argmax(ops.matmul(rows, ops.transpose(centroids)), axis=1), "int32")
