"""The encoding of a table, fitted on its training rows alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kssl.data.description import described
from kssl.data.files.tell import classes_line
from kssl.data.from_arrays import Dataset
from kssl.data.splitting import SPLITS, check_split
from kssl.data.tables.reader import Column

MISSING_VALUE = "(missing)"


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, which become `(value - mean) / std`; a missing one becomes 0.

    Attributes:
        name: The column's name.
        mean: Mean of the training rows.
        std: Their standard deviation; 1 where all are the same.
        missing: How many of them are missing.
    """

    name: str
    mean: float
    std: float
    missing: int


@dataclass(frozen=True)
class CategoricalColumn:
    """A categorical column: integers from 1; 0 is an unknown value.

    Attributes:
        name: The column's name.
        values: The values of the training rows in order; number i + 1 is `values[i]`. A missing
            value is one of them, `(missing)`, if there are any in the training rows.
        missing: How many training rows have none.
    """

    name: str
    values: tuple[str, ...]
    missing: int


@dataclass(frozen=True)
class FittedTable:
    """A table with the encodings of its columns, fitted on the training rows; `print` shows it.

    Attributes:
        numeric: The columns of numbers, in the order of the key `numeric`.
        categorical: The columns of names, in the order of the key `categorical`.
        label: Name of the column of labels, or None.
        classes: The labels in the order of their numbers.
        skipped: The other columns, with why they are not used.
        rows: For each split, the numbers of its rows.
        columns: All columns that have been read.
        where: The file, or the name of the data set.
        split_by: The column that says in which split a row is; "" where a hash does.
    """

    numeric: tuple[NumericColumn, ...]
    categorical: tuple[CategoricalColumn, ...]
    label: str | None
    classes: tuple[str, ...]
    skipped: Mapping[str, str]
    rows: Mapping[str, np.ndarray]
    columns: Mapping[str, Column]
    where: str = ""
    split_by: str = ""

    @property
    def vocabulary_sizes(self) -> list[int]:
        """How many numbers each categorical column has, with 0: the sizes of embeddings."""
        return [len(column.values) + 1 for column in self.categorical]

    def arrays(self, split: str) -> dict[str, np.ndarray]:
        """The rows of a split, encoded: what `tabular` yields, as arrays."""
        rows = self.rows[check_split(split)]
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        found = {
            "numeric": _side_by_side(
                [scaled(columns[each.name], each) for each in self.numeric], len(rows), np.float32
            ),
            "categorical": _side_by_side(
                [numbered(columns[each.name], each) for each in self.categorical],
                len(rows),
                np.int32,
            ),
        }
        if self.label is not None:
            found["label"] = _place(columns[self.label], self.classes)
        return found

    def dataset(self, split: str) -> Dataset:
        """The rows of a split as a dataset."""
        import tensorflow as tf

        dataset = tf.data.Dataset.from_tensor_slices(self.arrays(split))
        return described(
            dataset,
            class_names=self.classes or None,
            categories=tuple(self.vocabulary_sizes),
            columns={
                "numeric": [each.name for each in self.numeric],
                "categorical": [each.name for each in self.categorical],
            },
            category_names=[each.values for each in self.categorical],
            names=[str(row + 1) for row in self.rows[split]],
            found=self.told(),
        )

    def told(self) -> tuple[str, str, str]:
        """What was found and how it was understood, in three lines."""
        column = next(iter(self.columns.values()))
        used = f"columns: {len(self.numeric)} of numbers, {len(self.categorical)} of categories"
        broken = [f"{column.left_out:,} broken rows"] * bool(column.left_out)
        left = broken + [f"the column {name} ({why})" for name, why in self.skipped.items()]
        sizes = {split: len(rows) for split, rows in self.rows.items()}
        drawn = f"by the column {self.split_by}" if self.split_by else "by a hash of each row"
        classes = {}
        if self.label is not None:
            labels = self.columns[self.label]
            known = {split: labels.codes[rows] for split, rows in self.rows.items()}
            values = [*labels.values, ""]  # -1 is missing
            classes = {split: [values[code] for code in codes] for split, codes in known.items()}
        return (
            f"{len(column.codes):,} rows in {self.where} ({used})"
            + f"; left out: {', '.join(left[:8])}{', …' * (len(left) > 8)}" * bool(left),
            f"splits: {', '.join(f'{name} {sizes[name]:,}' for name in SPLITS)}, {drawn}",
            classes_line(classes) if classes else "no labels: no column is named as label",
        )

    def __str__(self) -> str:
        lines = [", ".join(f"{split}: {len(rows):,} rows" for split, rows in self.rows.items())]
        names = [each.name for each in (*self.numeric, *self.categorical)]
        width = max(map(len, [*names, self.label or "", *self.skipped]), default=0)
        for each in (*self.numeric, *self.categorical):
            missing = f", {each.missing} missing" * bool(each.missing)
            lines.append(f"{each.name:{width}}  {_said_of(each)}{missing}")
        if self.label is not None:
            lines.append(f"{self.label:{width}}  label, {_few(self.classes)}")
        lines += [f"{name:{width}}  not used: {why}" for name, why in self.skipped.items()]
        return "\n".join(lines)


def fit_numeric(column: Column) -> NumericColumn:
    """Fit a numeric column on the training rows."""
    values = _values(column)
    known = values[np.isfinite(values)]
    mean, std = _moments(known) if len(known) else (0.0, 1.0)
    return NumericColumn(column.name, mean, std, len(values) - len(known))


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation at any scale; 1 where the values differ by rounding alone."""
    largest = float(np.abs(values).max()) or 1.0
    unit = values / largest  # else squares of numbers near 1e308 or 1e-308 are lost
    half = 0.5 if largest > 1 else 1.0  # the difference may be beyond the largest number
    apart = values * half - values[0] * half
    widest = float(np.abs(apart).max())
    std = float((apart / (widest or 1.0)).std()) * widest / half
    exact = largest < 2.0**63 and bool((values == np.rint(values)).all())  # nothing is rounded
    spread = std > 0 and (exact or std > 1e-14 * largest)
    return float(unit.mean()) * largest, std if spread else 1.0


def fit_categorical(column: Column) -> CategoricalColumn:
    """Fit a categorical column on the training rows."""
    missing = int(column.missing.sum())
    used = in_order([column.values[code] for code in np.unique(column.codes) if code >= 0])
    return CategoricalColumn(column.name, used + (MISSING_VALUE,) * bool(missing), missing)


def scaled(column: Column, fitted: NumericColumn) -> np.ndarray:
    """float32 `(rows,)`; 0, the mean, where a value is missing."""
    # Halves, for the difference of two numbers near 1e308 may be beyond the largest.
    half = 0.5 if fitted.std > 1 else 1.0
    values = (_values(column) * half - fitted.mean * half) / (fitted.std * half)
    highest = float(np.finfo(np.float32).max)
    return np.nan_to_num(values, nan=0.0).clip(-highest, highest).astype(np.float32)


def numbered(column: Column, fitted: CategoricalColumn) -> np.ndarray:
    """int32 `(rows,)`: 1 and up for the values of the training rows, 0 for others."""
    return _place(column, fitted.values) + 1


def in_order(values: list[str]) -> tuple[str, ...]:
    """Distinct values sorted: as numbers if all are, else as text."""
    try:
        return tuple(sorted(set(values), key=lambda value: (float(value), value)))
    except ValueError:
        return tuple(sorted(set(values)))


def warn_of_identifiers(table: FittedTable) -> None:
    """Warn of categorical columns in which nearly every row has a value of its own."""
    rows = len(table.rows["train"])
    for each in table.categorical:
        if len(each.values) > max(100, rows // 2):
            logging.getLogger("kssl").warning(
                "column '%s' has %d values in %d rows: if it only identifies the row, leave it "
                "out with types: {%s: skip}",
                each.name,
                len(each.values),
                rows,
                each.name,
            )


def _values(column: Column) -> np.ndarray:
    """float64 `(rows,)`, NaN where a value is missing or is no number."""
    return np.append(column.numbers, np.nan)[column.codes]  # the code -1 is the last


def _place(column: Column, names: tuple[str, ...]) -> np.ndarray:
    """int64 `(rows,)`: the place of each value in `names`; -1 if it has none."""
    place = {name: number for number, name in enumerate(names)}
    of_code = [place.get(value, -1) for value in column.values] + [place.get(MISSING_VALUE, -1)]
    return np.array(of_code, np.int64)[column.codes]


def _side_by_side(columns: list[np.ndarray], rows: int, kind: Any) -> np.ndarray:
    """`(rows, columns)`, also where there are no columns."""
    return np.stack(columns, axis=1).astype(kind) if columns else np.zeros((rows, 0), kind)


def _said_of(column: NumericColumn | CategoricalColumn) -> str:
    if isinstance(column, NumericColumn):
        return f"numeric: mean {column.mean:.4g}, std {column.std:.4g}"
    return f"categorical, {_few(column.values)}"


def _few(values: tuple[str, ...], limit: int = 5) -> str:
    more = ", …" if len(values) > limit else ""
    return f"{len(values)} values: {', '.join(values[:limit])}{more}"
