"""The tables that come with scikit-learn."""

from __future__ import annotations

from typing import Literal

import numpy as np

from kssl.data.from_arrays import Dataset
from kssl.data.sources.tabular import fit_columns
from kssl.data.splitting import check_split
from kssl.data.tables.encode import FittedTable
from kssl.data.tables.reader import Column, value_name
from kssl.errors import UserError, nearest

_TABLES = ("breast_cancer", "iris", "wine")


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
    return Column(
        name, codes.astype(np.int32), [value_name(float(v)) for v in distinct], distinct * 1.0
    )
