"""Lists of the files of each split, which some data sets have beside the files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from kssl.data.description import warn_once
from kssl.data.files.label_table import folder_in, folders_of, places_of, plain
from kssl.data.files.split_tables import splits_of_tables
from kssl.data.files.walk import is_hidden
from kssl.data.splitting import SPLIT_WORDS, SPLITS, split_in_name
from kssl.errors import UserError

_PARTITIONS = ("list_eval_partition.csv", "list_eval_partition.txt")  # of CelebA: a file, a number
_NUMBERS = {"0": "train", "1": "validation", "2": "test"}
_OF_BIRDS = ("train_test_split.txt", "images.txt")  # of CUB: numbers of pictures, 1 is train
_ENDINGS = (".txt", ".tsv", ".csv", ".lst")
_DEPTH = 4  # folders below that lists are looked for in: VOCdevkit/VOC2012/ImageSets/Main
_LOOKED_AT = 200  # lines of a file that may be a list
_LINES = 2**20  # a longer list is none


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


def listed_splits(root: Path, files: Sequence[Path], what: str, tables: bool = True) -> Listed:
    """Read the lists of splits in a folder, or one below it.

    What no list names is trained on, unless one says what is.

    Args:
        root: The folder.
        files: Below it.
        what: How they are called, in the plural.
        tables: Whether a table of files may say it too, in a column.

    Raises:
        UserError: A file is in two splits.
    """
    holders = {file.parent for file in files}
    lists, places, folders = _lists(root, holders), {}, {}
    loose = {} if lists else _loosely_called(root, holders)
    if lists or loose:
        places, folders = _by_tails(root, files), folders_of(root, files)
    if loose:
        lists = _that_name_files(loose, places, folders)
    numbers = {file: number for number, file in enumerate(files)}
    if tables and not lists and (by_column := splits_of_tables(root, files)).splits:
        own = {numbers[file]: split for file, split in by_column.splits.items()}
        return Listed(own, by_column.of_split)
    found = Listed(files=lists)
    for path in lists:
        said = dict(_pairs(path))
        own = {name: named for name in said if (named := _named(name, places, folders))}
        if 2 * len(own) < len(said) or not own:
            few = f"{len(said) - len(own)} of the {len(said)} names in {path.name}"
            why = f"{few} are none of the {what}"
            warn_once(f"{root}: the lists of splits are not used: {why}")
            return Listed(why=why)
        for name, number in (
            (name, numbers[file]) for name, named in own.items() for file in named
        ):
            split = said[name]
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


def _lists(root: Path, holders: Collection[Path]) -> list[Path]:
    """The lists of the first folder that has some, where the files themselves do not lie."""
    for folder, inside in _folders(root, holders):
        for named in (_PARTITIONS, _OF_BIRDS[:1]):
            if here := [each for each in inside if each.name in named]:
                return here
        lists = [each for each in inside if folder not in holders and _exactly(each)]
        lists += [each for each in inside if folder in holders and _is_list(each)]
        if lists := _one_round(lists):
            return lists
    return []


def _folders(root: Path, holders: Collection[Path]) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and those below that do not hold the files, each with what may be lists."""
    level = [root]
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            inside = sorted(each for each in folder.iterdir() if not is_hidden(each.name))
            yield folder, [each for each in inside if each.suffix.lower() in _ENDINGS]
            below += [each for each in inside if each not in holders and each.is_dir()]
        level = below


def _loosely_called(root: Path, holders: Collection[Path]) -> dict[tuple[Path, str], list[Path]]:
    """Files of text that are called alike but for a split, such as Flickr_8k.trainImages.txt."""
    alike: dict[tuple[Path, str], list[Path]] = {}
    for folder, inside in _folders(root, holders):
        for path in inside:
            if mark := split_in_name(path.stem) or _one_word(path.stem):
                alike.setdefault((folder, mark[1] + path.suffix), []).append(path)
    return {  # latest.txt speaks of no split, unless there is latrain.txt
        key: paths
        for key, paths in alike.items()
        if len(set(map(_split_of, paths))) > 1 or any(split_in_name(each.stem) for each in paths)
    }


def _that_name_files(
    alike: Mapping[tuple[Path, str], list[Path]],
    places: Mapping[str, Path],
    folders: Mapping[str, list[Path]],
) -> list[Path]:
    """The first lists, of train and of what is held out, whose lines name files.

    Others that do are named in a warning.
    """
    chosen: list[Path] = []
    for (folder, _), lists in sorted(
        alike.items(), key=lambda item: (len(item[0][0].parts), len(item[0][1]), item[0][1])
    ):
        naming = [path for path in lists if _names_files(path, places, folders)]
        splits = {_split_of(path) for path in naming}
        if naming and "train" in splits and len(splits) > 1 and not chosen:
            chosen = _one_round(naming)
        elif naming:
            told = ", ".join(path.name for path in naming[:4])
            warn_once(f"{folder}: {told} may be lists of splits, and are not used")
    return chosen


def _names_files(path: Path, places: Mapping[str, Path], folders: Mapping[str, list[Path]]) -> bool:
    lines = [*islice(_lines(path), _LOOKED_AT)]
    found = sum(bool(_named(line, places, folders)) for line in lines)
    return len(lines) > 1 and 2 * found > len(lines)


def _split_of(path: Path) -> str:
    """The split that a list is called after: val.txt, trainlist01.txt, trainImages.txt; or ""."""
    return _exactly(path) or (split_in_name(path.stem) or _one_word(path.stem) or ("",))[0]


def _one_word(stem: str) -> tuple[str, str] | None:
    """The split of peopleDevTrain, which speaks of two, and what else it says."""
    found = re.fullmatch(r"(.*)(train|test)(.*)", stem.lower())
    return (found[2], found[1] + found[3]) if found else None


def _exactly(path: Path) -> str:
    name = re.sub(r"[\W\d_]*$", "", path.stem.lower())
    return SPLIT_WORDS.get(re.sub(r"[\W_]*(list|split|files|names|classes)$", "", name), "")


def _is_list(path: Path) -> bool:
    return bool(_exactly(path)) and "list" in path.stem.lower()


def _one_round(lists: Sequence[Path]) -> list[Path]:
    """Of lists of several rounds, trainlist01 and trainlist02, the first; no trainval beside val.

    One list alone, of train, or that is a table, may be anything.
    """
    first: dict[str, Path] = {}
    for path in sorted(lists, key=lambda path: ("trainval" in path.stem.lower(), path.name)):
        first.setdefault(_split_of(path), path)
    left = [path.name for path in lists if path not in first.values()]
    if left and len(first) > 1:
        told = ", ".join(path.name for path in first.values())
        warn_once(f"{lists[0].parent}: the splits are those of {told}; not used: {', '.join(left)}")
    alone = len(first) == 1 and not all(map(_is_list, first.values()))
    chosen = [path for path in lists if path in first.values()]
    return [] if alone else sorted(chosen, key=lambda path: SPLITS.index(_split_of(path)))


def _by_tails(root: Path, files: Sequence[Path]) -> Mapping[str, Path]:
    """Each file by its names as `places_of` has them, and by the ends of its path that tell it."""
    tails: dict[str, list[Path]] = {}
    for file in files:
        parts = file.relative_to(root).with_suffix("").parts
        for count in range(2, len(parts) + 1):
            tail = plain("/".join(parts[-count:]))
            for name in (tail, plain(tail + file.suffix)):
                tails.setdefault(name, []).append(file)
    return {name: same[0] for name, same in tails.items() if len(same) == 1} | {
        **places_of(root, files)
    }


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The name and the split in each line of a list."""
    if path.name == _OF_BIRDS[0]:
        names = dict(_halves(path.with_name(_OF_BIRDS[1])))
        for number, said in _halves(path):
            if number in names:
                yield names[number], "train" if said == "1" else "test"
        return
    split = "" if path.name in _PARTITIONS else _split_of(path)
    for line in _lines(path):
        if split:
            yield line.strip(), split
            continue
        name, _, said = re.sub(r"[,\s]+", " ", line).strip().rpartition(" ")
        of_line = _NUMBERS.get(said) or SPLIT_WORDS.get(said.lower())
        if of_line and name:  # not the line of the columns' names
            yield name, of_line


def _halves(path: Path) -> Iterator[tuple[str, str]]:
    for line in _lines(path) if path.is_file() else ():
        first, _, second = line.strip().partition(" ")
        yield first, second


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        yield from (line.rstrip("\n") for line in islice(stream, _LINES) if line.strip())


def _named(line: str, places: Mapping[str, Path], folders: Mapping[str, list[Path]]) -> list[Path]:
    """The file that a line of a list names, or those of the folder that it names."""
    if (file := _place(line, places)) is not None:
        return [file]
    words = line.split()
    for name in (line, re.split(r"[\t,;]", line)[0], *words[:1], *words[-1:]):
        if found := folder_in(folders, name):
            return found
    return []


def _place(name: str, places: Mapping[str, Path]) -> Path | None:
    """The file of a name; a class, or further columns of a table, behind it are none of it."""
    first = re.split(r"[\t,;]", name)[0]
    words = re.split(r"[\t,;\s]+", name.strip())
    for said in (name, re.sub(r"\s+-?\d+$", "", name), first, *words):
        parts = plain(said.strip().strip('"').replace("\\", "/").removeprefix("./")).split("/")
        for above in range(max(1, len(parts) - 1)):  # of a path on somebody's machine, the end
            if (inner := "/".join(parts[above:])) in places:
                return places[inner]
    return None
