"""Reading CSV, JSON and Parquet files column by column, with what is broken counted."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.files.decode import report_broken
from kssl.data.tables.delimited import delimiter_of, read_rows, to_width
from kssl.data.tables.lines import is_parquet, text_lines
from kssl.data.tables.records import JSON, json_records, kind_of
from kssl.data.tables.written_numbers import plain_number, read_numbers
from kssl.errors import UserError, first_line

# What stands for a value that is not known, in any column.
MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null")

_SAMPLE = 50  # lines by which a file's delimiter is found
_RULE = re.compile(r"\s*(:?-{2,}:?|:-+:?|-+:)\s*")  # under the names of a table in Markdown
_LEFT_OUT = b"kssl rows left out"  # in the metadata of an Arrow table
_ROWS = 2**14  # that are turned into Arrow's columns at a time


@dataclass(frozen=True)
class Column:
    """A column as numbers of its distinct values.

    Attributes:
        name: The column's name.
        codes: int32 `(rows,)`: which of `values` a row has; -1 where it is missing.
        values: The distinct values, as text.
        numbers: float64, one for each of `values`; NaN for one that is no finite number.
        note: How its numbers are written, or why they are not read, if that must be said.
        left_out: How many rows of the file were left out, for all columns alike, as broken.
    """

    name: str
    codes: np.ndarray
    values: list[str]
    numbers: np.ndarray
    note: str = ""
    left_out: int = 0

    @property
    def missing(self) -> np.ndarray:
        """bool `(rows,)`."""
        return self.codes < 0

    def take(self, rows: np.ndarray) -> Column:
        """The same column with these rows alone."""
        return replace(self, codes=self.codes[rows])


def read_columns(
    path: Path, header: bool, broken_fraction: float, skip: Collection[str] = ()
) -> list[Column]:
    """Read a table.

    Args:
        path: `.csv`, `.tsv` or any other text with one row a line, `.json` or `.jsonl`, each also
            packed, or `.parquet`.
        header: Whether the first line of a text names the columns; without, they are named
            `column_0`, `column_1`, ….
        broken_fraction: Largest fraction of lines with too few or too many fields.
        skip: Columns that will not be used, so that they may hold anything.

    Raises:
        UserError: The file is damaged or empty, or too many lines are broken.
    """
    if path.is_dir():
        raise UserError(f"tabular: '{path}' is a folder; give the file that the table is in")
    try:
        if path.suffix.lower() in (".parquet", ".pq") or is_parquet(path):
            table = _parquet(path)
        else:
            table = _text_table(path, header, broken_fraction)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes readers fail in any way
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error
    if not table.num_rows:
        raise UserError(f"{path} has no rows")
    names = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(table.column_names)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        hint = "" if not header else "; if its first line is a row, say header: false"
        raise UserError(
            f"{path}: more than one column is named {', '.join(map(repr, twice))}{hint}"
        )
    left_out = int((table.schema.metadata or {}).get(_LEFT_OUT, 0))
    return [
        replace(_column(name, array, name in skip), left_out=left_out)
        for name, array in zip(names, table.columns, strict=True)
    ]


def column_of(name: str, values: list[Any]) -> Column:
    """A column of values that were read elsewhere; None is a missing one."""
    return _column(name, _array(values), skipped=False)


def same_rows(columns: Sequence[Column]) -> np.ndarray:
    """uint64 `(rows,)`: rows that are equal in every column have the same number."""
    found = np.zeros(len(columns[0].codes), np.uint64)
    for column in columns:
        # Multiply and shift mixes well enough: two other rows with one number only share a split.
        found = (found ^ column.codes.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


def _text_table(path: Path, header: bool, broken_fraction: float) -> Any:
    lines = text_lines(path)
    first = list(islice(lines, _SAMPLE))
    if not first or not first[0].strip():
        raise UserError(f"{path} is empty, or begins with an empty line")
    if kind_of(path) in JSON or first[0].lstrip().startswith(("{", "[{")):
        lines.close()
        return _json(path, broken_fraction)
    rows = read_rows(chain(first, lines), delimiter_of(first))
    names = next(rows)[1]
    if isinstance(names, str):
        raise UserError(f"{path}: its first line has {names}")
    if header:
        _check_names(path, names)
    else:
        rows, names = chain([(1, names)], rows), [f"column_{n}" for n in range(len(names))]
    return _arrow(path, names, rows, broken_fraction)


def _check_names(path: Path, names: list[str]) -> None:
    """Warn where the first line looks like a row, and not like the names of columns."""
    numbers = [name for name in names if not np.isnan(plain_number(name))]
    if len(numbers) > len(names) / 2:
        logging.getLogger("kssl").warning(
            "%s: most names of columns are numbers (%s): if its first line is a row, say "
            "header: false",
            path,
            ", ".join(numbers[:3]) + ", …" * (len(numbers) > 3),
        )


def _arrow(
    path: Path, names: list[str], rows: Iterable[tuple[int, Any]], broken_fraction: float
) -> Any:
    """A table of text, with the rows left out that have other fields than there are names."""
    import pyarrow

    broken: list[tuple[str, str]] = []
    stripped = [name.strip() for name in names]
    kind = pyarrow.schema([(name, pyarrow.string()) for name in names])

    def fitting() -> Iterator[list[str]]:
        for number, fields in rows:
            fields = fields if isinstance(fields, str) else to_width(fields, len(names))
            fields = fields if isinstance(fields, str) else _no_row(fields, stripped) or fields
            if isinstance(fields, str):
                broken.append((f"line {number}", fields))
            else:
                yield fields

    good, batches = fitting(), []
    while part := list(islice(good, _ROWS)):
        arrays = [pyarrow.array(values, pyarrow.string()) for values in zip(*part, strict=True)]
        batches.append(pyarrow.RecordBatch.from_arrays(arrays, schema=kind))
    table = pyarrow.Table.from_batches(batches, kind)
    if len(broken) > table.num_rows:
        number, why = broken[0]
        raise UserError(
            f"{path}: most of its rows do not fit to its first line, {', '.join(stripped)!r}, "
            f"which has the names of the columns: {number} has {why}. Take off what stands above"
        )
    report_broken(str(path), "rows", broken, table.num_rows + len(broken), broken_fraction)
    return table.replace_schema_metadata({_LEFT_OUT: str(len(broken))})


def _no_row(fields: list[str], names: list[str]) -> str:
    """Say why fields, as many as there are names, are no row; "" if they are one."""
    if fields[0].strip() == names[0] and [field.strip() for field in fields] == names:
        return "the names of the columns again"
    written = [field for field in fields if field]
    return "nothing but lines" if written and all(map(_RULE.fullmatch, written)) else ""


def _json(path: Path, broken_fraction: float) -> Any:
    """The records of a file; a name that a record lacks is a missing value."""
    import pyarrow

    records, broken = [], []
    for number, record in json_records(path):
        if isinstance(record, str):
            broken.append((f"line {number}", record))
        else:
            records.append(record)
    report_broken(str(path), "records", broken, len(records) + len(broken), broken_fraction)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [_array([record.get(name) for record in records]) for name in names]
    table = pyarrow.Table.from_arrays(columns, names) if names else pyarrow.table({})
    return table.replace_schema_metadata({_LEFT_OUT: str(len(broken))})


def _array(values: list[Any]) -> Any:
    import pyarrow

    try:
        return pyarrow.chunked_array([pyarrow.array(values)])
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):  # of several types
        text = [None if value is None else str(value) for value in values]
        return pyarrow.chunked_array([pyarrow.array(text, pyarrow.string())])


def _parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _column(name: str, array: Any, skipped: bool) -> Column:
    """Number the distinct values of an Arrow column."""
    import pyarrow
    from pyarrow import compute

    if pyarrow.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    kind = array.type
    if pyarrow.types.is_floating(kind):
        array = compute.if_else(compute.is_finite(array), array, None)
    elif not pyarrow.types.is_integer(kind):
        array = compute.utf8_trim_whitespace(_as_text(name, array, skipped))
        unknown = compute.is_in(array, value_set=pyarrow.array(MISSING))
        array = compute.if_else(unknown, None, array)
    coded = array.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pyarrow.ChunkedArray) else coded
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    distinct = coded.dictionary.to_pylist()
    values = [value_name(value) for value in distinct]
    if distinct and not isinstance(distinct[0], str):
        return Column(name, codes, values, np.array([float(v) for v in distinct], np.float64))
    numbers, note = read_numbers(values)
    return Column(name, codes, values, numbers, note)


def _as_text(name: str, array: Any, skipped: bool) -> Any:
    import pyarrow

    try:
        return array.cast(pyarrow.string())
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        if skipped:
            text = [str(value) for value in array.to_pylist()]
            return pyarrow.chunked_array([pyarrow.array(text, pyarrow.string())])
        raise UserError(
            f"tabular: the values of the column '{name}' are of the type {array.type}, neither "
            f"numbers nor text: types: {{{name}: skip}} leaves it out"
        ) from error


def value_name(value: Any) -> str:
    """A value as text: whole numbers in full, without a point."""
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
