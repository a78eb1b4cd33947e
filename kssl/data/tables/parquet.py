"""Rows of Parquet files, some columns of them, a batch at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from kssl.errors import UserError, first_line

PARQUET = (".parquet", ".pq")


def parquet_rows(path: Path, columns: Collection[str] | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield each row by the names of its columns.

    Args:
        path: The file.
        columns: Which are read, if they are there; None reads all.

    Raises:
        UserError: The file is damaged, or no Parquet.
    """
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if columns is None or name in columns]
            for batch in file.iter_batches(batch_size=1024, columns=names):
                yield from batch.to_pylist()
    except (OSError, ValueError) as error:  # Arrow's own are of these
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error


def parquet_names(path: Path) -> list[str]:
    """The names of a file's columns."""
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(path).names)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error
