"""Figures of the latent space: the manifold of a 2-d latent, interpolations, the embedding map."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patheffects import withStroke

from kssl.report import canvas

_TIMED = 250  # points of a t-SNE that tells how long one takes


def quantile_grid(side: int) -> np.ndarray:
    """(side * side, 2) points at equal steps of probability of a standard normal.

    The first row of the grid is its top: the second coordinate falls from row to row.
    """
    from scipy.stats import norm

    steps = norm.ppf((np.arange(side) + 0.5) / side)
    across, down = np.meshgrid(steps, steps[::-1])
    return np.stack([across.ravel(), down.ravel()], axis=1).astype(np.float32)


def interpolated(first: np.ndarray, second: np.ndarray, steps: int) -> np.ndarray:
    """(pairs, D), (pairs, D) -> (pairs * steps, D) points on the straight lines between them."""
    fraction = np.linspace(0.0, 1.0, steps, dtype=np.float32)[None, :, None]
    points = first[:, None] * (1 - fraction) + second[:, None] * fraction  # (pairs, steps, D)
    return points.reshape(-1, first.shape[1])


def between(ends: np.ndarray, middle: np.ndarray, steps: int) -> np.ndarray:
    """Pictures of interpolations: each row is the first image, the decoded steps, the second.

    Args:
        ends: (2 * pairs, height, width[, 3]) pictures: all first images, then all second ones.
        middle: (pairs * steps, …) decoded pictures.
        steps: Decoded pictures per row.

    Returns:
        One sheet, with a wider gap between images and decoded pictures.
    """
    pairs = len(ends) // 2
    gap = 6
    columns = [ends[:pairs], middle, ends[pairs:]]
    widths = [1, steps, 1]
    sheets = [canvas.tiled(part, columns=w) for part, w in zip(columns, widths, strict=True)]
    clear = np.full((sheets[0].shape[0], gap, *sheets[0].shape[2:]), np.nan, np.float32)
    if clear.ndim == 3:
        clear[:] = (1.0, 1.0, 1.0, 0.0)
    return np.concatenate([sheets[0], clear, sheets[1], clear, sheets[2]], axis=1)


def collapsed(rows: np.ndarray) -> bool:
    """Whether all embeddings `(examples, features)` are the same, but for rounding.

    Example:
        >>> collapsed(np.full((20, 3), 0.1)), collapsed(np.eye(3))
        (True, False)
    """
    spread = float(np.std(rows, axis=0, dtype=np.float64).max())
    return spread <= 1e-6 * max(1.0, float(np.abs(rows).max()))


def embedding_map(
    embeddings: np.ndarray,
    labels: np.ndarray | None,
    seed: int,
    names: Sequence[str] | None = None,
) -> Any:
    """PCA and t-SNE of embeddings side by side, coloured by label; of a collapse, PCA alone.

    Args:
        embeddings: (examples, D).
        labels: (examples,) classes, or None: one colour.
        seed: Of t-SNE.
        names: Of the classes, by their numbers; None writes the numbers.

    Returns:
        A matplotlib figure.
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("the embeddings are not finite: training has diverged")
    if (largest := float(np.abs(rows).max(initial=0.0))) > 1e15:  # whose squares are not finite
        rows = rows / largest
    parts = [_plane(rows)]
    if not collapsed(
        rows
    ):  # scikit-learn would divide by their standard deviation, and end the process
        parts.append((_tsne(rows, seed), "t-SNE"))
    drawn = canvas.figure(9.6, 4.9)
    for place, (points, name) in enumerate(parts):
        axes = drawn.add_subplot(1, 2, place + 1)
        _scatter(axes, points, labels, names)
        axes.set_title(name)
    handles, shown = drawn.axes[0].get_legend_handles_labels()
    if shown:
        drawn.legend(
            handles,
            shown,
            loc="outside lower center",
            ncols=max(1, min(len(shown), 110 // (3 + max(map(len, shown))), 10)),
            markerscale=2.5,
            handletextpad=0.1,
            columnspacing=1.2,
            title="class",
        )
    return drawn


def _plane(rows: np.ndarray) -> tuple[np.ndarray, str]:
    from sklearn.decomposition import PCA

    if collapsed(rows):
        return np.zeros((len(rows), 2), rows.dtype), "PCA (all embeddings are the same)"
    if rows.shape[1] == 1:
        return np.concatenate([rows, np.zeros_like(rows)], axis=1), "Latent value"
    if rows.shape[1] == 2:
        return rows, "The two latent values"
    pca = PCA(2, random_state=0)
    points = pca.fit_transform(rows)
    return points, f"PCA ({100 * pca.explained_variance_ratio_.sum():.0f} % of the variance)"


def _tsne(rows: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # scikit-learn's own dependency

    if rows.shape[1] > 50:  # the usual first step: distances hardly change, time does
        rows = PCA(min(50, len(rows)), random_state=seed).fit_transform(rows)
    perplexity = min(30.0, (len(rows) - 1) / 3)
    start = "random" if rows.shape[1] < 2 else "pca"
    tsne = TSNE(2, perplexity=perplexity, init=start, random_state=seed)
    # Its threads wait for one another by spinning: on two busy cores, two of them took a hundred
    # times as long as one, while on idle cores they save a few seconds.
    with threadpool_limits(1):
        return tsne.fit_transform(rows)


def tsne_seconds(examples: int) -> float:
    """Estimate what t-SNE of so many examples takes here, from a few."""
    few = min(_TIMED, examples)
    began = time.perf_counter()
    _tsne(np.random.default_rng(0).normal(size=(few, 10)).astype(np.float32), 0)
    return (time.perf_counter() - began) * examples * np.log(examples) / (few * np.log(few))


def _scatter(
    axes: Any, points: np.ndarray, labels: np.ndarray | None, names: Sequence[str] | None
) -> None:
    size = 7 if len(points) > 500 else 14
    if labels is None:
        axes.scatter(*points.T, s=size, color=canvas.LINES[0], linewidths=0, alpha=0.7)
    else:
        classes = np.unique(labels)
        for value, color in zip(classes, canvas.class_colors(len(classes)), strict=True):
            own = points[labels == value]
            name = class_name(value, names) if len(classes) <= 20 else None
            axes.scatter(*own.T, s=size, color=color, linewidths=0, alpha=0.8, label=name)
            if name is not None:
                _name_cluster(axes, own, name, color)
    canvas.bare(axes)
    canvas.frame(axes)


def class_name(label: Any, names: Sequence[str] | None) -> str:
    """Return what a label is called: its name where the data has one, else its number.

    Example:
        >>> class_name(1, ["cat", "dog"]), class_name(7, None)
        ('dog', '7')
    """
    known = names is not None and isinstance(label, int | np.integer) and 0 <= label < len(names)
    return str(names[label]) if known else str(label)


def _name_cluster(axes: Any, points: np.ndarray, name: str, color: Any) -> None:
    # The name at the median: colour alone must not carry the meaning.
    axes.annotate(
        name if len(name) <= 14 else f"{name[:13]}…",
        np.median(points, axis=0),
        color=canvas.INK,
        fontsize=11 if name.isdigit() else 8.5,
        fontweight="bold",
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )
