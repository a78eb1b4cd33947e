"""Reading documents from text files, damaged ones too: bounded lines, and problems counted."""

from __future__ import annotations

import codecs
import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from kssl.data.files.walk import suffix_of
from kssl.data.tables.delimited import delimiter_in, read_rows, to_width
from kssl.data.tables.lines import other_kind
from kssl.data.tables.parquet import PARQUET, parquet_names, parquet_rows
from kssl.data.tables.records import is_table, records_in
from kssl.data.text.opening import DAMAGE, PACKED, head_of, open_text
from kssl.errors import UserError, nearest
from kssl.system.memory import require

LONGEST_LINE = 2**24  # bytes of a line that are held at a time
_CHECKED = 2**26  # bytes of a document after which memory is looked at again

TABLES = {".csv": ",", ".tsv": "\t"}
RECORDS = (".jsonl", ".ndjson", ".json", *PARQUET)
_NO_TEXT = tuple(
    ".pdf .docx .doc .odt .rtf .epub .html .htm .xlsx .xls .zip .arrow .feather .pkl .tar "
    ".tgz .7z .zst .npz .npy".split()
)


@dataclass(frozen=True)
class Document:
    """One text, its class and split if they are said, and its name: its file, or the row of one."""

    text: str
    label: str | None = None
    name: str = ""
    split: str | None = None


@dataclass
class Troubles:
    """What was wrong with a corpus: one warning for each kind, with the count and first place."""

    where: str
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, place: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.first.setdefault(kind, place)

    def report(self) -> None:
        for kind, count in self.counts.items():
            logging.getLogger("kssl").warning(
                "%s: %s: %d, the first: %s", self.where, kind, count, self.first[kind]
            )


def kind_of(path: Path) -> str:
    """The suffix of a file, without that of its packing, such as `.gz`."""
    return suffix_of(path.name, PACKED)


def read_documents(
    path: Path,
    text: str | int | None,
    label: str | int | None,
    troubles: Troubles,
    split: str | None = None,
) -> Iterator[Document]:
    """Read the documents of a file: the rows of a table or of JSON lines, else the whole file.

    Args:
        path: The file; what ends in `.gz`, `.xz` or `.bz2` is unpacked as it is read.
        text: Field or column of the text; a number for a table without header.
        label: Field or column of the class, or None.
        troubles: What is wrong is added here.
        split: Field or column of the split, whose value documents carry.

    Raises:
        UserError: The file cannot be opened, is no text, or no row has the field or column.
    """
    kind = kind_of(path)
    if kind in _NO_TEXT:
        raise UserError(f"{path}: {kind} is not read as text; convert it to .txt, .jsonl or .csv")
    if kind not in PARQUET and (other := other_kind(head_of(path))):
        troubles.add(f"files that are {other}, left out", str(path))
        return iter(())
    if kind in RECORDS:
        return _records(path, text, label, troubles, split)
    if kind in TABLES:
        return _rows(path, text, label, troubles, split)
    return _whole(path, troubles)


def _whole(path: Path, troubles: Troubles) -> Iterator[Document]:
    parts, total = [], 0
    for _, part in _lines(path, troubles, pieces=True):
        parts.append(part)
        if (total + len(part)) // _CHECKED > total // _CHECKED:
            require(4.0 * (total + len(part)), f"the document {path}, which is held as a whole,")
        total += len(part)
    if total:
        yield Document("".join(parts))


def _records(
    path: Path,
    text: str | int | None,
    label: str | int | None,
    troubles: Troubles,
    split: str | None,
) -> Iterator[Document]:
    name = "text" if text is None else str(text)
    found, keys, other = False, set[str](), ""
    objects: Iterator[tuple[str, Any]]
    if kind_of(path) in PARQUET:
        keys |= {*parquet_names(path)}
        rows = parquet_rows(path, {name, str(label), str(split)})
        objects = ((f"{path} row {number}", row) for number, row in enumerate(rows, 1))
    else:
        objects = _objects(path, name, troubles)
    for place, record in objects:
        if isinstance(record, str) and text is label is None:  # an array of texts
            record = {name: record}
        if not isinstance(record, dict) or not isinstance(record.get(name), str):
            keys |= set(record) if isinstance(record, dict) and len(keys) < 100 else set()
            if isinstance(record, dict) and name in record:
                other = type(record[name]).__name__.replace("dict", "object")
            troubles.add(f"records without a text under '{name}', left out", place)
            continue
        said = None if label is None else record.get(str(label))
        if isinstance(said, list | dict):
            raise UserError(
                f"{place}: '{label}' is {str(said)[:40]}, and a class is one value: write one, or "
                "leave label out"
            )
        if label is not None and said is None:
            troubles.add(f"records without '{label}', read without a label", place)
        found = True
        own = None if split is None else str(record.get(split, ""))
        yield Document(record[name], said if said is None else str(said), split=own)
    if not found and keys:
        what = f"; what is there is a {other}" if other else nearest(name, keys)
        raise UserError(f"{path}: no record has a text under '{name}'{what}")


def _objects(path: Path, name: str, troubles: Troubles) -> Iterator[tuple[str, Any]]:
    """What each line says; of a `.json` file that is one array, or an object of one, each item."""
    lines = ((number, line) for number, line in _lines(path, troubles) if line.strip())
    if kind_of(path) == ".json":
        rest = list(lines)
        try:
            whole = json.loads("".join(line for _, line in rest))
        except (ValueError, RecursionError):
            whole = None  # lines of JSON under that name
        one = isinstance(whole, dict) and (not is_table(whole) or type(whole.get(name)) is str)
        if whole is not None:
            items = [whole] if one else records_in(str(path), whole)
            yield from ((f"{path} item {number}", each) for number, each in enumerate(items, 1))
            return
        lines = iter(rest)
    for number, line in lines:
        place = f"{path} line {number}"
        try:
            yield place, json.loads(line)
        except (ValueError, RecursionError):
            troubles.add("lines that are no JSON, left out", place)


def _rows(
    path: Path,
    text: str | int | None,
    label: str | int | None,
    troubles: Troubles,
    split: str | None,
) -> Iterator[Document]:
    lines = (line.rstrip("\n") for _, line in _lines(path, troubles))
    columns: tuple[int, int | None] | None = None
    width, of_split = 0, None
    first = list(islice(lines, 1))
    usual = TABLES[kind_of(path)]
    delimiter = usual if isinstance(text, int) else delimiter_in(first, usual)  # of the header
    for number, row in read_rows(chain(first, lines), delimiter):
        place = f"{path} line {number}"
        if isinstance(row, str):
            troubles.add("rows that cannot be parsed, left out", f"{place} ({row})")
            continue
        if columns is None:
            columns, width = _columns(path, row, text, label), len(row)
            of_split = None if split is None else _column(path, [n.strip() for n in row], split)
            if isinstance(text, str) or text is None:
                continue  # that row was the header
        of_text, of_label = columns
        fields = to_width(row, width, of_text, delimiter) if len(row) > width else row
        if isinstance(fields, str) or len(fields) <= max(of_text, of_label or 0, of_split or 0):
            many = "many" if isinstance(fields, str) else "few"
            troubles.add(f"rows with too {many} columns, left out", place)
        else:
            if of_label is not None and not fields[of_label].strip():
                troubles.add("rows without a label, read without one", place)
            own = None if of_split is None else fields[of_split]
            said = None if of_label is None else fields[of_label].strip()
            yield Document(fields[of_text], said, split=own)


def _columns(
    path: Path, row: list[str], text: str | int | None, label: str | int | None
) -> tuple[int, int | None]:
    if isinstance(text, int):
        if label is not None and not isinstance(label, int):
            raise UserError(f"{path}: field {text} is a column's number, so label must be one too")
        widest = max(text, label or 0)
        if min(text, label or 0) < 0 or widest >= len(row):
            raise UserError(f"{path}: there is no column {widest}: the first row has {len(row)}")
        return text, label
    names = [name.strip() for name in row]
    return _column(path, names, text or "text"), _column(path, names, label) if label else None


def _column(path: Path, names: list[str], name: str | int) -> int:
    if names.count(str(name)) > 1:
        raise UserError(f"{path}: more than one column is named '{name}'")
    if name not in names:
        row = any(len(each.split()) > 3 or each.isdigit() for each in names)  # no names at all
        cure = "a table without header takes numbers: field: 0"
        if not row:
            cure = "of several tables, name those that have it: path: {train: …, test: …}"
        raise UserError(f"{path} has no column '{name}'{nearest(str(name), names)}; {cure}")
    return names.index(str(name))


def _lines(path: Path, troubles: Troubles, pieces: bool = False) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; one that is too long comes in pieces, or not at all."""
    number, carried, inside = 0, b"", False
    with open_text(path) as stream:
        for raw, ends in _raw_lines(stream, path, troubles):
            number += not inside
            place = f"{path} line {number}"
            if not (inside or ends):
                troubles.add(_too_long(pieces), place)
            left_out = (inside or not ends) and not pieces
            inside = not ends
            if left_out:
                continue
            raw = carried + raw
            raw, carried = (raw, b"") if ends else _whole_characters(raw)
            yield number, _decoded(raw, place, troubles)
    if number == 0:
        troubles.add("empty files", str(path))


def _too_long(pieces: bool) -> str:
    size = f"{LONGEST_LINE // 2**20} MiB" if LONGEST_LINE >= 2**20 else f"{LONGEST_LINE} bytes"
    return f"lines longer than {size}, {'cut there' if pieces else 'left out'}"


def _whole_characters(raw: bytes) -> tuple[bytes, bytes]:
    """Cut off the beginning of a character of several bytes at the end."""
    for back in range(1, min(4, len(raw)) + 1):
        if raw[-back] >= 0xC0:
            return raw[:-back], raw[-back:]
        if raw[-back] < 0x80:
            break
    return raw, b""


def _raw_lines(stream: BinaryIO, path: Path, troubles: Troubles) -> Iterator[tuple[bytes, bool]]:
    """Lines, or parts of them, with whether the line ends there."""
    while True:
        try:
            raw = stream.readline(LONGEST_LINE)
        except DAMAGE as error:
            why = str(error) or type(error).__name__
            if isinstance(error, gzip.BadGzipFile) and "Not a gzipped" in why:
                raise UserError(f"{path} ends in .gz, but is no gzip file") from error
            troubles.add("files that end early or are damaged, read up to there", f"{path} ({why})")
            return
        if not raw:
            return
        yield raw, raw.endswith(b"\n") or len(raw) < LONGEST_LINE


def _decoded(raw: bytes, place: str, troubles: Troubles) -> str:
    raw = raw[:-2] + b"\n" if raw.endswith(b"\r\n") else raw
    raw = raw.removeprefix(codecs.BOM_UTF8) if place.endswith(" line 1") else raw
    if b"\0" in raw:
        troubles.add("lines with NUL characters, which are of no text in UTF-8", place)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        troubles.add("lines that are not UTF-8, wrong bytes replaced by U+FFFD", place)
        return raw.decode("utf-8", "replace")
