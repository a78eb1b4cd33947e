"""Tables of images and captions: one file, or those in the folders of the splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kssl.data.files.decode import report_broken
from kssl.data.files.folder import cut_names
from kssl.data.files.layout import understood
from kssl.data.files.tell import splits_line
from kssl.data.files.walk import find
from kssl.data.splitting import SPLITS
from kssl.data.tables.records import JSON, TABLES, read_records
from kssl.data.tables.split_column import split_column, split_of_row, values_of
from kssl.errors import UserError

IMAGE_KEYS = ("image", "file_name", "filename", "file", "path")
TEXT_KEYS = ("captions", "caption", "texts", "text")
_PACKED = (".gz", ".bz2", ".xz")
_CURE = "Say train, validation and test in every row of one column, or take NAME out"


@dataclass
class Captioned:
    """An image: its file name, captions, and the first line of a table that names it."""

    name: str
    texts: list[str]
    row: Mapping[str, Any]
    split: str = ""


@dataclass
class CaptionTable:
    """Images and their captions.

    Attributes:
        where: How it is spoken of.
        entries: The images by file name, in the order of the table.
        splits: The names of each split's.
        of_split: What made each split that was not cut.
    """

    where: str
    entries: dict[str, Captioned]
    splits: dict[str, list[str]] = field(default_factory=dict)
    of_split: dict[str, list[str]] = field(default_factory=dict)

    def told(self) -> tuple[str, str, str]:
        """What was understood, in three lines."""
        texts = sum(len(entry.texts) for entry in self.entries.values())
        sizes = {split: len(names) for split, names in self.splits.items()}
        return (
            f"{len(self.entries):,} images with {texts:,} captions in {self.where}",
            splits_line({split: sizes[split] for split in SPLITS}, self.of_split, ""),
            "no labels: captions are none",
        )


def read_caption_table(
    place: Path, broken_fraction: float, fractions: tuple[float, float]
) -> CaptionTable:
    """Read a table, or those below a folder, whose names or folders then say the splits.

    Args:
        place: A table beside the images, or a folder of images and such tables.
        broken_fraction: Largest fraction of the lines of a table that may be broken.
        fractions: Of the images, for validation and for test, where the tables say no splits.

    Raises:
        UserError: There is no such table, its columns are not understood, or too much is broken.
    """
    if not place.is_dir():
        table = CaptionTable(str(place), _read(place, broken_fraction))
        return _split(table, fractions)
    entries: dict[str, Captioned] = {}
    tables = caption_tables(place)
    if not tables:
        raise UserError(
            f"{place}: there is no table of captions, that is a .jsonl, .json, .csv or .tsv file "
            f"with a column of images, such as {IMAGE_KEYS[1]}, and one of {', '.join(TEXT_KEYS)}"
        )
    layout = understood(place, tables, "tables of captions")
    table = CaptionTable(str(place), entries, of_split=layout.of_split)
    for split, own in (layout.splits or {"": layout.rest}).items():
        for file in own:
            for name, entry in _read(file, broken_fraction).items():
                inner = (file.parent / name).relative_to(place).as_posix()
                entry = Captioned(inner, entry.texts, entry.row, split)
                first = entries.setdefault(inner, entry)
                if first.split != split:
                    raise UserError(f"{place}: {inner} is in {first.split} and in {split}")
                if first is not entry:
                    first.texts += entry.texts
    return _split(table, fractions)


def caption_tables(folder: Path) -> list[Path]:
    """The tables below a folder that have a column of images and one of captions."""
    return [file for file in find(folder, (*JSON, *TABLES), _PACKED).files if _has_both(file)]


def has_captions(row: Mapping[str, Any]) -> bool:
    """Whether a row names an image and has a caption."""
    return all(any(key in row for key in keys) for keys in (IMAGE_KEYS, TEXT_KEYS))


def _has_both(file: Path) -> bool:
    try:
        row = next((row for _, row in read_records(file) if not isinstance(row, str)), {})
    except UserError:  # no table, such as annotations of another shape
        return False
    return has_captions(row)


def _read(table: Path, broken_fraction: float) -> dict[str, Captioned]:
    """The images of a table by file name, in its order."""
    entries: dict[str, Captioned] = {}
    broken: list[tuple[str, str]] = []
    count = 0
    for number, row in read_records(table, TEXT_KEYS):
        if not count and not isinstance(row, str):
            _check_columns(table, row)
        count += 1
        why = row if isinstance(row, str) else _add(entries, row)
        if why:
            broken.append((f"line {number}", why))
    if not count:
        raise UserError(f"{table} has no lines")
    report_broken(str(table), "lines", broken, count, broken_fraction)
    return entries


def _add(entries: dict[str, Captioned], row: Mapping[str, Any]) -> str:
    """Add a line to the images; say why if it cannot be."""
    name, given = _under(IMAGE_KEYS, row), _under(TEXT_KEYS, row)
    name = name.strip() if isinstance(name, str) else ""
    texts = [str(each).strip() for each in (given if isinstance(given, list) else [given]) if each]
    texts = [each for each in texts if each]
    if not name:
        return "no image"
    if not texts:
        return "no caption"
    entries.setdefault(name, Captioned(name, [], row)).texts.extend(texts)
    return ""


def _under(keys: Sequence[str], row: Mapping[str, Any]) -> Any:
    """The value under the first of the keys that there is."""
    return next((row[key] for key in keys if key in row), None)


def _check_columns(table: Path, row: Mapping[str, Any]) -> None:
    for keys in (IMAGE_KEYS, TEXT_KEYS):
        if not any(key in row for key in keys):
            raise UserError(
                f"{table}: one of its columns must be called {', '.join(keys[:-1])} or {keys[-1]}; "
                f"there is: {', '.join(str(key) for key in row)}"
            )


def _split(table: CaptionTable, fractions: tuple[float, float]) -> CaptionTable:
    """Divide the images by what the tables' names, or a column, say; else by a hash."""
    entries, where = table.entries, table.where
    if not table.of_split:
        values = values_of((entry.row for entry in entries.values()), len(entries))
        said = split_column(where, values, (*IMAGE_KEYS, *TEXT_KEYS), _CURE)
        for entry in entries.values() if said.name else ():
            entry.split = split_of_row(where, said, entry.row.get(said.name))
        own = {entry.split for entry in entries.values()} - {""}
        table.of_split = {split: [f"by the column '{said.name}'"] for split in own}
    if not table.of_split:
        table.splits = cut_names(where, list(entries), SPLITS, fractions, "images")
        return table
    told: dict[str, list[str]] = {split: [] for split in SPLITS}
    for name, entry in entries.items():
        told[entry.split].append(name)
    lacking = [split for split in SPLITS if split == "train" or not told[split]]
    if lacking != ["train"]:
        told |= cut_names(where, told["train"], lacking, fractions, "images")
    table.splits = told
    return table
