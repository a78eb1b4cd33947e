"""What the first rows of somebody's table say of its columns: texts, classes, names or none."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.tables.parquet import PARQUET, parquet_rows
from kssl.data.tables.reader import Column
from kssl.data.tables.records import JSON, TABLES, kind_of, read_records

WORDS = 4  # a column of fewer words in the mean is one of names
_LABELS = ("label", "labels", "class", "target", "category", "topic", "y")
_LOOKED_AT = 200  # rows of a table


def head(place: Path) -> list[Mapping[str, Any]]:
    """The first rows of a table with names of columns; none of any other file."""
    if kind_of(place) in PARQUET:
        return list(islice(parquet_rows(place), _LOOKED_AT))
    if kind_of(place) not in (*JSON, *TABLES):
        return []
    rows = (row for _, row in read_records(place) if not isinstance(row, str))
    return list(islice(rows, _LOOKED_AT))


def text_column(rows: list[Mapping[str, Any]]) -> str:
    """The column with the longest texts, if they are of several words; "" if there is none."""
    words = {
        str(name): np.mean([len(str(row.get(name) or "").split()) for row in rows])
        for name in (rows[0] if rows else ())
        if any(isinstance(row.get(name), str) for row in rows)
    }
    longest = max(words, key=lambda name: words[name], default="")
    return longest if longest and words[longest] >= WORDS else ""


def is_class(column: Column) -> bool:
    """Whether a column has few values, which come back."""
    return len(column.values) <= max(20, len(column.codes) ** 0.5)


def label_in(names: list[str]) -> str | None:
    """The name of a column that is called a class."""
    return next((name for name in names if name.lower() in _LABELS), None)
