"""Reading CSV and Parquet files column by column, with what is broken counted."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.files.decode import report_broken
from kssl.errors import UserError, first_line

# What stands for a value that is not known, in any column.
MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null")

_DELIMITERS = ",;\t|"
_BLOCK = 2**24  # bytes of a CSV file that are read at a time; a longer line is an error


@dataclass(frozen=True)
class Column:
    """A column as numbers of its distinct values.

    Attributes:
        name: The column's name.
        codes: int32 `(rows,)`: which of `values` a row has; -1 where it is missing.
        values: The distinct values, as text.
        numbers: float64, one for each of `values`; NaN for one that is no finite number.
    """

    name: str
    codes: np.ndarray
    values: list[str]
    numbers: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """bool `(rows,)`."""
        return self.codes < 0

    def take(self, rows: np.ndarray) -> Column:
        """The same column with these rows alone."""
        return Column(self.name, self.codes[rows], self.values, self.numbers)


def read_columns(path: Path, header: bool, broken_fraction: float) -> list[Column]:
    """Read a table.

    Args:
        path: `.csv`, `.tsv` or any other text with one row a line, or one of these as `.gz`, or
            `.parquet`.
        header: Whether the first line of a text names the columns; without, they are named
            `column_0`, `column_1`, ….
        broken_fraction: Largest fraction of lines with too few or too many fields.

    Raises:
        UserError: The file is damaged or empty, or too many lines are broken.
    """
    if path.is_dir():
        raise UserError(f"tabular: '{path}' is a folder; give the file that the table is in")
    parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        table = _parquet(path) if parquet else _csv(path, header, broken_fraction)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes readers fail in any way
        raise UserError(f"{path} cannot be read: {_why(error)}") from error
    if not table.num_rows:
        raise UserError(f"{path} has no rows")
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{path}: more than one column is named {', '.join(map(repr, twice))}")
    return [_column(name, table.column(name)) for name in names]


def same_rows(columns: Sequence[Column]) -> np.ndarray:
    """uint64 `(rows,)`: rows that are equal in every column have the same number."""
    found = np.zeros(len(columns[0].codes), np.uint64)
    for column in columns:
        # Multiply and shift mixes well enough: two other rows with one number only share a split.
        found = (found ^ column.codes.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


def _csv(path: Path, header: bool, broken_fraction: float) -> Any:
    import pyarrow
    from pyarrow import csv

    first = _head(path)
    delimiter = max(_DELIMITERS, key=first.count)  # the comma, where there is none of them
    broken: list[str] = []

    def skip(row: Any) -> str:
        told = f"row {row.number} ({row.actual_columns} fields instead of {row.expected_columns})"
        broken.append(told)
        return "skip"

    # All as text: Arrow would guess a column's type from the first block of the file.
    reading = csv.ReadOptions(
        use_threads=False, block_size=_BLOCK, autogenerate_column_names=not header
    )
    parsing = csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
    )
    opened = csv.open_csv(_utf8(path), read_options=reading, parse_options=parsing)
    names = opened.schema.names
    opened.close()
    broken.clear()
    text = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False
    )
    table = csv.read_csv(_utf8(path), reading, parsing, text)
    if not header:
        table = table.rename_columns([f"column_{number}" for number in range(len(names))])
    rows = table.num_rows + len(broken)
    report_broken(str(path), "rows", broken, rows, broken_fraction)
    return table


def _utf8(path: Path) -> Any:
    """A stream of a file, unpacked, that fails at what is no UTF-8; Arrow checks only some."""
    import pyarrow

    stream = pyarrow.input_stream(str(path), compression="detect")
    # The name with the mark: Arrow takes "utf-8" to need no look at all.
    return pyarrow.transcoding_input_stream(stream, "utf-8-sig", "utf-8")


def _head(path: Path) -> str:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as stream:
        line = stream.readline(2**20)
    if not line.strip():
        raise UserError(f"{path} is empty, or begins with an empty line")
    return line.decode("utf-8-sig", "replace")


def _parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_table(path)


def _column(name: str, array: Any) -> Column:
    """Number the distinct values of an Arrow column."""
    import pyarrow
    from pyarrow import compute

    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
    numeric = pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)
    try:
        array = array.cast(pyarrow.float64() if numeric else pyarrow.string())
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise UserError(
            f"tabular: the column '{name}' has the type {kind}, which is neither number nor text: "
            "leave it out of the file"
        ) from error
    if not numeric:
        array = compute.utf8_trim_whitespace(array)
        unknown = compute.is_in(array, value_set=pyarrow.array(MISSING))
        array = compute.if_else(unknown, None, array)
    else:
        array = compute.if_else(compute.is_finite(array), array, None)
    coded = array.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pyarrow.ChunkedArray) else coded
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    distinct = coded.dictionary.to_pylist()
    numbers = np.array([_number(value) for value in distinct], np.float64)
    return Column(name, codes, [_text(value) for value in distinct], numbers)


def _number(value: str | float) -> float:
    try:
        number = np.nan if isinstance(value, str) and "_" in value else float(value)
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def _text(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) and value == int(value) else str(value)


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return (
            f"it is no UTF-8 text, see the byte 0x{error.object[error.start]:02x}: save it as UTF-8"
        )
    return first_line(error)
