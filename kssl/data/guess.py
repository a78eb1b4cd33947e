"""What a file or folder of somebody's own holds, and which data set reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.companions import frames_of_films, is_table, leave_companions, starts_with_numbers
from kssl.data.description import warn_once
from kssl.data.files.caption_table import caption_tables, has_captions
from kssl.data.files.folder import readable
from kssl.data.files.label_table import columns_of_labels, is_held_out, read_label_table
from kssl.data.files.sound import readable as sounds
from kssl.data.files.walk import Found, find
from kssl.data.first_rows import WORDS, head, is_class, label_in, text_column
from kssl.data.locate import find_file
from kssl.data.measured import shorter_side, usual_sound
from kssl.data.sources.video import FILMS
from kssl.data.splitting import split_in_name
from kssl.data.tables.parquet import PARQUET
from kssl.data.tables.reader import read_columns
from kssl.data.tables.records import JSON, TABLES, kind_of, read_records
from kssl.data.tables.row_splits import with_split_column
from kssl.data.text.files import corpus_files
from kssl.data.text.opening import PACKED
from kssl.errors import UserError

_TEXTS = (".txt", ".text", ".md", ".rst")
_RECORDS = (*JSON, *TABLES, *PARQUET)
_ARRAYS = (".npz", ".npy")


@dataclass(frozen=True)
class Guess:
    """What is at a path.

    Attributes:
        settings: The `data` of a recipe: `use`, `path` and what cannot be left out.
        why: What was seen, in a few words.
        count: Files, or rows of a table, as far as they were counted.
        facts: What else was seen: `side`, the shorter side of a usual picture; `classes`, a
            column of a table that may be one of classes.
    """

    settings: dict[str, Any]
    why: str
    count: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def guess(path: str) -> Guess:
    """Look at a file or folder and say which data set reads it, with which settings.

    Args:
        path: As recipes name files.

    Raises:
        UserError: There is nothing there, or nothing that kssl reads.
    """
    try:
        place = find_file(path)
    except UserError:
        if not has_magic(path):
            raise
        count = corpus_files(path, by_folder=True).kinds.total()
        return Guess({"use": "text", "path": path}, f"{count:,} files, read as text", count)
    return _folder(path, place) if place.is_dir() else _file(path, place)


def _folder(path: str, place: Path) -> Guess:
    kinds = {
        "images": readable(),
        "audio": sounds(),
        "video": FILMS,
        "text": _TEXTS,
        "tables": _RECORDS,
        "arrays": _ARRAYS,
    }
    kind_by_ending = {ending: kind for kind, endings in kinds.items() for ending in endings}
    found = find(place, tuple(kind_by_ending), PACKED)
    files: dict[str, list[Path]] = {kind: [] for kind in kinds}
    for file in found.files:
        files[kind_by_ending[kind_of(file)]].append(file)
    leave_companions(files)
    kind, chosen = max(files.items(), key=lambda each: len(each[1]))
    if not chosen:
        raise UserError(_nothing(path, found))
    if kind == "images" and (frames := frames_of_films(place, chosen)):
        return Guess({"use": "video", "path": path}, frames)
    if kind in ("images", "audio", "video"):
        settings = {"use": kind, "path": path}
        beside = _table_beside(path, place, files["tables"], kind, chosen)
        return _media(path, chosen, settings | beside)
    if kind == "text":
        tables = [file for file in chosen[:20] if is_table(file)]
        if 2 * len(tables) > len(chosen[:20]):
            raise UserError(
                f"{path}: {tables[0].relative_to(place)} and other files hold rows of numbers or "
                "of short fields, no language: give one of them, which is read as a table"
            )
        return Guess({"use": "text", "path": path}, f"{len(chosen):,} text files", len(chosen))
    if kind == "arrays":
        names = ", ".join(file.name for file in chosen[:3])
        raise UserError(f"{path} has several NumPy files, {names}, …: give one of them")
    return _tables(path, place, chosen)


def _tables(path: str, place: Path, tables: list[Path]) -> Guess:
    """A folder of tables: of text they are all read, of anything else it must be one."""
    usable = [table for table in tables if not is_held_out(table, place)] or tables
    chosen = min(usable, key=lambda table: split_in_name(table.stem) is None)  # train.csv first
    if text_column(head(chosen)):
        return _texts(path, chosen, tables)
    if len(tables) == 1:
        return _table(str(chosen), chosen)
    names = ", ".join(file.name for file in tables[:3]) + ", …" * (len(tables) > 3)
    raise UserError(
        f"{path} has {len(tables)} tables, {names}, and no texts that the folder is read for: "
        f"give one of them, such as {chosen}. To use several, write their rows into one table, "
        "with a column split that says train, validation or test where files are splits; another "
        "file of the same columns is also read by a trained run, with --data"
    )


def _texts(path: str, chosen: Path, tables: list[Path]) -> Guess:
    """Tables of texts, all of a folder; a label that one lacks cannot be read from all."""
    if len(tables) > 1 and kind_of(chosen) == ".json":
        raise UserError(
            f"{path} has several .json files, which are read where they are named: give one of "
            f"them, or in the recipe path: {{train: {chosen}, test: …}}"
        )
    found = _table(path, chosen)
    label = found.settings.get("label")
    if isinstance(found.settings.get("field"), int):  # there is no header that could differ
        return found
    alike = [table for table in tables if text_column(head(table))]
    lacking = [table.name for table in alike if label and label not in head(table)[0]]
    if not lacking:
        return found
    kept = {key: value for key, value in found.settings.items() if key != "label"}
    return Guess(kept, f"{found.why}, which {lacking[0]} lacks, so that no labels are read")


def _without_header(path: str, rows: list[Mapping[str, Any]], text: str) -> Guess:
    """A table with texts where names would be; its columns are counted from 0."""
    settings: dict[str, Any] = {"use": "text", "path": path, "field": list(rows[0]).index(text)}
    for number, name in enumerate(rows[0]):
        values = [str(name), *(str(row.get(name)) for row in rows)]
        if name != text and 2 <= len(set(values)) <= min(20, len(values) // 3):  # they come back
            told = f"texts without a header, classes in column {number}"
            return Guess(settings | {"label": number}, told)
    return Guess(settings, "texts without a header")


def _nothing(path: str, found: Found) -> str:
    others = ", ".join(f"{count} {ending}" for ending, count in found.others.most_common(5))
    return (
        f"{path}: there are no pictures, recordings, films, texts, tables or NumPy files; found: "
        f"{others or 'no files at all'}"
        + f". If they are texts, kssl init '{path.rstrip('/')}/**/*' reads them"
        * bool(others)
    )


def _media(path: str, files: list[Path], settings: dict[str, Any]) -> Guess:
    count, use = len(files), settings["use"]
    if use == "captions":
        side, _ = shorter_side(files)
        return Guess(
            settings, f"{count:,} pictures with a table of captions", count, {"side": side}
        )
    labels = f", with the classes of {settings.get('labels')}" * ("labels" in settings)
    if use == "audio":
        rate, length = usual_sound(files)
        told = f"{count:,} recordings{labels}, most of {length / rate:.2g} seconds at {rate:,} Hz"
        return Guess(settings | {"length": length, "sample_rate": rate}, told, count)
    if use == "video":
        return Guess(settings, f"{count:,} films{labels}", count)
    side, grey = shorter_side(files)
    told = f"{count:,} pictures{labels}, most of {side} pixels on the shorter side"
    if grey:
        settings = settings | {"channels": 1}
    return Guess(settings, told + ", all grey" * grey, count, {"side": side})


def _table_beside(
    path: str, place: Path, tables: list[Path], kind: str, files: list[Path]
) -> dict[str, Any]:
    """A table of labels, or of captions, that lies with pictures."""
    with_captions = caption_tables(place) if kind == "images" and tables else []
    if with_captions:  # of several, the folder's names say the splits
        only = str(with_captions[0])
        return {"use": "captions", "path": only if len(with_captions) == 1 else path}
    known = [table for table in tables if not is_held_out(table, place)]
    known.sort(key=lambda table: split_in_name(table.stem) is None)  # train.csv before others
    names = (table.relative_to(place).as_posix() for table in known if _has_labels(table))
    chosen = next((name for name in names if _names_some(name, place, files)), None)
    return {"labels": chosen} if chosen else {}


def _has_labels(table: Path) -> bool:
    if kind_of(table) not in (*JSON, *TABLES):
        return False
    try:
        row = next((row for _, row in read_records(table) if not isinstance(row, str)), {})
    except UserError:  # JSON of another shape
        return False
    return columns_of_labels(row) is not None


def _names_some(table: str, place: Path, files: list[Path]) -> bool:
    """Whether the table of labels is one of these files; if not that is said."""
    try:
        return bool(read_label_table(table, place, files, "files").classes)
    except UserError as error:
        warn_once(f"{error}; its labels are not used")
        return False


def _file(path: str, place: Path) -> Guess:
    ending = kind_of(place)
    if ending in _RECORDS or (ending in _TEXTS and is_table(place)):
        return _table(path, place)
    if ending in _ARRAYS:
        return _arrays(path, place)
    if ending in _TEXTS:
        return Guess({"use": "text", "path": path}, "a text", 1)
    raise UserError(
        f"{path}: give the folder that it is in, or a table (.csv, .jsonl, .parquet), a text "
        "(.txt) or a NumPy file (.npz, .npy)"
    )


def _arrays(path: str, place: Path) -> Guess:
    if place.suffix == ".npz":
        with np.load(place, allow_pickle=False) as content:
            names = set(content.files)
            if {"audio", "offsets"} <= names:
                lengths = np.diff(content["offsets"])
                settings = {"use": "audio", "path": path, "length": int(np.median(lengths))}
                return Guess(settings, f"{len(lengths):,} recordings in one file", len(lengths))
            if names & {"frames", "video", "delta"}:
                return Guess({"use": "video", "path": path}, "films in one file")
    return Guess({"use": "arrays", "path": path}, "a NumPy file")


def _table(path: str, place: Path) -> Guess:
    rows = head(place)
    if rows:
        if has_captions(rows[0] if rows else {}):
            return Guess({"use": "captions", "path": path}, "a table of pictures and captions")
        text = text_column(rows)
        if len(text.split()) >= WORDS and kind_of(place) in TABLES:
            return _without_header(path, rows, text)
        if text:
            settings = {"use": "text", "path": path} | ({"field": text} if text != "text" else {})
            label = label_in([name for name in rows[0] if name != text])
            told = f"a table with texts under '{text}'"
            told += f" and classes under '{label}'" * bool(label)
            return Guess(settings | ({"label": label} if label else {}), told)
    named = kind_of(place) in (*JSON, *PARQUET) or not starts_with_numbers(place)
    read = {column.name: column for column in read_columns(place, named, 0.05)}
    kept, own, _ = with_split_column(path, read, None, {})  # which is no class
    columns = [column for name, column in kept.items() if name not in own]
    label = label_in([column.name for column in columns if is_class(column)])
    told = f"a table of {len(columns[0].codes):,} rows and {len(columns)} columns"
    settings: dict[str, Any] = {"use": "tabular", "path": path}
    settings |= ({"label": label} if label else {}) | ({} if named else {"header": False})
    told += " without a header" * (not named)
    told += f", of which '{label}' is taken for the class" if label else ", none called a class"
    last = columns[-1]
    offered = not label and len(last.values) > 1 and is_class(last)
    return Guess(settings, told, len(columns[0].codes), {"classes": last.name} if offered else {})
