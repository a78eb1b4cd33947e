"""Which column of tables of text says the split of each document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kssl.data.tables.parquet import PARQUET, parquet_names, parquet_rows
from kssl.data.tables.records import read_records
from kssl.data.tables.split_column import SplitColumn, split_column, values_of
from kssl.data.text.reader import RECORDS, TABLES, kind_of
from kssl.errors import UserError

_LOOKED_AT = 20_000  # rows, in which a column of another name must say two splits
_CURE = "Say train, validation and test in every row of one column, or take NAME out"


def column_of_splits(
    where: str, files: Sequence[Path], field: str | int | None, label: str | int | None
) -> SplitColumn:
    """Find the column that says the split of each row of tables.

    Args:
        where: How they are spoken of.
        files: All of them; if one is no table there is no such column.
        field: Field or column of the text; tables without a header have numbers, and no names.
        label: Field or column of the class.
    """
    if isinstance(field, int) or any(kind_of(file) not in (*RECORDS, *TABLES) for file in files):
        return SplitColumn()
    used = {str(each) for each in (field or "text", label)}
    values = values_of(_rows(files, used), _LOOKED_AT)
    return split_column(where, values, used, _CURE)


def _rows(files: Sequence[Path], used: set[str]) -> Iterator[Mapping[str, Any]]:
    for file in files:
        try:
            rows: Iterator[Any] = (row for _, row in read_records(file))
            if kind_of(file) in PARQUET:
                rows = parquet_rows(file, {*parquet_names(file)} - used)
            for row in rows:
                if isinstance(row, Mapping):
                    yield {name: value for name, value in row.items() if name not in used}
        except UserError:  # told by the reader of documents
            continue
