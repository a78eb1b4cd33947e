"""What is in a folder of files: splits and classes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kssl.data.description import UNLABELLED
from kssl.data.files.label_table import LabelTable, read_label_table
from kssl.data.files.layout import Layout, understood
from kssl.data.files.split_names import is_aside
from kssl.data.files.tell import told
from kssl.data.files.walk import Found, find, links_among
from kssl.data.splitting import SPLITS
from kssl.errors import UserError

# Those that Pillow reads everywhere; `readable` has those that it reads here.
EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp")
EXTENSIONS += (".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".jif", ".mpo", ".qoi")
EXTENSIONS += (".dds", ".pcx", ".pfm", ".psd", ".ras", ".sgi", ".xbm")
Labels = bool | str  # "auto", or the path of a table of labels
# What Pillow was built with.
_SOMETIMES = {".avif": "avif", ".avifs": "avif", ".jp2": "jpg_2000", ".j2k": "jpg_2000"}
_SOMETIMES |= {".jpf": "jpg_2000", ".jpx": "jpg_2000", ".j2c": "jpg_2000", ".jpc": "jpg_2000"}


def readable() -> tuple[str, ...]:
    """The endings of image files that Pillow reads here."""
    from PIL import features

    return (*EXTENSIONS, *(each for each, name in _SOMETIMES.items() if features.check(name)))


@dataclass(frozen=True)
class Folder:
    """The files of a folder, by split, each list in the order of the names.

    Attributes:
        path: The folder.
        splits: The files of each split.
        layout: What the names of files and folders say.
        what: How the files are called in messages.
        found: What there is beside them.
    """

    path: Path
    splits: dict[str, list[Path]]
    layout: Layout
    what: str = "images"
    found: Found = field(default_factory=Found)

    @property
    def split_by_folders(self) -> bool:
        """Whether sub-folders make the splits."""
        return self.layout.by_folders

    def name_of(self, file: Path) -> str:
        """The name by which a file is spoken of and hashed: relative, with `/`."""
        return file.relative_to(self.path).as_posix()

    def class_of(self, file: Path) -> str:
        """The sub-folder that a file is in, below the split's if there is one; "" if in none."""
        return self.layout.classes.get(file, "")

    def classes(self, labels: Labels = "auto") -> list[str] | None:
        """Class names in the order of their numbers, or None when there are no labels."""
        loose = [file for file in self._loose() if not self._is_aside(file)]
        if loose and labels is True:
            raise UserError(
                f"{self.path}: labels are the names of sub-folders, but {len(loose)} {self.what} "
                f"are in none, such as {self.name_of(loose[0])}; move them, or set labels: auto, "
                "which trains on them without a label, or labels: false"
            )
        if self.without_labels(labels):
            return None
        return sorted({self.class_of(file) for file in self._files()} - {""})

    def without_labels(self, labels: Labels) -> str:
        """Why there are no labels; "" where there are."""
        if labels is False:
            return "labels is false"
        loose = self._loose()
        if loose and not self.layout.unlabelled:
            return (
                f"{len(loose)} {self.what} are in no folder of a class, such as "
                f"{self.name_of(loose[0])}"
            )
        names = {self.class_of(file) for file in self._files()} - {""}
        return f"all are in {names.pop()}/" if labels == "auto" and len(names) < 2 else ""

    def labels_of(self, files: list[Path], labels: Labels = "auto") -> dict[str, np.ndarray]:
        """`{"label": int64 (files,)}`, or nothing when there are no labels; -1 is none of one."""
        classes = self.classes(labels)
        if classes is None:
            return {}
        numbers = {"": UNLABELLED, **{name: number for number, name in enumerate(classes)}}
        return {"label": np.array([numbers[self.class_of(file)] for file in files], np.int64)}

    def told(self, labels: Labels = "auto") -> tuple[str, ...]:
        """What was understood, in three lines; warns of what is odd."""
        rows = {split: [self.class_of(file) for file in self.splits[split]] for split in SPLITS}
        kinds = Counter(file.suffix.lower() or "folders" for file in self._files())
        why = self.without_labels(labels)
        return told(str(self.path), self.what, self.layout, self.found, kinds, rows, why)

    def _files(self) -> list[Path]:
        return [file for split in SPLITS for file in self.splits[split]]

    def _loose(self) -> list[Path]:
        return [file for file in self._files() if not self.class_of(file)]

    def _is_aside(self, file: Path) -> bool:
        return any(map(is_aside, file.relative_to(self.path).parts[:-1]))


def read_folder(
    path: Path,
    fractions: tuple[float, float] = (0.1, 0.1),
    extensions: Sequence[str] = EXTENSIONS,
    what: str = "images",
    labels: Labels = "auto",
) -> Folder:
    """List the files of a kind below a folder, and split them.

    Args:
        path: The folder.
        fractions: Of the files, for validation and for test.
        extensions: How the names of the files end, in lower case.
        what: How the files are called in messages.
        labels: Whether the folders' names are labels, see `kssl.data.images`.

    Raises:
        UserError: It is no folder, or has too few such files, or it is not clear which are to be
            trained on.
    """
    if not path.is_dir():
        raise UserError(f"{what}: '{path}' is a file; give the folder that the {what} are in")
    found = find(path, extensions)
    if not found.files:
        raise UserError(_nothing(path, found.others, extensions, what))
    return split_files(path, found.files, fractions, what, found, labels)


def split_files(
    path: Path,
    files: list[Path],
    fractions: tuple[float, float],
    what: str,
    found: Found | None = None,
    labels: Labels = "auto",
) -> Folder:
    """Split files, or folders, that lie below `path`: by sub-folders, else by their names."""
    found = found or Found(links=links_among(path, files))
    of_table = isinstance(labels, str) and labels != "auto"
    lists = "lists" if of_table else "lists and tables"
    layout = understood(path, files, what, found, not of_table and labels, lists)
    if of_table:
        table = read_label_table(labels, path, files, what)
        layout.classes = table.classes
        layout.unlabelled = {*files} - {*layout.classes}
        if table.splits:
            _take_splits(layout, table)
    own = layout.splits or {"train": layout.rest}
    splits = _complete(path, own, layout.unlabelled, fractions, what)
    return Folder(path, splits, layout, what, found)


def _take_splits(layout: Layout, table: LabelTable) -> None:
    """Split the files by a table, unless folders say the splits, or lists do."""
    if layout.splits:
        known = {file: split for split, files in layout.splits.items() for file in files}
        if all(known.get(file) == split for file, split in table.splits.items()):
            return
        told = ", ".join(dict.fromkeys(sum(table.of_split.values(), [])))
        layout.notes.append(f"folders, files or lists make the splits, and not the table ({told})")
        return
    for file in layout.rest:
        if file in table.splits:
            layout.splits.setdefault(table.splits[file], []).append(file)
    layout.of_split, layout.by_folders = table.of_split, True
    if left := [file for file in layout.rest if file not in table.splits]:
        layout.left["in no split by the table"] = left


def _nothing(path: Path, others: Counter[str], extensions: Sequence[str], what: str) -> str:
    found = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
    return (
        f"{path}: there are no {what}, that is files ending in {', '.join(extensions)}; "
        f"found: {found or 'no files at all'}"
    )


def _complete(
    path: Path,
    own: dict[str, list[Path]],
    unlabelled: set[Path],
    fractions: tuple[float, float],
    what: str,
) -> dict[str, list[Path]]:
    """Cut the splits that there is no sub-folder for out of train: of what has a label, if any."""
    lacking = [split for split in SPLITS if split == "train" or split not in own]
    if lacking == ["train"]:
        return own
    files = [file for file in own["train"] if file not in unlabelled]
    cut = cut_files(path, files, lacking, fractions, what)
    kept = {*cut["train"], *unlabelled}
    return {**own, **cut, "train": [file for file in own["train"] if file in kept]}


def cut_files(
    path: Path,
    files: list[Path],
    splits: Sequence[str],
    fractions: tuple[float, float],
    what: str,
) -> dict[str, list[Path]]:
    """Split files by a hash of their names; each split gets at least one."""
    named = {file.relative_to(path).as_posix(): file for file in files}
    parts = cut_names(str(path), list(named), splits, fractions, what)
    return {split: [named[name] for name in part] for split, part in parts.items()}


def cut_names(
    where: str,
    names: list[str],
    splits: Sequence[str],
    fractions: tuple[float, float],
    what: str,
) -> dict[str, list[str]]:
    """Split names by their hash, so that another name moves none; each split gets at least one.

    Args:
        where: The folder or file, for the message.
        names: All different; their order is kept.
        splits: Which splits there are to be.
        fractions: Of the names, for validation and for test.
        what: How the things are called, in the plural.
    """
    if len(names) < len(splits):
        raise UserError(
            f"{where}: {len(names)} {what[: len(what) - (len(names) == 1)]} cannot be split into "
            f"{', '.join(splits)}: at least {len(splits)} are needed"
        )
    places = sorted((_place(name), name) for name in names)
    result, start, bound = {}, 0, 0.0
    held_out = [split for split in ("validation", "test") if split in splits]
    for left, split in zip(range(len(held_out), 0, -1), held_out, strict=True):
        bound += fractions[0] if split == "validation" else fractions[1]
        end = max(start + 1, sum(place < bound for place, _ in places))
        end = min(end, len(names) - left)  # leave one for each split that is still to come
        result[split] = [name for _, name in places[start:end]]
        start = end
    result["train"] = [name for _, name in places[start:]]
    order = {name: number for number, name in enumerate(names)}
    return {split: sorted(chosen, key=order.__getitem__) for split, chosen in result.items()}


def _place(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
