"""One-hot encoding of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch


def one_hot(categories: Sequence[int] | None = None) -> MapFunction:
    """Make one row of numbers of a table's row: a column of 0 and 1 for each category.

    For models that read one tensor, such as an autoencoder.

    Args:
        categories: For each column under `categorical`, how many numbers there are, the 0 of an
            unknown value among them: `kssl.data.describe(dataset).categories`. In a recipe, those
            of the data unless they are given. A number that is not below it makes zeros alone.

    Returns:
        A map function; `numeric` float32 `(columns,)` has the numeric columns as they are, then
        those of the first category column, and so on. `categorical` is left out.

    Raises:
        UserError: A size is below 1; from the map function, when there are other categorical
            columns than sizes.

    Example:
        >>> row = {"numeric": tf.constant([0.5]), "categorical": tf.constant([2, 0])}
        >>> one_hot([3, 2])(row)["numeric"].numpy()
        array([0.5, 0. , 0. , 1. , 1. , 0. ], dtype=float32)
    """
    sizes = tuple(categories or ())
    if any(size < 1 for size in sizes):
        raise UserError(f"one_hot: categories {list(sizes)} must be 1 or more each")

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        columns = [tf.cast(batch["numeric"], tf.float32)] if "numeric" in batch else []
        if "categorical" in batch:
            numbers = batch["categorical"]  # (batch, category columns)
            _check(numbers.shape[1], sizes, categories is None)
            columns += [
                tf.one_hot(numbers[:, place], size)  # (batch, size)
                for place, size in enumerate(sizes)
            ]
        return {"numeric": tf.concat(columns, axis=1), "categorical": None}

    return by_batch("one_hot", change, {}, optional={"numeric": 1, "categorical": 1})


def _check(columns: int | None, sizes: tuple[int, ...], unknown: bool) -> None:
    if columns == len(sizes):
        return
    if unknown:
        raise UserError(
            f"one_hot needs to know how many values each of the {columns} categorical columns has: "
            "give categories=…, kssl.data.describe(dataset).categories of what tabular returned"
        )
    raise UserError(
        f"one_hot: categories has sizes of {len(sizes)} columns, but 'categorical' has {columns}"
    )
