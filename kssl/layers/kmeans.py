"""K-means of rows, on a sphere or not, and their whitening, as operations of a training step."""

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
    return _kmeans(rows, clusters, noise, iterations, spherical=True)


def kmeans(rows: Any, clusters: int, noise: Any, iterations: int = 20) -> Any:
    """Return the centroids and the assignment of rows by squared distance, without a gradient.

    As `spherical_kmeans`, but that a centroid is the mean of its rows, whatever their norm.

    Args:
        rows: `(rows, dim)`, more of them than clusters.
        clusters: How many.
        noise: `(rows,)`, evenly drawn from 0 to 1: what is random about it.
        iterations: Rounds; 20 as in DeepCluster.

    Returns:
        Tuple of centroids `(clusters, dim)` and the assignment `(rows,)`, int32, of the rows to
        the nearest of them.

    Reference:
        Lloyd, Least Squares Quantization in PCM, IEEE Transactions on Information Theory 28, 1982;
        Caron et al., Deep Clustering for Unsupervised Learning of Visual Features,
        arXiv:1807.05520.

    Example:
        >>> import keras
        >>> from kssl.layers.kmeans import kmeans
        >>> rows = keras.ops.array([[0.0], [1.0], [10.0], [11.0]])
        >>> centroids, assignment = kmeans(rows, 2, keras.ops.array([0.9, 0.1, 0.2, 0.8]))
        >>> keras.ops.convert_to_numpy(centroids)[:, 0].tolist()
        [0.5, 10.5]
    """
    return _kmeans(rows, clusters, noise, iterations, spherical=False)


def nearest(rows: Any, centroids: Any) -> Any:
    """Return the number, int32 `(rows,)`, of the centroid `(clusters, dim)` nearest to each row.

    Example:
        >>> import keras
        >>> from kssl.layers.kmeans import nearest
        >>> int(nearest(keras.ops.array([[2.0]]), keras.ops.array([[0.0], [3.0], [9.0]]))[0])
        1
    """
    products = ops.matmul(rows, ops.transpose(centroids))  # (rows, clusters)
    squares = ops.sum(ops.square(centroids), axis=1)
    return ops.cast(ops.argmax(products - 0.5 * squares, axis=1), "int32")


def whitening(rows: Any, components: int) -> tuple[Any, Any]:
    """Return the mean and the matrix that make of rows uncorrelated components of variance 1.

    `(rows - mean) @ matrix`, the principal components of the largest variance. One whose variance
    is below a hundred thousandth of the largest is not enlarged beyond that of such a one.

    Args:
        rows: `(rows, dim)`.
        components: How many, at most `dim`.

    Returns:
        Tuple of the mean `(dim,)` and the matrix `(dim, components)`.

    Example:
        >>> import keras
        >>> from kssl.layers.kmeans import whitening
        >>> rows = keras.random.normal((100, 5), seed=0)
        >>> mean, matrix = whitening(rows, 3)
        >>> keras.ops.matmul(rows - mean, matrix).shape
        (100, 3)
    """
    rows = ops.stop_gradient(ops.cast(rows, "float32"))
    mean = ops.mean(rows, axis=0)
    centred = rows - mean
    covariance = ops.matmul(ops.transpose(centred), centred) / rows.shape[0]  # (dim, dim)
    variances, axes = ops.eigh(covariance)  # from the smallest
    variances = ops.maximum(variances, 1e-5 * variances[-1] + 1e-12)
    return mean, ops.flip(axes / ops.sqrt(variances), axis=1)[:, :components]


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


def directions(rows: Any, assignment: Any, clusters: int, noise: Any = None) -> Any:
    """Return the mean direction of each cluster `(clusters, dim)`, of norm 1.

    Args:
        rows: `(rows, dim)` of norm 1.
        assignment: The cluster of each row, int32 `(rows,)`.
        clusters: How many.
        noise: `(rows,)`, evenly drawn from 0 to 1: a cluster without rows is put on one of the
            largest, those with the most noise. None: it is a row of zeros.

    Example:
        >>> import keras
        >>> from kssl.layers.kmeans import directions
        >>> rows = keras.ops.array([[1.0, 0.0], [0.0, 1.0]])
        >>> found = directions(rows, keras.ops.array([1, 1]), 2)
        >>> [round(float(value), 3) for value in found[1]]
        [0.707, 0.707]
    """
    rows, noise = (each if each is None else ops.cast(each, "float32") for each in (rows, noise))
    return unit(_sums(rows, ops.cast(assignment, "int32"), clusters, noise)[0])


def _kmeans(rows: Any, clusters: int, noise: Any, iterations: int, spherical: bool) -> Any:
    rows, noise = (ops.stop_gradient(ops.cast(each, "float32")) for each in (rows, noise))
    centroids = ops.take(rows, ops.top_k(noise, clusters)[1], axis=0)  # (clusters, dim)
    find = _by_cosine if spherical else nearest

    def moved(_: Any, before: Any) -> Any:
        sums, sizes = _sums(rows, find(rows, before), clusters, noise)
        after = unit(sums) if spherical else sums / sizes[:, None]
        return ops.reshape(after, (clusters, rows.shape[1]))

    # A loop of the backend: to compile as many rounds one after another takes seconds.
    centroids = ops.fori_loop(0, iterations, moved, centroids)
    return centroids, find(rows, centroids)


def _sums(rows: Any, assignment: Any, clusters: int, noise: Any) -> tuple[Any, Any]:
    """Return the sum and the number of each cluster's rows, of one row where there would be none.

    That is one of the largest cluster, another for each empty one; zeros without noise.
    """
    sums = ops.segment_sum(rows, assignment, num_segments=clusters)  # (clusters, dim)
    sizes = ops.segment_sum(ops.ones((rows.shape[0],)), assignment, num_segments=clusters)
    if noise is None:
        return sums, ops.maximum(sizes, 1.0)
    empty = sizes == 0
    inside = ops.cast(assignment == ops.argmax(sizes), "float32")  # of the largest
    spare = ops.take(rows, ops.top_k(noise + inside, clusters)[1], axis=0)
    place = ops.maximum(ops.cumsum(ops.cast(empty, "int32")) - 1, 0)
    again = ops.take(spare, place, axis=0)  # another row for each empty one
    return ops.where(empty[:, None], again, sums), ops.maximum(sizes, 1.0)


def _by_cosine(rows: Any, centroids: Any) -> Any:
    return ops.cast(ops.argmax(ops.matmul(rows, ops.transpose(centroids)), axis=1), "int32")
