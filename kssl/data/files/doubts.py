"""What the names of folders leave in doubt: nothing is trained on before it is cleared up."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kssl.data.files.copies import digest
from kssl.data.files.split_names import HOLDERS, Level, Parts
from kssl.data.splitting import SPLIT_WORDS, split_in_name, words_of
from kssl.errors import UserError

_COMPARED = 4_000  # files of equal sizes that are read to see whether splits share contents
_ALIKE = 0.5  # of the folders below two others that have the same names
# Of folders, and at the ends of files' names, where the picture that they belong to is there too.
_MASKS = frozenset(
    "mask masks annotation annotations annot label labels segmentation segmentations seg segs gt "
    "gtfine groundtruth segmentationclass segmentationobject trimap trimaps depth thumb thumbs "
    "thumbnail thumbnails resized lowres lr".split()
)
_SURELY = frozenset("mask masks annotation annotations label labels gt".split())  # of train_masks
_MARKED = re.compile(
    r"(.+?)[\s._-](?:mask|seg|segmentation|gt|ground[\s_-]?truth|manual\d?|labels?|annotation|thumb|"
    r"trimap)(?:[\W_].*)?"
)


def split_inside(root: Path, parts: Parts, own: dict[int, str], level: Level | None) -> None:
    """Refuse a folder that is called like a split which its files are not in.

    Raises:
        UserError: There is one, such as `train/val/` or `cat/test/`.
    """
    at = level.depth if level is not None and level.of_folders else None
    wrong: dict[str, str] = {}
    for row, split in own.items():
        for depth, name in enumerate(parts[row][:-1]):
            mark = split_in_name(name)
            if depth == at or mark is None or mark[1] or mark[0] == split:
                continue
            if mark[0] != "train" or split != "all":  # `_train_alone` has seen to that
                wrong["/".join(parts[row][: depth + 1]) + "/"] = mark[0]
    inside = [name for name in wrong if not _around_all(name, parts, own)]
    if inside:
        raise UserError(
            f"{root}: {_few(inside)} {'is' if len(inside) == 1 else 'are'} called like the split "
            f"{wrong[inside[0]]}, but not where train/, validation/ and test/ lie side by side. "
            "Put the folders of the splits beside each other, or rename those that are none"
        )


def _around_all(name: str, parts: Parts, own: dict[int, str]) -> bool:
    path = tuple(name.rstrip("/").split("/"))
    return all(parts[row][: len(path)] == path for row in own)


def several_cuts(root: Path, parts: Parts, own: dict[int, str], level: Level | None) -> None:
    """Refuse two or more sets of folders of splits, such as `fold1/train/` and `fold2/train/`.

    Raises:
        UserError: There are, and what one of them holds out another may train on.
    """
    if level is None:
        return
    if not level.of_folders:  # raw/train.tsv and raw/dev.tsv beside tokenized/train.tsv and …
        _same_files(root, parts, own)
        return
    cuts: dict[tuple[object, ...], dict[str, set[str]]] = {}
    rows = {row: name for name in level.taken for row in level.names[name] if row in own}
    classes = all(level.other[name] for name in level.taken)  # cats_train, dogs_train
    below = {parts[row][level.depth + 1] for row in rows if len(parts[row]) > level.depth + 2}
    for row, name in rows.items():
        lead = parts[row][: level.depth] if len(below) > 1 else ()
        said = "" if classes else _beside_split(name[0])
        folder = "/".join((*parts[row][: level.depth], name[0])) + "/"
        cuts.setdefault((lead, said), {}).setdefault(own[row], set()).add(folder)
    _refuse_several(root, [cut for cut in cuts.values() if "train" in cut and len(cut) > 1])


def _same_files(root: Path, parts: Parts, own: dict[int, str]) -> None:
    """Refuse folders whose files are called alike, and are those of train and of another split."""
    cuts: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for row, split in own.items():
        cuts.setdefault(parts[row][:-1], {}).setdefault(split, set()).add("/".join(parts[row]))
    alike: dict[frozenset[str], list[dict[str, set[str]]]] = {}
    for cut in cuts.values():
        names = frozenset(file.rpartition("/")[2] for files in cut.values() for file in files)
        if "train" in cut and len(cut) > 1:
            alike.setdefault(names, []).append(cut)
    for same in alike.values():
        _refuse_several(root, same)


def _refuse_several(root: Path, whole: Sequence[dict[str, set[str]]]) -> None:
    if len(whole) > 1:
        told = [", ".join(sorted(set.union(*cut.values()))) for cut in whole[:3]]
        raise UserError(
            f"{root}: there are {len(whole)} sets of splits, {' and '.join(told)}: what one holds "
            "out another may train on. Give the folder that holds one of them as the path, or move "
            "the others away"
        )


def _beside_split(name: str) -> str:
    """What a folder's name says beside its split, numbers too: `train_new` new, `val2017` 2017."""
    words = re.findall(r"[^\W\d_]+|\d+", name.lower())
    return " ".join(word for word in words if word not in SPLIT_WORDS)


def crossed(root: Path, above: dict[int, list[str]], what: str) -> None:
    """Refuse folders that hold folders of the same names: which are the classes?

    Args:
        root: The folder, for messages.
        above: The folders above each file, without those of splits and mere holders.
        what: How the files are called, in the plural.

    Raises:
        UserError: There are such folders, say `original/cat/` and `resized/cat/`.
    """
    inner: dict[str, set[str]] = {}
    for names in above.values():
        if names:  # amazon/images/bike/ as amazon/bike/
            below = [name for name in names[1:] if name.lower() not in HOLDERS]
            inner.setdefault(names[0], set()).update(below[:1])
    seen: dict[str, str] = {}
    for name in sorted(inner):
        for below in inner[name]:
            other = seen.setdefault(below, name)
            both = inner[name] & inner[other]
            if (
                other != name
                and not _numbered(both)
                and len(both) > max(1, _ALIKE * len(inner[name] | inner[other]))
            ):
                key = "label" if what == "texts" else "labels"
                upper = f", or labels: true if {other} is one" if what != "texts" else ""
                raise UserError(
                    f"{root}: {other}/ and {name}/ hold folders of the same names, "
                    f"{_few(sorted(both))}: it is not clear which are the classes, or whether "
                    f"these are splits. Give one of them as the path, call them train and test, or "
                    f"say {key}: false to go without classes{upper}"
                )


def _numbered(names: set[str]) -> bool:
    """Whether names are a word and a number, as of patients: the folders above are no copies."""
    marks = [re.fullmatch(r"(\D*[^\W\d_]\D*)\d+", name) for name in names]
    return all(marks) and len({mark[1].lower() for mark in marks if mark}) == 1


def shared_contents(files: Sequence[Path], own: dict[int, str]) -> dict[str, list[tuple[int, int]]]:
    """Find files of train whose content a held-out split has too: split -> pairs of numbers.

    Files of equal size are compared, by their beginnings and ends; where there are many, only those
    that have the same name too. What train has several times, such as black pictures, says nothing.
    """
    if not {"train"} < {*own.values()}:  # nothing is held out by its name
        return {}
    by_size: dict[int, list[int]] = {}
    for row in own:
        try:
            by_size.setdefault(files[row].stat().st_size, []).append(row)
        except OSError:  # told when it is decoded
            continue
    alike = {
        (size, ""): rows
        for size, rows in by_size.items()
        if size and len(splits := {own[row] for row in rows}) > 1 and "train" in splits
    }
    if sum(map(len, alike.values())) > _COMPARED:
        named: dict[tuple[int, str], list[int]] = {}
        for (size, _), rows in alike.items():
            for row in rows:
                named.setdefault((size, files[row].name), []).append(row)
        alike = {key: rows for key, rows in named.items() if len({own[row] for row in rows}) > 1}
    found: dict[str, list[tuple[int, int]]] = {}
    for (size, _), rows in alike.items():
        trained: dict[bytes, list[int]] = {}
        for row in sorted(rows, key=lambda row: own[row] != "train"):
            content = digest(files[row], size)
            if own[row] == "train":
                trained.setdefault(content, []).append(row)
            elif len(trained.get(content, ())) == 1:
                found.setdefault(own[row], []).append((trained[content][0], row))
    return found


def beside_pictures(parts: Parts) -> list[int]:
    """The numbers of pictures that are masks, labels or small versions of others, by their names.

    `masks/1.png` beside `images/1.jpg`, and `1_mask.png` beside `1.jpg`.
    """
    stems = [path[-1].rpartition(".")[0] or path[-1] for path in parts]
    bases = [
        stem[: len(mark[1])] if (mark := _MARKED.fullmatch(stem.lower())) else "" for stem in stems
    ]
    aside = [any(map(_is_of_masks, path[:-1])) for path in parts]
    folders = [_folder_of_pictures(path) for path in parts]
    plain = {(folders[row], stem) for row, stem in enumerate(stems) if not aside[row]}
    times = Counter(stem for _, stem in plain)
    around = {folder for folder, _ in plain}
    one = around.pop() if len(around) == 1 else ""
    return [
        row
        for row, (folder, stem, base) in enumerate(zip(folders, stems, bases, strict=True))
        if (aside[row] and ((folder or one, stem) in plain or 1 in (times[stem], times[base])))
        or (base and (folder, base) in plain)
    ]


def _folder_of_pictures(path: tuple[str, ...]) -> str:
    """The folder or split that a picture is in, none that only holds pictures or masks; or ""."""
    for name in reversed(path[:-1]):
        mark = split_in_name(name)
        if mark is not None and {*mark[1].split()} <= _MASKS:
            return mark[0]
        if not (_is_of_masks(name) or name.lower() in HOLDERS):
            return name
    return ""


@functools.lru_cache(maxsize=2**14)
def _is_of_masks(name: str) -> bool:
    words = words_of(name)
    whole, beside = "".join(words), {word for word in words if word not in SPLIT_WORDS}
    if "groundtruth" in whole or whole in _MASKS or (words and {*words} <= _MASKS):
        return True
    return bool(beside) and beside <= _SURELY


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + ", …" * (len(names) > 4)
