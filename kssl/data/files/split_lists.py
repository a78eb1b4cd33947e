"""Lists of the files of each split, which some data sets have beside the files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kssl.data.files.label_table import places_of, plain
from kssl.data.splitting import SPLIT_WORDS
from kssl.errors import UserError

# One file a line; Speech Commands has those of testing and validation.
_LISTS = {
    f"{word}_list.txt": SPLIT_WORDS[word]
    for word in ("training", "train", "validation", "valid", "val", "dev", "testing", "test")
}
_PARTITIONS = ("list_eval_partition.csv", "list_eval_partition.txt")  # of CelebA: a file, a number
_NUMBERS = {"0": "train", "1": "validation", "2": "test"}


@dataclass
class Listed:
    """What the lists beside files say.

    Attributes:
        splits: The split of each file that is used, by its number; empty if there are no lists.
        names: The lists of each split.
        files: The lists that are used.
        why: Why the lists that there are are not used.
    """

    splits: dict[int, str] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    why: str = ""


def listed_splits(root: Path, files: Sequence[Path], what: str) -> Listed:
    """Read the lists of splits in a folder, or one below it.

    What no list names is trained on, unless one says what is.

    Args:
        root: The folder.
        files: Below it.
        what: How they are called, in the plural.

    Raises:
        UserError: A file is in two splits.
    """
    lists = list(_lists(root))
    places = places_of(root, files) if lists else {}
    numbers = {file: number for number, file in enumerate(files)}
    found = Listed(files=lists)
    for path in lists:
        said = dict(_pairs(path))
        own = {name: place for name in said if (place := _place(name, places)) is not None}
        if 2 * len(own) < len(said) or not own:
            few = f"{len(said) - len(own)} of the {len(said)} names in {path.name}"
            return Listed(why=f"{few} are none of the {what}")
        for name, place in own.items():
            number, split = numbers[place], said[name]
            if found.splits.setdefault(number, split) != split:
                raise UserError(
                    f"{root}: {name} is in {split} by {path.name}, and in {found.splits[number]} "
                    "by another line or list: leave it in one"
                )
        for split in sorted({said[name] for name in own}):
            found.names.setdefault(split, []).append(path.name)
    if found.splits and "train" not in found.names:
        found.names["train"] = ["the rest"]
        found.splits = {n: found.splits.get(n, "train") for n in range(len(files))}
    if found.splits and len({*found.splits.values()}) < 2:
        return Listed(why=f"{', '.join(path.name for path in lists)} is of one split only")
    return found


def _lists(root: Path) -> Iterator[Path]:
    folders = [root, *sorted(each for each in root.iterdir() if each.is_dir())]
    for folder in folders:
        for name in (*_LISTS, *_PARTITIONS):
            if (folder / name).is_file():
                yield folder / name


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The name and the split in each line of a list."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if path.name in _LISTS:
            if line.strip():
                yield line.strip(), _LISTS[path.name]
            continue
        name, _, number = re.sub(r"[,\s]+", " ", line).strip().rpartition(" ")
        if number in _NUMBERS:  # not the line of the columns' names
            yield name, _NUMBERS[number]


def _place(name: str, places: Mapping[str, Path]) -> Path | None:
    """The file of a name; a number behind it, as of a class, is none of it."""
    for said in (name, re.sub(r"\s+\d+$", "", name)):
        if plain(said.removeprefix("./")) in places:
            return places[plain(said.removeprefix("./"))]
    return None
