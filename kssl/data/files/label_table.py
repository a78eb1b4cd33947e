"""A table of labels beside files: which class each file is of."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kssl.data.description import warn_once
from kssl.data.locate import find_file
from kssl.data.splitting import split_in_name, words_of
from kssl.data.tables.records import JSON, TABLES, kind_of, read_records
from kssl.data.tables.split_column import split_column, split_of_row, values_of
from kssl.errors import UserError

_FILE_NAMES = (
    "file file_name filename path name image image_id image_name slice_file_name audio id".split()
)
_CURE = "Say train, validation and test in every row of one column, or take NAME out"
_LABEL_NAMES = "label labels class class_name classname category target choice dx".split()


@dataclass
class LabelTable:
    """What a table says of files.

    Attributes:
        classes: The class of each file that has one.
        splits: The split of each file, if a column, or the names of several tables, say it.
        of_split: What says each split.
    """

    classes: dict[Path, str] = field(default_factory=dict)
    splits: dict[Path, str] = field(default_factory=dict)
    of_split: dict[str, list[str]] = field(default_factory=dict)

    def put(self, where: str, file: Path, split: str, why: str) -> None:
        """Say the split of a file, which may have no other."""
        if self.splits.setdefault(file, split) != split:
            raise UserError(f"{where}: {file.name} is in {split} and in {self.splits[file]}")
        if why not in self.of_split.setdefault(split, []):
            self.of_split[split].append(why)


def read_label_table(name: str, root: Path, files: Sequence[Path], what: str) -> LabelTable:
    """Read the class of each file of a folder from a table, and the split if it says that.

    Args:
        name: Of the table, in the folder or as recipes name files: CSV, TSV or JSON lines, with the
            file's name under `file`, `filename`, `path`, `image` or the like, and its class under
            `label`, `class`, `category` or the like. A table of two columns may call them anything.
            Beside `train.csv`, `val.csv` and `test.csv` are read too, as splits.
        root: The folder.
        files: Below it.
        what: How they are called, in the plural.

    Raises:
        UserError: It is not clear what its columns are, none of its names is a file's, or one file
            has two classes.
    """
    if kind_of(Path(name)) not in (*JSON, *TABLES):
        told = f"labels '{name}' is none of true, false, auto and a table (.csv, .tsv, .jsonl)"
        raise UserError(told)
    table = root / name if (root / name).is_file() else find_file(name)
    places = _Places(root, table, files)
    found: dict[Path, str] = {}
    unknown: list[str] = []
    rows: list[tuple[Path, Mapping[str, Any]]] = []
    every = list(_rows(table, places))
    for number, each in every:
        if not each.files:
            unknown.append(each.name)
        for file in each.files:
            rows.append((file, each.cells))
            if each.label and found.setdefault(file, each.label) != each.label:
                told = f"{each.name} is '{each.label}' and '{found[file]}'"
                raise UserError(f"{table} line {number}: {told}")
    if not found:
        first = f", such as '{unknown[0]}'" if unknown else ""
        raise UserError(
            f"{table}: none of its names is one of the {len(files)} {what} below {root}{first}: "
            "write each as it is called there"
        )
    if unknown:
        few = ", ".join(unknown[:3]) + ", …" * (len(unknown) > 3)
        warn_once(
            f"{table}: {len(unknown)} of its names are none of the {what} below {root}: {few}"
        )
    result, columns = LabelTable(found), every[0][1].columns
    _add_splits(result, table, rows, columns)
    _add_others(result, table, columns, places)
    return result


class _Places:
    """Which files a name in a table means: of a file, or of a folder such as a patient's study."""

    def __init__(self, root: Path, table: Path, files: Sequence[Path]) -> None:
        self.files = {**places_of(root, files)}
        if inside := [file for file in files if root != table.parent in file.parents]:
            self.files |= places_of(table.parent, inside)  # names are often those beside the table
        self.folders = folders_of(root, files)

    def __getitem__(self, name: object) -> list[Path]:
        file = place_in(self.files, name)
        return folder_in(self.folders, name) if file is None else [file]


@dataclass(frozen=True)
class _Row:
    """A row of a table, the files that it names, and the columns of names and labels."""

    name: str
    files: list[Path]
    label: str
    cells: Mapping[str, Any]
    columns: tuple[str, str]


def _rows(
    table: Path, places: _Places, columns: tuple[str, str] | None = None
) -> Iterator[tuple[int, _Row]]:
    """Yield the rows of a table with their lines; where there is no header, the first line too."""
    for place, (number, row) in enumerate(read_records(table)):
        if isinstance(row, str):
            raise UserError(f"{table} line {number}: {row}")
        cells = [row]
        if columns is None or (not place and columns[0] not in row and len(row) == 2):
            columns = _columns(table, row)
            cells = [dict(zip(columns, columns, strict=True))] * bool(places[columns[0]]) + cells
        for each in cells:
            name, label = (str(each.get(column) or "").strip() for column in columns)
            yield number, _Row(name, places[name], label, each, columns)


def is_held_out(table: Path, root: Path) -> bool:
    """Whether a table, or a folder of it, is called test, or sample: nothing is learned from it."""
    names = [re.sub(r"^\w+=", "", part) for part in table.relative_to(root).parts]  # split=test/
    words = {word for name in names for word in words_of(name)}
    splits = {mark[0] for name in names if (mark := split_in_name(name)) is not None}
    return bool(splits - {"train"}) or bool(words & {"sample", "submission", "example"})


def _add_splits(
    result: LabelTable,
    table: Path,
    rows: Sequence[tuple[Path, Mapping[str, Any]]],
    used: Sequence[str],
) -> None:
    """Read the column that says the split, if there is one."""
    values = values_of((row for _, row in rows), len(rows))
    said = split_column(str(table), values, used, _CURE)
    for file, row in rows if said.name else ():
        split = split_of_row(str(table), said, row.get(said.name))
        result.put(str(table), file, split, f"by the column '{said.name}'")


def _add_others(result: LabelTable, table: Path, columns: tuple[str, str], places: _Places) -> None:
    """Read val.csv and test.csv beside train.csv: each is a split, and may lack labels."""
    own = split_in_name(table.stem)
    if own is None or own[0] != "train":
        return
    for other in sorted(table.parent.glob(f"*{table.suffix}")):
        mark = split_in_name(other.stem)
        if mark is None or mark[0] == "train" or mark[1] != own[1]:
            continue
        named = {file: row for _, row in _rows(other, places, columns) for file in row.files}
        if not named:
            warn_once(
                f"{other}: none of its rows names a file under '{columns[0]}'; it is not used"
            )
            continue
        if not result.of_split:
            for file in result.classes:
                result.put(str(table), file, "train", table.name)
        for file, row in named.items():
            result.put(str(other), file, mark[0], other.name)
            if row.label:
                result.classes[file] = row.label


def folders_of(root: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """The files of each folder, by the ends of its path that tell it."""
    inside: dict[Path, list[Path]] = {}
    for file in files:
        inside.setdefault(file.parent, []).append(file)
    tails: dict[str, list[Path]] = {}
    for folder in inside.keys() - {root}:
        parts = (root.name, *folder.relative_to(root).parts)
        for count in range(1, len(parts) + 1):
            tails.setdefault(plain("/".join(parts[-count:])), []).append(folder)
    return {name: inside[same[0]] for name, same in tails.items() if len(same) == 1}


def folder_in(folders: Mapping[str, list[Path]], name: object) -> list[Path]:
    """The files of the folder that a cell or line names; none if it names no folder."""
    parts = plain(str(name or "").strip().replace("\\", "/").strip("/")).split("/")
    tails = ("/".join(parts[above:]) for above in range(len(parts)))
    return next((folders[tail] for tail in tails if tail in folders), [])


def place_in(places: Mapping[str, Path], name: object) -> Path | None:
    """The file that a cell names."""
    return places.get(plain(str(name or "").strip().replace("\\", "/").removeprefix("./")))


def places_of(root: Path, files: Sequence[Path]) -> Mapping[str, Path]:
    """Each file by its path below the folder, and, where that tells it, by its name or stem."""
    inner = {file: file.relative_to(root) for file in files}
    places: dict[str, Path] = {}
    whole = [path.as_posix() for path in inner.values()]
    stems = [path.with_suffix("").as_posix() for path in inner.values()]
    for names in ([Path(stem).name for stem in stems], [path.name for path in files], stems, whole):
        same = [plain(name) for name in names]
        once = {name for name, count in Counter(same).items() if count == 1}
        places |= {name: file for name, file in zip(same, files, strict=True) if name in once}
    return places


def plain(name: str) -> str:
    """One form of letters with marks: a Mac writes `ö` as two characters, others as one."""
    return unicodedata.normalize("NFC", name)


def columns_of_labels(row: Mapping[str, object]) -> tuple[str, str] | None:
    """The names of the column of files and of the column of labels, if they say what they are."""
    names = {str(name).strip().lower(): str(name) for name in row}
    file = next((names[each] for each in _FILE_NAMES if each in names), None)
    labels = [names[each] for each in _LABEL_NAMES if each in names]
    words = (name for name in labels if not str(row[name] or "").strip().lstrip("-").isdigit())
    label = next(words, labels[0] if labels else None)  # ClassName before a Label of numbers
    return (file, label) if file and label else None


def _columns(table: Path, row: Mapping[str, object]) -> tuple[str, str]:
    known = columns_of_labels(row)
    if known:
        return known
    if len(row) == 2:
        first, second = row
        swapped = second.lower() in _FILE_NAMES or first.lower() in _LABEL_NAMES
        return (second, first) if swapped else (first, second)
    marks = [name for name, value in row.items() if str(value).strip() in ("0", "1", "0.0", "1.0")]
    several = (
        f"; {', '.join(marks[:3])}{', …' * (len(marks) > 3)} look like a column for each class, of "
        "which one column 'label' must be made"
    )
    raise UserError(
        f"{table}: name one of its columns 'file' and another 'label'; there is: {', '.join(row)}"
        + several * (len(marks) > 1)
    )
