"""Rows of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kssl.modalities.base import Features, Modality


@keras.saving.register_keras_serializable(package="kssl")
class Table(Modality):
    """Rows: `numeric` `(columns,)` float32, scaled, and `categorical` `(columns,)` int32.

    A model reads a dict of those two; either may be absent. Simple models read scaled and one-hot
    columns; besides a logistic regression there is gradient boosting.

    Example:
        >>> Table().example_shape({"numeric": (None, 4), "categorical": (None, 2)})
        {'numeric': (4,), 'categorical': (2,)}
    """

    name = "table"
    keys = {"numeric": "float32", "categorical": "int32"}
    optional = ("numeric", "categorical")
    layout = "kssl.report.sheets.tables:draw"
    noun = ("row", "columns")
    cell = (1.8, 0.9)

    def pick(self, batch: Any) -> Any:
        picked = super().pick(batch)
        if not isinstance(picked, Mapping):
            return {"numeric": picked}  # a bare tensor
        return {key: part for key, part in picked.items() if _width(part)}

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        return {"scaled and one-hot columns": one_hot_columns(bank, test)}

    def simple_predictions(
        self, bank: Any, labels: np.ndarray, test: Any, vocabulary: Any = None
    ) -> dict[str, np.ndarray]:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits  # scikit-learn's own dependency

        boosting = HistGradientBoostingClassifier(random_state=0)
        with threadpool_limits(1):  # several threads spin where the cores are busy
            guess = boosting.fit(_columns(bank), labels).predict(_columns(test))
        return {
            **super().simple_predictions(bank, labels, test, vocabulary),
            "columns, gradient boosting": np.asarray(guess),
        }

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        values = np.concatenate([np.ravel(part) for part in self.by_key(example).values()])
        axes.bar(np.arange(len(values)), values, width=0.8)
        axes.axhline(0.0, linewidth=0.5, color="gray")


def one_hot_columns(bank: Any, test: Any) -> Features:
    """Return numeric columns as they are, and one column for each value of a categorical one.

    Values that the bank does not have are zeros everywhere.

    Example:
        >>> rows = {"numeric": np.zeros((2, 1)), "categorical": np.array([[1], [3]])}
        >>> one_hot_columns(rows, rows)[0].tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    from sklearn.preprocessing import OneHotEncoder

    sides: list[list[np.ndarray]] = [[], []]
    for key in ("numeric", "categorical"):
        if key not in bank or not bank[key].shape[1]:
            continue
        parts = [np.asarray(side[key], "float32") for side in (bank, test)]
        if key == "categorical":
            encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype="float32")
            encoder.fit(parts[0])
            parts = [encoder.transform(part) for part in parts]
        for side, part in zip(sides, parts, strict=True):
            side.append(part)
    return np.concatenate(sides[0], axis=1), np.concatenate(sides[1], axis=1)


def _columns(rows: Any) -> np.ndarray:
    return np.concatenate([np.asarray(part, "float32") for part in rows.values()], axis=1)


def _width(part: Any) -> Any:
    """Columns of a tensor, or of its shape; a table without such columns has 0 of them."""
    return part.shape[-1] if hasattr(part, "shape") else part[-1]
