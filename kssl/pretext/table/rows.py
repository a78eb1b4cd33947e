"""Transforms of the rows of a table: values that are swapped, and values that are hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.random import bernoulli, choice, fold_in, permutation
from kssl.pretext.task import Task

_KEYS = {"numeric": 1, "categorical": 1}
_TASK = Task("numeric", target="target_numeric")


def corrupt_features(
    data: Any, rate: float = 0.6, exact: bool = True, rows: int = 100_000
) -> MapFunction:
    """Replace some values of a row by those that other rows have in the same column.

    SCARF (D. Bahri et al., ICLR 2022, arXiv:2106.15147) makes a second view of a row in this
    way, and contrasts the two; VIME (J. Yoon et al., NeurIPS 2020) restores the row and says
    which values were replaced. Each value is drawn for itself from its column: the marginal
    distribution, not another row as a whole.

    The other rows are those of `data`, not of the batch, so that what becomes of an example does
    not depend on which others are with it. Take the training split, encoded like the examples:
    the same `tabular` with the same settings.

    Args:
        data: A dataset of rows, or a dict of arrays `(rows, columns)`; in a recipe a dataset such
            as `{use: tabular, path: …}`, of which the training split is taken.
        rate: Fraction of the columns whose value is replaced.
        exact: Whether just `rate` of the columns, rounded down, are drawn (SCARF), or each with
            probability `rate` (VIME).
        rows: At most so many rows of `data` are kept, from its start.

    Returns:
        A map function; `numeric` and `categorical` (either may be absent) have values replaced,
        `target_numeric` and `target_categorical` are the row as it was, and `mask` is bool
        `(columns,)`, numeric columns first: True where the value is another one now. A value
        replaced by an equal one is not, as no model could know.

    Raises:
        UserError: `rate` or `data` does not fit; from the map function, when the columns of the
            examples are not those of `data`.

    Example:
        >>> table = {"numeric": np.arange(12.0, dtype=np.float32).reshape(4, 3)}
        >>> swapped = corrupt_features(table)({"numeric": tf.zeros((2, 3))})
        >>> sorted(swapped)
        ['mask', 'numeric', 'target_numeric']
    """
    _check_rate("corrupt_features", rate)
    table = {key: tf.constant(value) for key, value in _read(data, rows).items()}

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        _check_columns(batch, table)
        columns = sum(value.shape[1] for value in batch.values())
        drawn = choice(fold_in(seeds, 0), (columns,), len(next(iter(table.values()))))
        hit = _hit(fold_in(seeds, 1), columns, rate, exact)  # (batch, columns)
        result, changed, first = {}, [], 0
        for key, value in batch.items():
            part = slice(first, first := first + value.shape[1])
            places = drawn[:, part] * value.shape[1] + tf.range(value.shape[1])
            other = tf.gather(tf.reshape(table[key], [-1]), places)  # (batch, columns of the key)
            result[key] = tf.where(hit[:, part], other, value)
            result[f"target_{key}"] = value
            changed.append(result[key] != value)
        return {**result, "mask": tf.concat(changed, axis=1)}

    return by_batch("corrupt_features", change, {}, True, _KEYS, _TASK)


def mask_features(rate: float = 0.3, exact: bool = False) -> MapFunction:
    """Hide some values of a row, which are to be restored from the others.

    The task of TabNet's pretraining: S. Arik and T. Pfister, "TabNet: attentive interpretable
    tabular learning", AAAI 2021, arXiv:1908.07442. A hidden number becomes 0, which is the mean
    after `tabular`'s scaling; a hidden name becomes 0, the number of one that is not known.

    Args:
        rate: Fraction of the columns that are hidden.
        exact: Whether each column is hidden with probability `rate`, or just `rate` of them,
            rounded down.

    Returns:
        A map function; `numeric` and `categorical` (either may be absent) have values hidden,
        `target_numeric` and `target_categorical` are the row as it was, and `mask` is bool
        `(columns,)`, numeric columns first, True where hidden.

    Raises:
        UserError: `rate` is not from 0 to 1.

    Example:
        >>> hidden = mask_features(0.5, exact=True)({"numeric": tf.ones((2, 4))})
        >>> hidden["mask"].numpy().sum(axis=1)
        array([2, 2])
    """
    _check_rate("mask_features", rate)

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = sum(value.shape[1] for value in batch.values())
        mask = _hit(seeds, columns, rate, exact)  # (batch, columns)
        result, first = {}, 0
        for key, value in batch.items():
            part = slice(first, first := first + value.shape[1])
            result[key] = tf.where(mask[:, part], tf.zeros((), value.dtype), value)
            result[f"target_{key}"] = value
        return {**result, "mask": mask}

    return by_batch("mask_features", change, {}, True, _KEYS, _TASK)


def _hit(seeds: tf.Tensor, columns: int, rate: float, exact: bool) -> tf.Tensor:
    if exact:
        return permutation(seeds, columns) < int(rate * columns + 1e-9)
    return bernoulli(seeds, (columns,), rate)


def _check_rate(name: str, rate: float) -> None:
    if not 0.0 <= rate <= 1.0:
        raise UserError(f"{name}: rate {rate} is not a fraction, 0 … 1")


def _read(data: Any, rows: int) -> dict[str, np.ndarray]:
    """The columns of `data`, at most so many rows, as arrays."""
    if isinstance(data, Mapping):
        found = {key: np.asarray(value)[:rows] for key, value in data.items() if key in _KEYS}
        there = list(data)
    elif isinstance(data, tf.data.Dataset) and isinstance(data.element_spec, dict):
        there = list(data.element_spec)
        wanted = data.map(lambda row: {key: row[key] for key in there if key in _KEYS})
        blocks = list(wanted.take(rows).batch(4096).as_numpy_iterator())
        found = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
    else:
        raise UserError(
            "corrupt_features: data must be a dataset of rows or a dict of arrays, not "
            f"{type(data).__name__}"
        )
    if not found:
        raise UserError(f"corrupt_features: data has no key 'numeric'{nearest('numeric', there)}")
    if any(value.ndim != 2 or not len(value) for value in found.values()):
        shapes = ", ".join(f"{key} {value.shape}" for key, value in found.items())
        raise UserError(f"corrupt_features: data must be (rows, columns), but it is {shapes}")
    return found


def _check_columns(batch: Mapping[str, tf.Tensor], table: Mapping[str, tf.Tensor]) -> None:
    for key, value in batch.items():
        known = table[key].shape[1] if key in table else "no"
        if value.shape[1] != known:
            raise UserError(
                f"corrupt_features: the examples have {value.shape[1]} columns under '{key}', but "
                f"data has {known}: both must be made with the same settings"
            )
