"""What is in a folder of files: splits and classes."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kssl.data.splitting import SPLIT_WORDS, SPLITS
from kssl.errors import UserError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Folder:
    """The files of a folder, by split, each list in the order of the names."""

    path: Path
    splits: dict[str, list[Path]]
    split_by_folders: bool
    what: str = "images"

    def name_of(self, file: Path) -> str:
        """The name by which a file is spoken of and hashed: relative, with `/`."""
        return file.relative_to(self.path).as_posix()

    def class_of(self, file: Path) -> str:
        """The sub-folder that a file is in, below the split's if there is one; "" if in none."""
        parts = file.relative_to(self.path).parts[int(self.split_by_folders) : -1]
        return parts[0] if parts else ""

    def classes(self, labels: bool | Literal["auto"]) -> list[str] | None:
        """Class names in the order of their numbers, or None when there are no labels."""
        if labels is False:
            return None
        loose = [file for split in SPLITS for file in self.splits[split] if not self.class_of(file)]
        names = {self.class_of(file) for split in SPLITS for file in self.splits[split]}
        if labels is True and loose:
            raise UserError(
                f"{self.path}: labels are the names of sub-folders, but {len(loose)} {self.what} "
                f"are in none, such as {self.name_of(loose[0])}; move them, or set labels: false"
            )
        if labels == "auto" and (loose or len(names) < 2):
            return None
        return sorted(names)

    def labels_of(
        self, files: list[Path], labels: bool | Literal["auto"] = "auto"
    ) -> dict[str, np.ndarray]:
        """`{"label": int64 (files,)}`, or nothing when there are no labels."""
        classes = self.classes(labels)
        if classes is None:
            return {}
        numbers = {name: number for number, name in enumerate(classes)}
        return {"label": np.array([numbers[self.class_of(file)] for file in files], np.int64)}


def read_folder(
    path: Path,
    fractions: tuple[float, float] = (0.1, 0.1),
    extensions: Sequence[str] = EXTENSIONS,
    what: str = "images",
) -> Folder:
    """List the files of a kind below a folder, and split them.

    Args:
        path: The folder.
        fractions: Of the files, for validation and for test.
        extensions: How the names of the files end, in lower case.
        what: How the files are called in messages.

    Raises:
        UserError: It is no folder, or has too few such files.
    """
    if not path.is_dir():
        raise UserError(f"{what}: '{path}' is a file; give the folder that the {what} are in")
    found, others = walk(path, extensions)
    if not found:
        raise UserError(_nothing(path, others, extensions, what))
    return split_files(path, found, fractions, what)


def split_files(path: Path, files: list[Path], fractions: tuple[float, float], what: str) -> Folder:
    """Split files, or folders, that lie below `path`: by sub-folders, else by their names."""
    own = _own_splits(path, files)
    if own.get("train"):
        return Folder(path, _complete(path, own, fractions, what), True, what)
    return Folder(path, cut_files(path, files, SPLITS, fractions, what), False, what)


def walk(path: Path, extensions: Sequence[str]) -> tuple[list[Path], Counter[str]]:
    """Files in the order of their names, and how many files of other kinds there are."""
    found: list[Path] = []
    others: Counter[str] = Counter()
    seen: set[str] = set()
    for folder, inner, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            inner.clear()
            continue
        seen.add(real)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in extensions and not name.startswith("."):
                found.append(Path(folder, name))
            else:
                others[suffix or "no extension"] += 1
    return sorted(found, key=lambda file: file.relative_to(path).as_posix()), others


def _nothing(path: Path, others: Counter[str], extensions: Sequence[str], what: str) -> str:
    found = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
    return (
        f"{path}: there are no {what}, that is files ending in {', '.join(extensions)}; "
        f"found: {found or 'no files at all'}"
    )


def _own_splits(path: Path, files: list[Path]) -> dict[str, list[Path]]:
    """The splits that the sub-folders make; empty unless all of them are named after splits."""
    own: dict[str, list[Path]] = {}
    for file in files:
        split = SPLIT_WORDS.get(file.relative_to(path).parts[0].lower())
        if split is None:
            return {}
        own.setdefault(split, []).append(file)
    return own


def _complete(
    path: Path, own: dict[str, list[Path]], fractions: tuple[float, float], what: str
) -> dict[str, list[Path]]:
    """Cut the splits that there is no sub-folder for out of the train folder."""
    lacking = [split for split in SPLITS if split == "train" or split not in own]
    if lacking == ["train"]:
        return own
    return {**own, **cut_files(path, own["train"], lacking, fractions, what)}


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
