"""What is in a folder of image files: splits and classes."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kssl.data.finding import SPLITS
from kssl.data.naming import SPLIT_WORDS
from kssl.errors import UserError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Folder:
    """The image files of a folder, by split, each list in the order of the names."""

    path: Path
    splits: dict[str, list[Path]]
    split_by_folders: bool

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
                f"{self.path}: labels are the names of sub-folders, but {len(loose)} images are "
                f"in none, such as {self.name_of(loose[0])}; move them, or set labels: false"
            )
        if labels == "auto" and (loose or len(names) < 2):
            return None
        return sorted(names)


def read_folder(path: Path, shares: tuple[float, float] = (0.1, 0.1)) -> Folder:
    """List the image files below a folder, and split them.

    Args:
        path: The folder.
        shares: Of the files, for validation and for test.

    Raises:
        UserError: It is no folder, or has too few images.
    """
    if not path.is_dir():
        raise UserError(f"images: '{path}' is a file; give the folder that the images are in")
    found, others = _walk(path)
    if not found:
        raise UserError(_nothing(path, others))
    own = _own_splits(path, found)
    if own.get("train"):
        return Folder(path, _complete(path, own, shares), split_by_folders=True)
    return Folder(path, _cut(path, found, SPLITS, shares), split_by_folders=False)


def _walk(path: Path) -> tuple[list[Path], Counter[str]]:
    """Image files in the order of their names, and how many files of other kinds there are."""
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
            if suffix in EXTENSIONS and not name.startswith("."):
                found.append(Path(folder, name))
            else:
                others[suffix or "no extension"] += 1
    return sorted(found, key=lambda file: file.relative_to(path).as_posix()), others


def _nothing(path: Path, others: Counter[str]) -> str:
    what = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
    return (
        f"{path}: there are no images, that is files ending in {', '.join(EXTENSIONS)}; "
        f"found: {what or 'no files at all'}"
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
    path: Path, own: dict[str, list[Path]], shares: tuple[float, float]
) -> dict[str, list[Path]]:
    """Cut the splits that there is no sub-folder for out of the train folder."""
    lacking = [split for split in SPLITS if split == "train" or split not in own]
    if lacking == ["train"]:
        return own
    return {**own, **_cut(path, own["train"], lacking, shares)}


def _cut(
    path: Path, files: list[Path], splits: tuple[str, ...] | list[str], shares: tuple[float, float]
) -> dict[str, list[Path]]:
    """Split files by a hash of their names; each split gets at least one."""
    if len(files) < len(splits):
        raise UserError(
            f"{path}: {len(files)} image{'s' * (len(files) != 1)} cannot be split into "
            f"{', '.join(splits)}: at least {len(splits)} are needed"
        )
    places = sorted((_place(file.relative_to(path).as_posix()), file) for file in files)
    result, start, bound = {}, 0, 0.0
    held_out = [split for split in ("validation", "test") if split in splits]
    for left, split in zip(range(len(held_out), 0, -1), held_out, strict=True):
        bound += shares[0] if split == "validation" else shares[1]
        end = max(start + 1, sum(place < bound for place, _ in places))
        end = min(end, len(files) - left)  # leave one for each split that is still to come
        result[split] = [file for _, file in places[start:end]]
        start = end
    result["train"] = [file for _, file in places[start:]]
    order = {file: number for number, file in enumerate(files)}
    return {split: sorted(chosen, key=order.__getitem__) for split, chosen in result.items()}


def _place(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
