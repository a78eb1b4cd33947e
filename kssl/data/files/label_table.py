"""A table of labels beside files: which class each file is of."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from kssl.data.description import warn_once
from kssl.data.locate import find_file
from kssl.data.tables.records import JSON, TABLES, kind_of, read_records
from kssl.errors import UserError

_FILE_NAMES = (
    "file file_name filename path name image image_id image_name slice_file_name audio id".split()
)
_LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target")


def read_label_table(name: str, root: Path, files: Sequence[Path], what: str) -> dict[Path, str]:
    """Read the class of each file of a folder from a table; files without one are not in it.

    Args:
        name: Of the table, in the folder or as recipes name files: CSV, TSV or JSON lines, with the
            file's name under `file`, `filename`, `path`, `image` or the like, and its class under
            `label`, `class`, `category` or the like. A table of two columns may call them anything.
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
    places = places_of(root, files)
    found: dict[Path, str] = {}
    unknown: list[str] = []
    columns: tuple[str, str] | None = None
    for number, row in read_records(table):
        if isinstance(row, str):
            raise UserError(f"{table} line {number}: {row}")
        columns = columns or _columns(table, row)
        said, label = (str(row.get(column) or "").strip() for column in columns)
        file = places.get(plain(said.replace("\\", "/").removeprefix("./")))
        if file is None:
            unknown.append(said)
        elif label and found.setdefault(file, label) != label:
            raise UserError(f"{table} line {number}: {said} is '{label}' and '{found[file]}'")
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
    return found


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
    label = next((names[each] for each in _LABEL_NAMES if each in names), None)
    return (file, label) if file and label else None


def _columns(table: Path, row: Mapping[str, object]) -> tuple[str, str]:
    known = columns_of_labels(row)
    if known:
        return known
    if len(row) == 2:
        first, second = row
        swapped = second.lower() in _FILE_NAMES or first.lower() in _LABEL_NAMES
        return (second, first) if swapped else (first, second)
    raise UserError(
        f"{table}: name one of its columns 'file' and another 'label'; there is: {', '.join(row)}"
    )
