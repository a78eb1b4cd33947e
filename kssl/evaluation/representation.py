"""Metrics of embeddings that need no labels: spread, effective rank, alignment, uniformity."""

from __future__ import annotations

from typing import Any

import numpy as np


def spread(rows: np.ndarray) -> float:
    """Standard deviation of normalised rows `(examples, width)`, times √width.

    About 1 for rows spread evenly over the sphere, 0 when all are the same: the test of a collapse
    that no loss shows (Chen and He, SimSiam, arXiv:2011.10566, section 4.1).

    Example:
        >>> spread(np.ones((8, 4)))
        0.0
    """
    return float(unit_rows(rows, np.float64).std(axis=0).mean() * np.sqrt(rows.shape[1]))


def effective_rank(rows: np.ndarray, epsilon: float = 0.0) -> float:
    """Exponential of the entropy of the singular values: how many directions are used.

    Roy and Vetterli 2007; with `epsilon=1e-7` it is RankMe (Garrido et al., arXiv:2210.02885). The
    matrix `(examples, width)` is taken as it is, neither centred nor normalised.

    Example:
        >>> round(effective_rank(np.eye(4)), 6)
        4.0
    """
    values = np.linalg.svd(checked_rows(rows, np.float64), compute_uv=False)
    fractions = values / max(values.sum(), np.finfo(np.float64).tiny) + epsilon
    used = fractions[fractions > 0]
    return float(np.exp(-np.sum(used * np.log(used))))


def alignment(first: np.ndarray, second: np.ndarray, power: float = 2.0) -> float:
    """Mean distance of the two views of an example, to a power; rows are normalised; 0 is best.

    Wang and Isola, arXiv:2005.10242.

    Example:
        >>> alignment(np.eye(3), 2.0 * np.eye(3))
        0.0
    """
    distances = np.linalg.norm(unit_rows(first, np.float64) - unit_rows(second, np.float64), axis=1)
    return float(np.mean(distances**power))


def uniformity(rows: np.ndarray, scale: float = 2.0) -> float:
    """`log mean exp(-scale · squared distance)` over pairs of normalised rows; lower is more even.

    Wang and Isola, arXiv:2005.10242. 0 for a collapse, about -4 at best.

    Example:
        >>> uniformity(np.ones((5, 3)))
        0.0
    """
    unit = unit_rows(rows, np.float64)
    squared = np.maximum(0.0, 2.0 - 2.0 * unit @ unit.T)
    pairs = squared[np.triu_indices(len(unit), 1)]
    return float(np.log(np.mean(np.exp(-scale * pairs))))


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Similarity of two representations of the same examples, 0 to 1, whatever their widths.

    Kornblith et al., arXiv:1905.00414, with a linear kernel; rotations and scales do not count.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(9, 3))
        >>> round(linear_cka(rows, 2.0 * rows[:, ::-1]), 6)
        1.0
    """
    sides = checked_rows(first, np.float64), checked_rows(second, np.float64)
    x, y = (rows - rows.mean(axis=0) for rows in sides)
    norms = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.square(y.T @ x).sum() / norms)


def checked_rows(rows: Any, dtype: Any = None) -> np.ndarray:
    """Return rows in their own precision, but no less than float32, or in another.

    Raises:
        ValueError: There are NaNs or infinite values in them.
    """
    rows = np.asarray(rows)
    if dtype is None:
        dtype = rows.dtype if rows.dtype in (np.float32, np.float64) else np.float32
    rows = rows.astype(dtype, copy=False)
    finite = np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
    if not finite.all():
        raise ValueError(
            f"{int((~finite).sum()):,} of {len(rows):,} rows of features are NaN or infinite, the "
            f"first is row {int(finite.argmin())}: leave them out, or train with a lower rate"
        )
    return rows


def unit_rows(rows: np.ndarray, dtype: Any = None) -> np.ndarray:
    """Return rows divided by their L2 norm, in their own precision or another; zeros stay."""
    rows = checked_rows(rows, dtype)
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    extreme = (largest > 1e15) | ((largest > 0) & (largest < 1e-15))  # whose squares are lost
    if extreme.any():
        rows = rows / np.where(extreme, largest, rows.dtype.type(1))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(lengths.dtype).tiny)
