"""Crops of the two photographs that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from kssl.data.description import described
from kssl.data.from_arrays import Dataset
from kssl.data.splitting import SPLITS, check_split
from kssl.errors import UserError

_COLUMNS = {"train": (0, 384), "validation": (384, 512), "test": (512, 640)}  # of 640


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
    dataset = tf.data.Dataset.from_tensor_slices({"image": np.stack(crops), "label": labels})
    return described(dataset, class_names=["temple", "flower"])
