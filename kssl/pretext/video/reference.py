"""Video colorization from a reference frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.random import choice
from kssl.pretext.task import Task
from kssl.pretext.video.frames import levels

_BITS = 5  # of each channel in the table of colours
_RINGS = ((0.0, 1), (12.0, 5), (32.0, 10))  # chroma, number of hues
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def reference_frame(
    later: int = 3,
    stride: int = 1,
    cell: int = 4,
    palette: Sequence[Sequence[float]] | None = None,
    key: str = "video",
) -> MapFunction:
    """Take the colour out of a video but for its first frame, from which it is to be restored.

    C. Vondrick et al., "Tracking emerges by colorizing videos", ECCV 2018, arXiv:1806.09594. A
    model that sees only grey frames, and points for each place of a later frame at the place of
    the first whose colour it copies, learns to follow things. Colours are classes, of the mean
    of each cell of `cell` · `cell` pixels, by the nearest of a palette of chroma (a, b of CIE
    Lab; lightness stays in the grey). The paper's 16 classes are k-means of its videos; the
    default here is fixed: grey, 5 pale and 10 strong hues.

    Args:
        later: Frames that are to be coloured.
        stride: Frames from one to the next. Where the video has more than are needed, the first
            one is drawn.
        cell: Height and width of a cell in pixels: the stride of the model's feature map.
        palette: Chroma of the classes, `(classes, 2)`, such as k-means' centres of your videos.
        key: The video `(frames, height, width, 3)`, float in [0, 1] or uint8.

    Returns:
        A map function that adds `gray`, float32 `(1 + later, height, width, 1)` in [0, 1], the
        reference first; `reference_classes`, int32 `(height / cell, width / cell)`; and
        `target`, the classes of the later frames, int32 `(later, height / cell, width / cell)`.

    Raises:
        UserError: A setting is out of range; from the map function, when the video has no colour,
            too few frames, or sides that are no multiple of `cell`.

    Example:
        >>> made = reference_frame(later=2)({"video": tf.zeros((5, 4, 16, 16, 3))})
        >>> made["gray"].shape, made["target"].shape
        (TensorShape([5, 3, 16, 16, 1]), TensorShape([5, 2, 4, 4]))
    """
    if min(later, stride, cell) < 1:
        raise UserError(
            f"reference_frame: later {later}, stride {stride} and cell {cell} must be 1 or more"
        )
    table = tf.constant(_table(_palette(palette)))

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        video = batch[key]
        starts = _checked(video, key, 1 + later * stride, cell)
        frames = choice(seeds, (1,), starts) + stride * tf.range(1 + later)
        part = levels(tf.gather(video, frames, batch_dims=1))
        gray = sum(part[..., i : i + 1] * round(weight * 1000) for i, weight in enumerate(_LUMA))
        classes = tf.gather(table, _color_numbers(part, cell))
        return {
            "gray": tf.cast(gray, tf.float32) / 255_000.0,
            "reference_classes": classes[:, 0],
            "target": classes[:, 1:],
        }

    task = Task("gray", classes=len(_palette(palette)))
    return by_batch("reference_frame", change, {key: 4}, random=True, task=task)


def default_palette() -> np.ndarray:
    """The chroma of the 16 classes that `reference_frame` uses by default, `(16, 2)`."""
    points = []
    for ring, (chroma, hues) in enumerate(_RINGS):
        angles = 2 * np.pi * (np.arange(hues) + 0.5 * (ring % 2)) / hues
        points += [(chroma * np.cos(angle), chroma * np.sin(angle)) for angle in angles]
    return np.array(points)


def chroma(rgb: np.ndarray) -> np.ndarray:
    """a and b of CIE Lab (D65) of sRGB colours in [0, 1], `(…, 3)` -> `(…, 2)`."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = linear @ to_xyz.T / to_xyz.sum(axis=1)  # white is (1, 1, 1)
    bent = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    a, b = 500 * (bent[..., 0] - bent[..., 1]), 200 * (bent[..., 1] - bent[..., 2])
    return np.stack([a, b], axis=-1)


def _palette(given: Sequence[Sequence[float]] | None) -> np.ndarray:
    points = default_palette() if given is None else np.asarray(given, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise UserError(
            f"reference_frame: palette must be (classes, 2) with at least 2 classes, but its shape "
            f"is {points.shape}"
        )
    return points


def _table(palette: np.ndarray) -> np.ndarray:
    """int32: the class of each colour of 5 bits a channel. A table is exact, and quick."""
    values = (np.arange(2**_BITS) + 0.5) / 2**_BITS
    colors = np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1)
    points = chroma(colors.reshape(-1, 3))  # (colours, 2)
    distances = ((points[:, None] - palette) ** 2).sum(axis=-1)
    return distances.argmin(axis=1).astype(np.int32)


def _color_numbers(part: tf.Tensor, cell: int) -> tf.Tensor:
    """Levels `(batch, frames, height, width, 3)` -> places in the table, one for each cell."""
    frames, height, width = part.shape[1:4]
    rows, columns = height // cell, width // cell
    # One axis at a time is four times as fast as both at once.
    sums = tf.reduce_sum(tf.reshape(part, [-1, frames, rows, cell, width * 3]), axis=3)
    sums = tf.reduce_sum(tf.reshape(sums, [-1, frames, rows, columns, cell, 3]), axis=4)
    means = sums // cell**2  # (batch, frames, rows, columns, 3)
    coarse = means // 2 ** (8 - _BITS)
    return (coarse[..., 0] * 2**_BITS + coarse[..., 1]) * 2**_BITS + coarse[..., 2]


def _checked(video: tf.Tensor, key: str, needed: int, cell: int) -> int:
    """At how many places a stretch of `needed` frames can begin."""
    frames, height, width, channels = video.shape[1:]
    if None in (frames, height, width) or frames < needed:
        raise UserError(
            f"reference_frame needs {needed} frames of one size, but '{key}' is {video.shape[1:]}"
        )
    if channels != 3:
        raise UserError(f"reference_frame needs colour, but '{key}' has {channels} channels")
    if height % cell or width % cell:
        raise UserError(
            f"reference_frame: {height} · {width} pixels cannot be cut into cells of {cell}"
        )
    return int(frames) - needed + 1
