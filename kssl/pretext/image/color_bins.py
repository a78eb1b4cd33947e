"""Classes of colour: bins of the ab plane, how frequent they are, and what each of them weighs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.image.color import rgb_to_lab
from kssl.pretext.image.pixels import unit_images
from kssl.system.files import replacing

SIZE = 10  # side of a bin in units of a and b
REACH = 13  # bins on each side of grey that are looked at
_FARTHEST = 13.5  # from a bin to the nearest colour of sRGB
_SMOOTHING = 5.0  # standard deviation, in units of a and b

Prior = str | Path | Sequence[float] | None


@cache
def ab_bins() -> np.ndarray:
    """Return the a and b of the 313 classes of colour: float32 `(313, 2)`, by a, then b.

    The points of a grid of 10 that lie within 13.5 of a colour of sRGB, which is 313 of them: as
    many as in R. Zhang, P. Isola and A. Efros, arXiv:1603.08511, whose table is not derived in the
    paper (the colours of sRGB themselves fall into 261). So the classes mean nearly the same as
    there, but their numbers are others: weights trained elsewhere do not fit.

    Example:
        >>> ab_bins().shape
        (313, 2)
    """
    level = np.linspace(0, 1, 33, dtype=np.float32)
    every = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(-1, 3)
    surface = every[((every == 0) | (every == 1)).any(axis=1)]  # as wide in a and b as all colours
    colors = rgb_to_lab(surface).numpy()[:, 1:]
    line = SIZE * np.arange(-REACH, REACH + 1, dtype=np.float32)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    distance = np.stack([np.hypot(*(colors - point).T).min() for point in grid])
    return grid[distance <= _FARTHEST]


@cache
def class_table() -> np.ndarray:
    """Class of each point of the grid, -1 where there is none: int32 `(27, 27)`."""
    table = np.full((2 * REACH + 1, 2 * REACH + 1), -1, np.int32)
    places = (ab_bins() / SIZE).astype(int) + REACH
    table[tuple(places.T)] = np.arange(len(places))
    return table


def fit_color_prior(
    data: tf.data.Dataset | np.ndarray,
    file: str | Path | None = None,
    examples: int = 1000,
    key: str = "image",
) -> np.ndarray:
    """Count how frequent each class of colour is in a data set, for `colorize(prior=…)`.

    As in arXiv:1603.08511: the histogram of all pixels, smoothed by a Gaussian of 5 in the ab
    plane. Fit on the training split alone.

    Args:
        data: Examples with an image, unbatched, or an array `(examples, height, width, 3)`; uint8
            or float in [0, 1].
        file: Where to keep the result, an `.npz` file that `colorize` and recipes take.
        examples: At most so many examples are counted, from the start.
        key: The images.

    Returns:
        float32 `(313,)`, which adds up to 1.

    Raises:
        UserError: There is no such image, or no example at all.

    Example:
        >>> import numpy as np
        >>> prior = fit_color_prior(np.zeros((2, 8, 8, 3), np.uint8))
        >>> ab_bins()[prior.argmax()]
        array([0., 0.], dtype=float32)
    """
    if not isinstance(data, tf.data.Dataset):
        data = tf.data.Dataset.from_tensor_slices({key: np.asarray(data)})
    if not isinstance(data.element_spec, dict) or key not in data.element_spec:
        raise UserError(f"fit_color_prior: the examples have no '{key}'")
    counts = np.zeros(len(ab_bins()))
    for batch in data.take(examples).batch(64):
        images = unit_images("fit_color_prior", batch, key, color=True)
        counts += np.bincount(_classes(images), minlength=len(counts))
    if not counts.sum():
        raise UserError("fit_color_prior: there are no examples to count")
    apart = np.square(ab_bins()[:, None] - ab_bins()).sum(axis=-1)
    spread = np.exp(-apart / (2 * _SMOOTHING**2))
    prior = (spread / spread.sum(axis=0)) @ (counts / counts.sum())
    if file is not None:
        _save(Path(file), prior.astype(np.float32))
    return prior.astype(np.float32)


def color_weights(prior: Prior, mix: float) -> np.ndarray:
    """What a pixel of each class weighs, so that rare colours count: float32 `(313,)`.

    `1 / ((1 - mix) · prior + mix / 313)`, scaled so that an average pixel weighs 1.
    """
    if prior is None:
        return np.ones(len(ab_bins()), np.float32)
    known = _photographs() if isinstance(prior, str) and prior == "photographs" else _load(prior)
    weights = 1.0 / ((1.0 - mix) * known + mix / len(known))
    return (weights / np.sum(known * weights)).astype(np.float32)


@cache
def _photographs() -> np.ndarray:
    from sklearn.datasets import load_sample_images

    return fit_color_prior(np.stack(load_sample_images().images))


def _classes(images: tf.Tensor) -> np.ndarray:
    ab = rgb_to_lab(images).numpy()[..., 1:].reshape(-1, 2)
    return class_table()[tuple(np.rint(ab / SIZE).astype(int).T + REACH)]


def _load(prior: Any) -> np.ndarray:
    found = prior
    if isinstance(prior, (str, Path)):
        try:
            with np.load(Path(prior).expanduser(), allow_pickle=False) as stored:
                found = stored["prior"]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"colorize: no prior of colours can be read from '{prior}' ({error}): make the "
                "file with kssl.pretext.fit_color_prior(dataset, file), or give 'photographs'"
            ) from None
    found = np.asarray(found, np.float64)
    if found.shape != (len(ab_bins()),) or not (found >= 0).all() or not found.sum() > 0:
        raise UserError(
            f"colorize: prior must be {len(ab_bins())} fractions of 0 or more, not {found.shape}"
        )
    return found / found.sum()


def _save(file: Path, prior: np.ndarray) -> None:
    if file.suffix != ".npz":
        raise UserError(f"fit_color_prior: '{file}' must end in .npz")
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as temporary:
        np.savez(temporary, prior=prior, bins=ab_bins())
