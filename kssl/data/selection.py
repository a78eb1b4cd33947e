"""Some examples of a data set instead of all: `limit` and `labelled_only` of a recipe's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kssl.data.description import UNLABELLED, Description, describe, described
from kssl.data.from_arrays import Dataset
from kssl.data.splitting import shuffled
from kssl.data.whole import count
from kssl.errors import UserError


def select(dataset: Dataset, split: str, selection: Mapping[str, Any]) -> Dataset:
    """Keep some examples of a split, in their order, with what the data set says of itself.

    Args:
        dataset: As a source returned it.
        split: Its name, for messages.
        selection: `limit`: at most so many, drawn at random, always the same. `labelled_only`:
            only those that have a label.

    Returns:
        `dataset` itself where nothing is left out.

    Raises:
        UserError: None is left.
    """
    limit, labelled_only = selection.get("limit"), selection.get("labelled_only", False)
    own, size = describe(dataset), count(dataset)
    rows = np.arange(size)
    if labelled_only:
        rows = rows[_labelled(dataset, split, own)]
    if limit is not None and limit < len(rows):
        rows = np.sort(rows[shuffled(len(rows))[:limit]])
    if len(rows) == size:
        return dataset
    facts = vars(own) | {"names": own.names and [own.names[row] for row in rows]}
    if own.found and split == "train":
        first, *rest = own.found
        facts["found"] = (f"{first}; {_words(limit, labelled_only)}", *rest)
    return described(_only(dataset, rows, size), **facts)


def representative(labels: np.ndarray, limit: int) -> np.ndarray:
    """Rows that stand for all: the first ones, or evenly spaced ones of rows in order of class.

    Files are often listed class by class: the first of them would lack classes. Rows are taken to
    be in such an order where the label changes half as often as it would by chance.

    Args:
        labels: `(examples,)` whole numbers.
        limit: How many rows, at most; all rows where there are fewer.

    Example:
        >>> representative(np.array([0, 0, 0, 1, 1, 1]), 2)
        array([0, 3])
    """
    count = len(labels)
    limit = min(limit, count)
    shares = np.unique(labels, return_counts=True)[1] / max(1, count)
    by_chance = (1 - np.sum(shares**2)) * (count - 1)
    if 2 * np.count_nonzero(labels[1:] != labels[:-1]) >= by_chance:
        return np.arange(limit)
    return np.arange(limit) * count // limit


def _labelled(dataset: Dataset, split: str, own: Description) -> np.ndarray:
    if "label" not in dataset.element_spec:
        raise UserError(f"labelled_only: the data has no labels, in its split {split} either")
    labels = dataset.map(lambda example: example["label"]).batch(1024).as_numpy_iterator()
    known = np.concatenate(list(labels)).reshape(-1) != UNLABELLED
    if not own.class_names:
        return np.ones(len(known), bool)
    if not known.any():
        raise UserError(f"labelled_only: no example of the split {split} has a label")
    return known


def _words(limit: int | None, labelled_only: bool) -> str:
    parts = [
        f"at most {limit:,} of each split are used (limit)" if limit else "",
        "only those with a label are used (labelled_only)" if labelled_only else "",
    ]
    return ", ".join(part for part in parts if part)


def _only(dataset: Dataset, rows: np.ndarray, size: int) -> Dataset:
    import tensorflow as tf

    examples = numbered(dataset, rows, size).map(lambda _, example: example)
    return examples.apply(tf.data.experimental.assert_cardinality(len(rows)))


def numbered(dataset: Dataset, rows: np.ndarray, size: int) -> Dataset:
    """Return some rows of a data set, each behind its number.

    Args:
        dataset: Of `size` examples.
        rows: Which ones, ascending.
        size: Of the data set.
    """
    import tensorflow as tf

    if len(rows) and rows[-1] == len(rows) - 1:  # nothing behind them needs to be read
        return dataset.enumerate().take(len(rows))
    kept = np.zeros(size, bool)
    kept[rows] = True
    with tf.device("cpu"):
        mask = tf.constant(kept)
    return dataset.enumerate().filter(lambda row, _: tf.gather(mask, row))
