"""Records of JSON, JSON lines, CSV and TSV, each with the line that it is in."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kssl.data.tables.delimited import delimiter_in, read_rows, to_width
from kssl.data.tables.lines import LONGEST_TEXT, text_lines
from kssl.errors import UserError

Record = Mapping[str, Any]
JSON = (".jsonl", ".ndjson", ".json")
TABLES = {".csv": ",", ".tsv": "\t"}
_PACKED = (".gz", ".bz2", ".xz")
_GUESSED_FROM = 5  # lines


def kind_of(path: Path) -> str:
    """The ending of a name, without that of a packed file."""
    name = path.name.lower()
    return Path(next((name.removesuffix(e) for e in _PACKED if name.endswith(e)), name)).suffix


def read_records(path: Path, texts: Collection[str] = ()) -> Iterator[tuple[int, Record | str]]:
    """Yield each line's number with its record, or with why it cannot be read.

    Args:
        path: What ends in `.jsonl`, `.ndjson`, `.json`, `.csv` or `.tsv`, packed or not.
        texts: Names of columns of free text, in which commas need no quotes (see `to_width`).

    Raises:
        UserError: The file is no text, or has another ending.
    """
    kind = kind_of(path)
    if kind in JSON:
        yield from json_records(path)
        return
    if kind not in TABLES:
        raise UserError(f"'{path}' is not a table: give a .jsonl, .json, .csv or .tsv file")
    lines = text_lines(path)
    first = list(islice(lines, _GUESSED_FROM))
    delimiter = delimiter_in(first, TABLES[kind])
    rows = read_rows(chain(first, lines), delimiter)
    header = next((fields for _, fields in rows if not isinstance(fields, str)), [])
    names = [name.strip() for name in header]
    text = next((place for place, name in enumerate(names) if name in texts), None)
    for number, fields in rows:
        if not isinstance(fields, str):
            fields = to_width(fields, len(names), text, delimiter)
        yield (
            number,
            fields if isinstance(fields, str) else dict(zip(names, fields, strict=True)),
        )


def json_records(path: Path) -> Iterator[tuple[int, Record | str]]:
    """Yield the objects of JSON lines, of an array, or of an object, with their line or place.

    Raises:
        UserError: The file is no JSON, or an object in which there are no records.
    """
    lines = enumerate(text_lines(path, LONGEST_TEXT), start=1)
    start = list(islice(((number, line) for number, line in lines if line.strip()), 2))
    if start and _one_value([line for _, line in start]):
        text = "\n".join(line for _, line in chain(start, lines))
        yield from enumerate(_objects(path, text), start=1)
        return
    for number, line in chain(start, lines):
        if line.strip():
            yield number, _object(line)


def records_in(where: str, value: Any) -> list[Any]:
    """Return the records that one JSON value holds.

    It may be an array of them, an object with one such array (`{"data": [{…}, …]}`), or an object
    of columns, `{"a": [1, 2], "b": [3, 4]}`, as data frames are written too.

    Raises:
        UserError: It is none of these.

    Example:
        >>> records_in("a.json", {"a": [1, 2], "b": [3, 4]})
        [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}]
    """
    if isinstance(value, list):
        return value
    columns = [_column(each) for each in value.values()] if isinstance(value, dict) else []
    lengths = {len(each) if each is not None else -1 for each in columns}
    if columns and len(lengths) == 1 and -1 not in lengths and not _of_objects(columns[0]):
        return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    arrays = [each for each in columns if each is not None and _of_objects(each)]
    if len(arrays) == 1:
        return arrays[0]
    raise UserError(
        f"{where} is one JSON object; a table is an array of objects, [{{…}}, {{…}}], or JSON "
        "lines, one object a line, or columns of one length, {name: […], …}"
    )


def _column(value: Any) -> list[Any] | None:
    """The values of a column: a list, or an object of them by row, as data frames write it."""
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        value = list(value.values())
    return value if isinstance(value, list) else None


def _of_objects(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(each, dict) for each in values)


def _one_value(start: list[str]) -> bool:
    """Whether the first two lines are of one array or object, and not a value each."""
    if start[0].lstrip()[0] == "[":
        return len(start) == 1 or _object(start[0]) == "no JSON"
    return start[0].strip() == "{" or (len(start) == 1 and is_table(_object(start[0])))


def is_table(value: Any) -> bool:
    """Whether an object is a whole table and not one record: columns, or an array of records."""
    held = [_column(each) for each in value.values()] if isinstance(value, dict) else []
    return bool(held) and (None not in held or any(each and _of_objects(each) for each in held))


def _object(line: str) -> Record | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON"
    return row if isinstance(row, dict) else "no JSON object"


def _objects(path: Path, text: str) -> list[Record | str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: it is no JSON: {error}") from error
    rows = records_in(str(path), value)
    return [row if isinstance(row, dict) else "no JSON object" for row in rows]
