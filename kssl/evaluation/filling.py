"""Holes of images filled in without learning."""

from __future__ import annotations

import numpy as np


def diffused(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Fill holes in by diffusion from their borders: each pixel is the mean of its neighbours.

    The discrete Laplace equation, with what is around the hole as boundary; at the edge of the
    image a pixel has fewer neighbours.

    Args:
        images: `(examples, height, width, channels)`; what is in the holes does not matter.
        masks: bool `(examples, height, width)`, True in the hole.

    Returns:
        float64 of the shape of the images.

    Example:
        >>> image = np.linspace(0, 1, 5).reshape(1, 1, 5, 1)
        >>> hole = np.array([[[False, True, True, True, False]]])
        >>> diffused(image, hole)[0, 0, :, 0].round(6).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    from scipy.sparse.linalg import splu

    filled = np.array(images, "float64")
    solvers: dict[bytes, tuple] = {}
    for image, mask in zip(filled, np.asarray(masks, bool), strict=True):
        if not mask.any() or mask.all():
            continue
        key = mask.tobytes()
        if key not in solvers:
            inside, around = _laplacian(mask)
            solvers[key] = splu(inside), around
        solver, around = solvers[key]
        known = np.where(mask[..., None], 0.0, image).reshape(mask.size, -1)
        image[mask] = solver.solve(around @ known)
    return filled


def _laplacian(mask: np.ndarray) -> tuple:
    """Return the matrices of hole by hole and of hole by all pixels: `inside · x = around · y`."""
    from scipy.sparse import csc_matrix, csr_matrix

    number = np.full(mask.shape, -1)
    number[mask] = np.arange(mask.sum())
    place = np.arange(mask.size).reshape(mask.shape)
    pairs = []  # of neighbours, both ways
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        pairs += [(place[first], place[second]), (place[second], place[first])]
    here = np.concatenate([one.reshape(-1) for one, _ in pairs])
    there = np.concatenate([other.reshape(-1) for _, other in pairs])
    here, there = (each[mask.reshape(-1)[here]] for each in (here, there))
    count, flat = int(mask.sum()), number.reshape(-1)
    degrees = np.bincount(flat[here], minlength=count)
    within = flat[there] >= 0
    rows = np.concatenate([np.arange(count), flat[here[within]]])
    columns = np.concatenate([np.arange(count), flat[there[within]]])
    values = np.concatenate([degrees, -np.ones(int(within.sum()))])
    inside = csc_matrix((values, (rows, columns)), shape=(count, count))
    border = (flat[here[~within]], there[~within])
    around = csr_matrix((np.ones(len(border[0])), border), shape=(count, mask.size))
    return inside, around
