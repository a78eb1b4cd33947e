"""What a file or folder of somebody's own holds, and which data set reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.files.caption_table import caption_tables, has_captions
from kssl.data.files.decode import Broken
from kssl.data.files.folder import readable
from kssl.data.files.label_table import columns_of_labels, is_held_out
from kssl.data.files.sound import read
from kssl.data.files.sound import readable as sounds
from kssl.data.files.walk import Found, find
from kssl.data.locate import find_file
from kssl.data.sources.video import FILMS
from kssl.data.splitting import split_in_name
from kssl.data.tables.reader import Column, read_columns
from kssl.data.tables.records import JSON, TABLES, kind_of, read_records
from kssl.data.tables.row_splits import with_split_column
from kssl.data.text.opening import PACKED
from kssl.errors import UserError

_TEXTS = (".txt", ".text", ".md", ".rst")
_RECORDS = (*JSON, *TABLES, ".parquet", ".pq")
_ARRAYS = (".npz", ".npy")
_LABELS = ("label", "labels", "class", "target", "category", "topic", "y")
_LOOKED_AT = 200  # rows of a table, and headers of pictures
_HEARD = 20  # recordings that are decoded to see how long they are
_WORDS = 4  # a column of fewer words in the mean is one of names


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
    place = find_file(path)
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
    every = tuple(ending for endings in kinds.values() for ending in endings)
    found = find(place, every, PACKED)
    kind_by_ending = {ending: kind for kind, endings in kinds.items() for ending in endings}
    counts = Counter(kind_by_ending[kind_of(file)] for file in found.files)
    tables = [file for file in found.files if kind_by_ending[kind_of(file)] == "tables"]
    if not counts:
        raise UserError(_nothing(path, found))
    kind, count = counts.most_common(1)[0]
    if kind in ("images", "audio", "video"):
        settings = {"use": kind, "path": path, **_table_beside(path, place, tables, kind)}
        return _media(path, [f for f in found.files if kind_of(f) in kinds[kind]], settings)
    if kind == "text":
        return Guess({"use": "text", "path": path}, f"{count:,} text files", count)
    if kind == "arrays" or count > 1 and not _is_text(tables[0]):
        names = ", ".join(file.name for file in found.files[:3])
        raise UserError(f"{path} has several files, {names}, …: give one of them")
    return _table(path, tables[0])


def _nothing(path: str, found: Found) -> str:
    others = ", ".join(f"{count} {ending}" for ending, count in found.others.most_common(5))
    return (
        f"{path}: there are no pictures, recordings, films, texts, tables or NumPy files; found: "
        f"{others or 'no files at all'}"
    )


def _media(path: str, files: list[Path], settings: dict[str, Any]) -> Guess:
    count, use = len(files), settings["use"]
    if use == "captions":
        side, _ = _seen(files)
        return Guess(
            settings, f"{count:,} pictures with a table of captions", count, {"side": side}
        )
    labels = f", with the classes of {settings.get('labels')}" * ("labels" in settings)
    if use == "audio":
        rate, length = _heard(files)
        told = f"{count:,} recordings{labels}, most of {length / rate:.2g} seconds at {rate:,} Hz"
        return Guess(settings | {"length": length, "sample_rate": rate}, told, count)
    if use == "video":
        return Guess(settings, f"{count:,} films{labels}", count)
    side, grey = _seen(files)
    told = f"{count:,} pictures{labels}, most of {side} pixels on the shorter side"
    if grey:
        settings = settings | {"channels": 1}
    return Guess(settings, told + ", all grey" * grey, count, {"side": side})


def _table_beside(path: str, place: Path, tables: list[Path], kind: str) -> dict[str, Any]:
    """A table of labels, or of captions, that lies with pictures."""
    with_captions = caption_tables(place) if kind == "images" and tables else []
    if with_captions:  # of several, the folder's names say the splits
        only = str(with_captions[0])
        return {"use": "captions", "path": only if len(with_captions) == 1 else path}
    known = [table for table in tables if not is_held_out(table) and _has_labels(table)]
    known.sort(key=lambda table: split_in_name(table.stem) is None)  # train.csv before others
    return {"labels": known[0].relative_to(place).as_posix()} if known else {}


def _has_labels(table: Path) -> bool:
    if kind_of(table) not in (*JSON, *TABLES):
        return False
    row = next((row for _, row in read_records(table) if not isinstance(row, str)), {})
    return columns_of_labels(row) is not None


def _seen(files: list[Path]) -> tuple[int, bool]:
    """The median of the shorter sides, and whether all are grey, of pictures evenly spaced."""
    from PIL import Image

    sides, modes = [], set()
    for file in files[:: max(1, len(files) // _LOOKED_AT)]:
        try:
            with Image.open(file) as picture:
                sides.append(min(picture.size))
                modes.add(picture.mode)
        except Exception:  # told when it is decoded
            continue
    if not sides:
        raise UserError(f"none of the pictures can be opened, such as {files[0]}")
    return int(np.median(sides)), modes <= {"1", "L", "I;16", "I", "F", "LA"}


def _heard(files: list[Path]) -> tuple[int, int]:
    """The commonest rate, and the samples of the usual recording: two seconds at the most."""
    sounds = []
    for file in files[:: max(1, len(files) // _HEARD)]:
        try:
            sounds.append(read(file))
        except Broken:  # told when it is decoded
            continue
    if not sounds:
        raise UserError(f"none of the recordings can be decoded, such as {files[0]}")
    rate = Counter(sound.rate for sound in sounds).most_common(1)[0][0]
    seconds = float(np.median([len(sound.samples) / sound.rate for sound in sounds]))
    return rate, max(1, round(min(seconds, 2.0) * rate))


def _file(path: str, place: Path) -> Guess:
    ending = kind_of(place)
    if ending in _RECORDS:
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


def _is_text(table: Path) -> bool:
    return table.suffix not in (".parquet", ".pq") and bool(_text_column(_head(table)))


def _table(path: str, place: Path) -> Guess:
    if place.suffix not in (".parquet", ".pq"):
        rows = _head(place)
        if has_captions(rows[0] if rows else {}):
            return Guess({"use": "captions", "path": path}, "a table of pictures and captions")
        text = _text_column(rows)
        if text:
            settings = {"use": "text", "path": path} | ({"field": text} if text != "text" else {})
            label = _label([name for name in rows[0] if name != text])
            told = f"a table with texts under '{text}'" + f" and classes under '{label}'" * bool(
                label
            )
            return Guess(settings | ({"label": label} if label else {}), told)
    read = {column.name: column for column in read_columns(place, True, 0.05)}
    kept, own, _ = with_split_column(path, read, None, {})  # which is no class
    columns = [column for name, column in kept.items() if name not in own]
    label = _label([column.name for column in columns if _is_class(column)])
    told = f"a table of {len(columns[0].codes):,} rows and {len(columns)} columns"
    settings = {"use": "tabular", "path": path} | ({"label": label} if label else {})
    told += f", of which '{label}' is taken for the class" if label else ", none called a class"
    last = columns[-1]
    offered = not label and len(last.values) > 1 and _is_class(last)
    return Guess(settings, told, len(columns[0].codes), {"classes": last.name} if offered else {})


def _head(place: Path) -> list[Mapping[str, Any]]:
    if kind_of(place) not in (*JSON, *TABLES):
        return []
    rows = (row for _, row in read_records(place) if not isinstance(row, str))
    return list(islice(rows, _LOOKED_AT))


def _text_column(rows: list[Mapping[str, Any]]) -> str:
    """The column with the longest texts, if they are of several words; "" if there is none."""
    words = {
        str(name): np.mean([len(str(row.get(name) or "").split()) for row in rows])
        for name in (rows[0] if rows else ())
        if any(isinstance(row.get(name), str) for row in rows)
    }
    longest = max(words, key=lambda name: words[name], default="")
    return longest if longest and words[longest] >= _WORDS else ""


def _is_class(column: Column) -> bool:
    return len(column.values) <= max(20, len(column.codes) ** 0.5)


def _label(names: list[str]) -> str | None:
    return next((name for name in names if name.lower() in _LABELS), None)
