"""Which files a corpus is made of, and what their names say of splits and classes."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kssl.data.files.layout import Layout, classes_of, understood
from kssl.data.files.walk import Found, find, is_hidden
from kssl.data.locate import Unavailable, find_file
from kssl.data.splitting import SPLITS, words_of
from kssl.data.tables.parquet import PARQUET
from kssl.data.text.opening import PACKED
from kssl.data.text.reader import RECORDS, TABLES, kind_of
from kssl.errors import UserError

Paths = str | Sequence[str] | Mapping[str, Any]
_PLAIN = (".txt", ".text", ".md", ".rst")
_SUFFIXES = (".jsonl", ".ndjson", *PARQUET, *TABLES, *_PLAIN)  # .json is read where it is named
_NOTES = frozenset(("readme", "license", "licence", "notice", "citation", "changelog", "copying"))
_LONE = frozenset(("requirements", "authors", "contributing", "install", "credits"))

Pool = tuple[tuple[Path, str | None], ...]  # files, and the class of what is in each


@dataclass
class CorpusFiles:
    """The files of a corpus.

    Attributes:
        where: How the corpus is spoken of.
        pools: The files of each split that has its own, else of "all".
        layout: What their names say.
        found: What there is beside them.
        without_labels: Why the folders are no labels; "" if they are.
    """

    where: str
    pools: dict[str, Pool]
    layout: Layout
    found: Found = field(default_factory=Found)
    without_labels: str = ""

    @property
    def kinds(self) -> Counter[str]:
        """How many files of each ending there are."""
        return Counter(
            kind_of(file) or "no ending" for pool in self.pools.values() for file, _ in pool
        )

    @property
    def stamps(self) -> tuple[tuple[str, int, int], ...]:
        """What changes when a file does: its time and its size in bytes."""
        every = [(file, file.stat()) for pool in self.pools.values() for file, _ in pool]
        return tuple((str(file), now.st_mtime_ns, now.st_size) for file, now in every)


def corpus_files(path: Paths, by_folder: bool) -> CorpusFiles:
    """Find the files of a corpus.

    Args:
        path: See `kssl.data.text`.
        by_folder: Whether the folders of plain files are their classes.

    Raises:
        Unavailable: There are no such files.
        UserError: It is not clear which are to be trained on.
    """
    if isinstance(path, Mapping):
        return _told_apart(path, by_folder)
    root, found = _found(path)
    where = path if isinstance(path, str) else ", ".join(path)
    _leave_notes(found)
    if len(found.files) == 1:
        return _classed(where, Layout(rest=found.files), found, by_folder)
    return _classed(
        where,
        understood(root, found.files, "texts", found, "auto" if by_folder else False),
        found,
        by_folder,
    )


def _told_apart(path: Mapping[str, Any], by_folder: bool) -> CorpusFiles:
    wrong = [each for each in path if each not in SPLITS]
    if wrong or "train" not in path:
        raise UserError(
            f"text: path names {', '.join(map(str, path))}; it takes train, and validation "
            "and test where they have files of their own"
        )
    layout, every = Layout(of_split={split: [str(each)] for split, each in path.items()}), Found()
    for split, each in path.items():
        root, found = _found(each)
        for file in found.files:
            if file in layout.classes:
                layout.notes.append(f"{file} is in two splits, {split} is one of them")
        layout.splits[split] = found.files
        layout.classes |= classes_of(root, found.files)
        every.others += found.others
        every.closed += found.closed
        every.hidden += found.hidden
        every.empty += found.empty
    where = ", ".join(str(files[0]) for files in layout.splits.values())
    return _classed(where, layout, every, by_folder)


def _classed(where: str, layout: Layout, found: Found, by_folder: bool) -> CorpusFiles:
    """Give each file its folder's name as class, if all are plain and there are two classes."""
    parts = layout.splits or {"all": layout.rest}
    files = [file for part in parts.values() for file in part]
    classes = {file: layout.classes.get(file, "") for file in files}
    names = {*classes.values()} - {""}
    loose = [] if layout.unlabelled else [file for file, name in classes.items() if not name]
    why = "label is false"
    if by_folder and any(kind_of(file) in (*RECORDS, *TABLES) for file in files):
        why = "label names no field or column"
    elif by_folder and len(files) == 1:
        why = "it is one text"
    elif by_folder and loose:
        why = f"{len(loose)} files are in no folder of a class, such as {loose[0].name}"
    elif by_folder:
        why = "" if len(names) > 1 else f"all are in {next(iter(names))}/"
    pools = {
        split: tuple((file, None if why else classes[file]) for file in part)
        for split, part in parts.items()
    }
    return CorpusFiles(where, pools, layout, found, why)


def is_note(file: Path) -> bool:
    """Whether a file is called as what is written about data: README.md, LICENSE.txt."""
    if kind_of(file) not in _PLAIN:
        return False
    stem = file.name.partition(".")[0]
    words = words_of(stem)
    if not words:
        return False
    about = words[0] in _NOTES and (len(words) == 1 or stem.split(words[0].upper())[0] == "")
    beside = words[0] == "urls" or words[-1] == "labels"  # train_labels.txt beside train_texts.txt
    return about or beside or (len(words) == 1 and words[0] in _LONE)


def _leave_notes(found: Found) -> None:
    """Take what is written about the data from among texts, unless there is nothing else."""
    tables = any(kind_of(file) in (*RECORDS, *TABLES) for file in found.files)
    notes = [
        file
        for file in found.files
        if is_note(file) or (tables and kind_of(file) in _PLAIN and _NOTES & {*words_of(file.name)})
    ]
    if len(notes) == len(found.files):
        return
    for file in notes:
        found.files.remove(file)
        found.others[file.name] += 1


def _found(path: str | Sequence[str]) -> tuple[Path, Found]:
    """The files that a path, a folder, a pattern or a list of them names, and what is above all."""
    every, roots = Found(), []
    for each in [path] if isinstance(path, str) else path:
        root, found = _place(str(each))
        roots.append(root)
        every.files += [file for file in found.files if file not in every.files]
        every.others += found.others
        every.links |= found.links
        every.closed += found.closed
        every.hidden += found.hidden
        every.empty += found.empty
    if not every.files:
        others = ", ".join(f"{count} {suffix}" for suffix, count in every.others.most_common(5))
        raise Unavailable(
            f"text: there are no text files at {path}: files of a folder must end in "
            f"{', '.join(_SUFFIXES)}, or that and .gz, .xz or .bz2; found: "
            f"{others or 'no files at all'}; a pattern reads others as text, such as '{path}/**/*'"
        )
    return Path(os.path.commonpath(roots)), every


def _place(path: str) -> tuple[Path, Found]:
    """What a path or pattern names: a path that exists is none, whatever signs it has."""
    try:
        place = find_file(path or ".")
    except UserError as error:
        if not glob.has_magic(path):
            raise Unavailable(str(error)) from error
        return _matching(path)
    if place.is_dir():
        return place, find(place, _SUFFIXES, PACKED)
    return place.parent, Found(files=[place])


def _matching(pattern: str) -> tuple[Path, Found]:
    before = _before_magic(pattern)
    try:
        base = find_file(before.rstrip("/") or ("/" if before else "."))
    except UserError as error:
        raise Unavailable(str(error)) from error
    matches = (file for file in base.glob(pattern.removeprefix(before)) if file.is_file())
    wanted = set(Path(pattern).parts)
    shown = [
        file
        for file in matches
        if not any(is_hidden(name) and name not in wanted for name in file.relative_to(base).parts)
    ]
    return base, Found(files=sorted(shown, key=lambda file: file.relative_to(base).as_posix()))


def _before_magic(pattern: str) -> str:
    """The folders of a pattern that have no signs such as `*`."""
    plain = pattern.split("*")[0].split("?")[0].split("[")[0]
    return plain[: plain.rfind("/") + 1]
