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
    rows = read_rows(chain(first, lines), delimiter_in(first, TABLES[kind]))
    header = next((fields for _, fields in rows if not isinstance(fields, str)), [])
    names = [name.strip() for name in header]
    text = next((place for place, name in enumerate(names) if name in texts), None)
    for number, fields in rows:
        fitting = fields if isinstance(fields, str) else to_width(fields, len(names), text)
        yield (
            number,
            fitting if isinstance(fitting, str) else dict(zip(names, fitting, strict=True)),
        )


def json_records(path: Path) -> Iterator[tuple[int, Record | str]]:
    """Yield the objects of JSON lines, or of a JSON array, with their line or place.

    Raises:
        UserError: The file is one JSON value that is no array of objects, or no JSON at all.
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


def _one_value(start: list[str]) -> bool:
    """Whether the first two lines are of one array or object, and not a value each."""
    if start[0].lstrip()[0] == "[":
        return len(start) == 1 or _object(start[0]) == "no JSON"
    return start[0].strip() == "{"


def _object(line: str) -> Record | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON"
    return row if isinstance(row, dict) else "no JSON object"


def _objects(path: Path, text: str) -> list[Record | str]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: it is no JSON: {error}") from error
    if not isinstance(rows, list):
        raise UserError(
            f"{path} is one JSON object; a table is an array of objects, [{{…}}, {{…}}], or JSON "
            "lines, one object a line"
        )
    return [row if isinstance(row, dict) else "no JSON object" for row in rows]
