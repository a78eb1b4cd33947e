"""A table beside files that says in a column which split each of them is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from kssl.data.files.label_table import LabelTable, place_in, places_of
from kssl.data.files.walk import is_hidden
from kssl.data.tables.records import JSON, TABLES, kind_of, read_records
from kssl.data.tables.split_column import split_column, split_of_row, values_of
from kssl.errors import UserError

_LARGEST = 100_000_000  # bytes of a table that is looked at
_LOOKED_AT = 200  # rows in which names of files are looked for
_CURE = "Say train, validation and test in every row of one column, or take NAME out"


def splits_of_tables(root: Path, files: Sequence[Path]) -> LabelTable:
    """Read the splits from the first table in a folder, or one below it, that says them.

    Args:
        root: The folder.
        files: Below it; most rows of the table name one of them.

    Returns:
        No splits where there is no such table.
    """
    places: Mapping[str, Path] | None = None
    for table in _tables(root):
        looked = _rows(table, _LOOKED_AT)
        if not looked:
            continue
        places = places_of(root, files) if places is None else places
        for column in looked[0]:
            named = sum(place_in(places, row.get(column)) is not None for row in looked)
            if 2 * named > len(looked):
                found = _read(table, _rows(table), column, places)
                if found.splits:
                    return found
                break
    return LabelTable()


def _tables(root: Path) -> list[Path]:
    folders = [root, *sorted(each for each in root.iterdir() if each.is_dir())]
    return [
        path
        for folder in folders
        if not is_hidden(folder.name)
        for path in sorted(folder.iterdir())
        if path.is_file() and kind_of(path) in (*JSON, *TABLES) and not is_hidden(path.name)
        if path.stat().st_size < _LARGEST
    ]


def _rows(table: Path, most: int | None = None) -> list[Mapping[str, Any]]:
    try:
        rows = (row for _, row in read_records(table) if not isinstance(row, str))
        return list(islice(rows, most))
    except (UserError, OSError):  # told where the table is named in a recipe
        return []


def _read(
    table: Path, rows: Sequence[Mapping[str, Any]], column: str, places: Mapping[str, Path]
) -> LabelTable:
    found = LabelTable()
    said = split_column(str(table), values_of(rows, len(rows)), (column,), _CURE)
    for row in rows if said.name else ():
        file = place_in(places, row.get(column))
        if file is not None:
            split = split_of_row(str(table), said, row.get(said.name))
            found.put(str(table), file, split, f"by the column '{said.name}' of {table.name}")
    return found
