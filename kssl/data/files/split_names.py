"""Which folders or files are named after splits, and whether that is what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kssl.data.files.copies import original
from kssl.data.files.walk import suffix_of
from kssl.data.splitting import EVAL_WORDS, SPLIT_WORDS, SPLITS, split_in_name, words_of
from kssl.errors import UserError

_STRAY = 0.05  # a smaller fraction of files is called like a split by accident
_DEPTH = 8  # levels of folders among which those of the splits are looked for
PACKED = (".gz", ".xz", ".bz2")
_TABLES = (".jsonl", ".ndjson", ".csv", ".tsv", ".json", ".parquet")
_ASIDE = frozenset(
    "unlabeled unlabelled unsup unsupervised nolabel nolabels tolabel unsorted "
    "backgroundnoise".split()
)
# Of all folders side by side: one of them alone may be a language.
_SHORT = {"tr": "train", "trn": "train", "te": "test", "tst": "test", "ts": "test"}
_SHORT |= dict.fromkeys(("va", "vl", "vd", "dv", "val", "dev"), "validation")
# Folders that only hold the files of a class or of a split.
HOLDERS = frozenset(
    "images image img imgs jpegimages pictures photos pics jpg jpeg png frames audio wav wavs flac "
    "clips videos video films data files text texts txt docs documents".split()
)
# What is held out, by words that are no names of splits where they stand alone.
_HELD_OUT = frozenset("hidden unseen final query probe tst".split())

Name = tuple[str, bool]  # a folder's or a file's, and whether it is a folder's
Parts = list[tuple[str, ...]]  # of each file's path below the folder


@dataclass
class Level:
    """The names of one depth of folders.

    Attributes:
        depth: How many folders lie above.
        names: The numbers of the files under each name.
        taken: The split of each name that makes one.
        other: What else the names that make splits say.
        spoken: The split of each name that speaks of one, used or not.
        tables: Whether the files that speak of one hold many examples each.
    """

    depth: int
    names: dict[Name, list[int]]
    taken: dict[Name, str]
    other: dict[Name, str]
    spoken: dict[Name, str]
    tables: bool

    @property
    def found(self) -> set[str]:
        return set(self.taken.values())

    @property
    def of_folders(self) -> bool:
        return any(folder for _, folder in self.taken)

    def count(self, names: Iterable[Name]) -> int:
        return sum(len(self.names[name]) for name in names)


def level_of_splits(root: Path, parts: Parts, what: str) -> tuple[Level | None, str]:
    """Find the folders or files that are the splits.

    Args:
        root: The folder, for messages.
        parts: The path of each file below it.
        what: How the files are called, in the plural.

    Returns:
        The first level whose names make splits, if there is one, and why the names of splits on
        the others do not.

    Raises:
        UserError: It is not clear whether names of splits are meant as such.
    """
    unclear, unused = "", ""
    for depth in range(_DEPTH):
        level = _level(parts, depth)
        doubt = _doubt(level, parts)
        if doubt is None and "train" in level.found:
            return level, ""
        if doubt and doubt[0]:
            unclear = unclear or doubt[1]
        elif doubt:
            unused = unused or doubt[1]
    if unclear:
        raise UserError(
            f"{root}: {unclear}, so it is not clear which {what} are to be trained on. Name the "
            "folders or files of the splits train, validation and test, give the folder that "
            "holds them as the path, or rename those that are none"
        )
    return None, unused


def _level(parts: Parts, depth: int) -> Level:
    names: dict[Name, list[int]] = {}
    for row, path in enumerate(parts):
        if len(path) > depth:
            folder = len(path) > depth + 1
            name = path[depth] if folder else _stem(path[depth])
            names.setdefault((name, folder), []).append(row)
    said = {
        name: mark
        for name in names
        if (mark := split_in_name(name[0])) is not None
        and (original(name[0]) == name[0] or (original(name[0]), name[1]) not in names)
    }  # `Train (1)` beside `Train` is a copy
    said |= _fused(names)
    said = _short(names) or said
    spoken = {name: split for name, (split, _) in said.items()}
    others = {name: other for name, (_, other) in said.items()}
    rests = {split: {others[name] for name in said if spoken[name] == split} for split in SPLITS}
    shared = rests["train"] & (rests["validation"] | rests["test"])
    others |= {  # training-a, training-b, as training-1 and training-2
        name: ""
        for name in said
        if spoken[name] == "train" and len(others[name]) == 1 and others[name] not in shared
    }
    taken = {name: spoken[name] for name in said if not others[name] or others[name] in shared}
    tables = bool(said) and all(_is_table(parts[names[name][0]][-1]) for name in said)
    if tables or "train" in taken.values():  # dev_matched beside train, train_full and test_labels
        taken |= {name: split for name, split in spoken.items() if not name[1]}
    _evaluations(taken)
    return Level(depth, names, taken, others, spoken, tables)


def _fused(names: Iterable[Name]) -> dict[Name, tuple[str, str]]:
    """Pairs of names that differ in train and test alone: `kddtrain.csv` and `kddtest.csv`."""
    found: dict[Name, tuple[str, str]] = {}
    lower = {(name.lower(), folder): (name, folder) for name, folder in names}
    for (low, folder), name in lower.items():
        if "train" not in low or split_in_name(name[0]) is not None:
            continue
        for word in ("test", "validation", "valid", "val", "dev"):
            other = lower.get((low.replace("train", word, 1), folder))
            if other is not None:
                found |= {name: ("train", ""), other: (SPLIT_WORDS[word], "")}
    return found


def _short(names: Iterable[Name]) -> dict[Name, tuple[str, str]]:
    """The splits of folders that are called tr, va and te, if all are."""
    found = {name: (_SHORT.get(name[0].lower(), ""), "") for name in names if name[1]}
    splits = {split for split, _ in found.values()}
    return found if "" not in splits and {"train", "test"} <= splits else {}


def _is_table(name: str) -> bool:
    return suffix_of(name, PACKED) in _TABLES


def _stem(name: str) -> str:
    """The name of a file without its ending."""
    for _ in range(2 if name.lower().endswith(PACKED) else 1):
        name = name.rpartition(".")[0] or name
    return name


def _evaluations(taken: dict[Name, str]) -> None:
    """In train, dev and eval, eval is what train and test's test is."""
    named = {name: set(words_of(name[0])) & set(EVAL_WORDS) for name in taken}
    of_words = [name for name, split in taken.items() if split == "validation" and named[name]]
    plain = [name for name, split in taken.items() if split == "validation" and not named[name]]
    if of_words and plain and "test" not in taken.values():
        taken.update(dict.fromkeys(of_words, "test"))


def _doubt(level: Level, parts: Parts) -> tuple[bool, str] | None:
    """Why a level makes no splits, and whether that must be an error; None if it makes them."""
    if not level.spoken:
        return None
    told = ", ".join(sorted(name + "/" * folder for name, folder in level.spoken)[:6])
    half = 2 * level.count(level.taken) >= len(parts)
    if "train" in level.found:
        if len(level.found) == 1:
            return _train_alone(level, parts, half)
        if half or level.tables or (level.of_folders and not level.depth):
            return None
        return level.of_folders, f"most files are beside those under {told}"
    if level.found and (level.of_folders or level.tables) and not level.depth:
        if len(level.names) == 1:
            return False, f"{told} is all that there is"
        return True, f"{told} names a split to be held out, but there is none to train on"
    if "train" in level.spoken.values() and len(set(level.spoken.values())) > 1:
        many = 2 * level.count(level.spoken) > len(parts)
        return many, f"{told} may be names of splits or of something else"
    several = len(set(level.spoken.values())) > 1 or all(folder for _, folder in level.spoken)
    if several and len(level.names) == len(level.spoken) > 1:
        return True, f"{told} name splits to be held out, but there is none to train on"
    held_out = [name for name, split in level.spoken.items() if split != "train"]
    share = level.count(held_out) / len(parts)
    if any(_of_another(name, level) for name in held_out if name[1] or share > _STRAY):
        return True, f"{told} may hold out a part of what is beside it"
    if share > _STRAY and level.count(held_out) > 2:
        return False, f"{told} is trained on too, as nothing is called train"
    return False, f"{told} speaks of one split only"


def _of_another(name: Name, level: Level) -> bool:
    """Whether a name says the same as another but for its split: `cat_test` beside `cat`."""
    rest = level.other[name]
    return bool(rest) and any(
        " ".join(words_of(other)) == rest and folder == name[1] for other, folder in level.names
    )


def _train_alone(level: Level, parts: Parts, half: bool) -> tuple[bool, str] | None:
    """Why the name train, without another split's, makes none; None if it makes one."""
    told = ", ".join(sorted(name for name, _ in level.taken))
    beside = [name for name in level.names if name not in level.taken]
    if level.tables or (not beside and half):
        return None
    if level.depth or not level.of_folders:
        return False, f"{told} speaks of one split only"
    folders = [name for name in beside if name[1] and not is_aside(name[0])]
    inner, theirs = (
        {parts[row][1] for name in names for row in level.names[name] if len(parts[row]) > 2}
        for names in (level.taken, folders)
    )
    if not folders or (len(inner) > 1 and not theirs):
        return None
    names = ", ".join(sorted(name for name, _ in folders)[:4])
    if inner & theirs:
        return True, f"{told}/ and {names}/ hold folders of the same names"
    if len(folders) < 2 or any(_may_be_held_out(name) for name, _ in folders):
        return True, f"{told}/ may be a split or a class beside {names}/"
    return False, f"{told} is taken for a class beside {names}, as there is no folder for test"


def _may_be_held_out(name: str) -> bool:
    """Whether a name has a word for what is held out, whatever else it says."""
    words = {SPLIT_WORDS.get(word, word) for word in words_of(name)}
    return bool(words & {"validation", "test", *_HELD_OUT})


def is_aside(name: str) -> bool:
    """Whether a folder is called unlabeled, unlabeled-images or the like."""
    words = words_of(name)
    return "".join(words) in _ASIDE or "".join(w for w in words if w not in HOLDERS) in _ASIDE
