"""Video, photographs and tables that need no download: made from what scikit-learn brings."""

from __future__ import annotations

from typing import Literal

import numpy as np

from kssl.data.locate import SPLITS, Dataset, check_split
from kssl.data.sources.embedded import digits
from kssl.data.sources.tabular import fit_columns
from kssl.data.tables.encode import FittedTable
from kssl.data.tables.reader import Column
from kssl.errors import UserError, nearest
from kssl.system.memory import require

_TABLES = ("breast_cancer", "iris", "wine")
_COLUMNS = {"train": (0, 384), "validation": (384, 512), "test": (512, 640)}  # of 640


def moving_digits(
    split: str = "train",
    frames: int = 16,
    size: int = 32,
    count: int = 1,
    examples: int = 512,
    seed: int = 0,
) -> Dataset:
    """Video of handwritten digits that move straight on and bounce off the edges.

    In the manner of N. Srivastava et al., "Unsupervised learning of video representations using
    LSTMs", ICML 2015, arXiv:1502.04681, but with the 1,797 digits that scikit-learn brings, each
    half as high as the picture. No digit of one split is in another.

    Args:
        split: `train`, `validation` or `test`.
        frames: Frames of an example.
        size: Height and width of the frames, in pixels.
        count: Digits in a video; they pass through each other.
        examples: How many in this split.
        seed: Other numbers give other choices and paths.

    Returns:
        A dataset of `{"video": uint8 (frames, size, size, 1), "label": int64 ()}`; the label is
        the first digit.

    Example:
        >>> moving_digits("test", frames=4, examples=8).element_spec["video"].shape
        TensorShape([4, 32, 32, 1])
    """
    import tensorflow as tf

    check_split(split)
    if min(frames, count, examples) < 1 or size < 4:
        raise UserError(
            f"moving_digits: frames {frames}, count {count} and examples {examples} must be 1 or "
            f"more, and size {size} at least 4"
        )
    require(2.0 * examples * frames * size**2, "these moving digits")
    random = np.random.RandomState([seed, SPLITS.index(split)])
    source = list(digits(split, size // 2).as_numpy_iterator())
    chosen = random.randint(len(source), size=(examples, count))
    places = _paths(random, (examples, count), frames, size - size // 2, size)
    video = np.zeros((examples, frames, size, size, 1), np.uint8)
    for example, frame, digit in np.ndindex(examples, frames, count):
        row, column = places[example, digit, frame]
        part = video[example, frame, row : row + size // 2, column : column + size // 2]
        np.maximum(part, source[chosen[example, digit]]["image"], out=part)
    labels = np.array([source[first]["label"] for first in chosen[:, 0]], np.int64)
    return tf.data.Dataset.from_tensor_slices({"video": video, "label": labels})


def photographs(
    split: str = "train", size: int = 64, examples: int = 256, seed: int = 0
) -> Dataset:
    """Crops of the two photographs that scikit-learn brings: a temple and a flower.

    The left part of each photograph is for training; validation and test have a fifth each of
    what is to its right. Two photographs are no world: this is to see what a transform does to
    real pixels, and to try things out.

    Args:
        split: `train`, `validation` or `test`.
        size: Height and width of the crops, at most 128; they are not resized.
        examples: How many in this split.
        seed: Other numbers give other places.

    Returns:
        A dataset of `{"image": uint8 (size, size, 3), "label": int64 ()}`; the label is which
        photograph: 0 the temple, 1 the flower.

    Example:
        >>> photographs(size=32, examples=8).element_spec["image"].shape
        TensorShape([32, 32, 3])
    """
    import tensorflow as tf
    from sklearn.datasets import load_sample_images

    first, last = _COLUMNS[check_split(split)]
    if not 1 <= size <= 128 or examples < 1:
        raise UserError(
            f"photographs: size {size} is not in 1 … 128, or examples {examples} not 1 or more"
        )
    random = np.random.RandomState([seed, SPLITS.index(split)])
    pictures = np.stack(load_sample_images().images)  # (2, 427, 640, 3)
    labels = np.arange(examples, dtype=np.int64) % 2
    rows = random.randint(pictures.shape[1] - size + 1, size=examples)
    columns = random.randint(first, last - size + 1, size=examples)
    crops = [
        pictures[label, row : row + size, column : column + size]
        for label, row, column in zip(labels, rows, columns, strict=True)
    ]
    return tf.data.Dataset.from_tensor_slices({"image": np.stack(crops), "label": labels})


def sklearn_table(
    split: str = "train", name: Literal["breast_cancer", "iris", "wine"] = "breast_cancer"
) -> Dataset:
    """A table that scikit-learn brings: breast cancer (569 rows), iris (150) or wine (178).

    Encoded as `tabular` does it: scaled by what the training rows tell. All their columns are
    numbers. 15 % of the rows are for validation, 15 % for test.

    Args:
        split: `train`, `validation` or `test`.
        name: `breast_cancer` (30 numbers of a cell sample, 2 classes), `iris` (4, 3) or `wine`
            (13, 3).

    Returns:
        A dataset of `{"numeric": float32 (n,), "categorical": int32 (0,), "label": int64 ()}`.

    Example:
        >>> sklearn_table("test", "wine").element_spec["numeric"].shape
        TensorShape([13])
    """
    check_split(split)
    if name not in _TABLES:
        raise UserError(f"sklearn_table: '{name}'{nearest(name, _TABLES)}")
    return _fitted(name).dataset(split)


def _fitted(name: str) -> FittedTable:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")()
    names = [str(each) for each in loaded.feature_names]
    columns = {each: _column(each, loaded.data[:, i]) for i, each in enumerate(names)}
    columns["class"] = _column("class", loaded.target)
    types = dict.fromkeys(names, "numeric")
    return fit_columns(name, columns, "class", types, 0.0, (0.15, 0.15))


def _column(name: str, values: np.ndarray) -> Column:
    distinct, codes = np.unique(values, return_inverse=True)
    return Column(name, codes.astype(np.int32), [f"{v:g}" for v in distinct], distinct * 1.0)


def _paths(
    random: np.random.RandomState, many: tuple[int, int], frames: int, room: int, size: int
) -> np.ndarray:
    """Places of the upper left corner, `(*many, frames, 2)`, within 0 … room."""
    start = random.uniform(0, 2 * room, (*many, 1, 2))
    angle = random.uniform(0, 2 * np.pi, many)
    speed = random.uniform(0.03, 0.1, many) * size  # pixels a frame
    step = np.stack([speed * np.sin(angle), speed * np.cos(angle)], axis=-1)  # (*many, 2)
    straight = start + step[..., None, :] * np.arange(frames)[:, None]
    # Going on straight in a hall of mirrors is bouncing off the edges.
    return np.rint(room - np.abs(np.mod(straight, 2 * room) - room)).astype(int)
