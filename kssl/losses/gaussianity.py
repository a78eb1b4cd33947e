"""How far embeddings are from a standard normal distribution, by projections on directions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.batch import unit


def sigreg(rows: Any, directions: Any, knots: int = 17, limit: float = 3.0) -> Any:
    """SIGReg: the Epps-Pulley statistic of embeddings against the standard normal, by directions.

    For each direction the characteristic function of the projected batch, `mean exp(i t p)`, is
    compared with that of the normal, `exp(-t²/2)`: the squared distance, weighted by `exp(-t²/2)`,
    is integrated over t in `-limit` to `limit` by trapezoids, times the size of the batch; then the
    mean over directions. A normal batch has 1.06 on average, whatever its size; a collapsed one
    has a value that grows with its size.

    Defined on the batch only: a scalar. Under data parallelism it is the statistic of the global
    batch on JAX; on TensorFlow and torch each replica has that of its own.

    Args:
        rows: `(…, batch, dim)`, not normalised; the mean over leading axes is taken.
        directions: `(dim, count)` unit columns, see `random_directions`; new ones in each step.
        knots: Points of the integral in 0 to `limit`; the other half is symmetric.
        limit: Where the integral ends.

    Returns:
        Scalar in float32.

    Reference:
        Balestriero and LeCun, LeJEPA, arXiv:2511.08544; Epps and Pulley, A test for normality based
        on the empirical characteristic function, Biometrika 1983.

    Example:
        >>> import keras, kssl
        >>> collapsed = keras.ops.zeros((100, 4))
        >>> round(float(kssl.losses.sigreg(collapsed, keras.ops.eye(4))), 1)
        40.2
    """
    rows, directions = ops.cast(rows, "float32"), ops.cast(directions, "float32")
    points = ops.linspace(0.0, limit, knots)
    normal = ops.exp(-0.5 * ops.square(points))
    step = limit / (knots - 1)
    ends = ops.where(ops.logical_or(points <= 0.0, points >= limit - 0.5 * step), step, 2.0 * step)
    angles = ops.matmul(rows, directions)[..., None] * points  # (…, batch, count, knots)
    real, imaginary = ops.mean(ops.cos(angles), axis=-3), ops.mean(ops.sin(angles), axis=-3)
    distance = ops.square(real - normal) + ops.square(imaginary)  # (…, count, knots)
    batch = ops.cast(ops.shape(rows)[-2], "float32")
    return ops.mean(ops.sum(distance * normal * ends, axis=-1)) * batch


def random_directions(dim: int, count: int, seed: Any = None) -> Any:
    """Return directions drawn evenly from the sphere, unit columns `(dim, count)` in float32.

    Args:
        dim: Of the embeddings.
        count: How many.
        seed: A number, or a `keras.random.SeedGenerator`.

    Example:
        >>> import kssl
        >>> kssl.losses.random_directions(16, 256, seed=0).shape
        (16, 256)
    """
    return unit(keras.random.normal((dim, count), dtype="float32", seed=seed), axis=0)
