"""What the names of folders and files say: the split and the class of each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kssl.data.files import doubts
from kssl.data.files.class_names import doubtful_names, one_spelling
from kssl.data.files.copies import copies, original
from kssl.data.files.split_lists import Listed, listed_splits
from kssl.data.files.split_names import HOLDERS, Level, Parts, is_aside, level_of_splits
from kssl.data.files.walk import Found
from kssl.data.splitting import split_in_name
from kssl.errors import UserError

_STRAY = 0.05  # a smaller fraction of files has got into folders, or beside them, by accident
SHARED = 3  # files of two splits that may be the same by chance, such as white pictures, are fewer
_LABELLED = 3  # files that there must be to have one for each split


@dataclass
class Layout:
    """What the names say.

    Attributes:
        root: The folder that all files lie below.
        splits: The files of each split that has its own folder or files; empty if none has.
        of_split: How the folders or files of each such split are called.
        by_folders: Whether folders make the splits, or lists of files.
        rest: The files that are to be split, where no split has its own.
        classes: The class of each file, "" for none.
        unlabelled: Those that have none, where others have: they are trained on.
        left: Why -> the files that are left out.
        unused: Why names of splits that there are make no splits.
        notes: What is odd.
    """

    root: Path = field(default_factory=Path)
    splits: dict[str, list[Path]] = field(default_factory=dict)
    of_split: dict[str, list[str]] = field(default_factory=dict)
    by_folders: bool = False
    rest: list[Path] = field(default_factory=list)
    classes: dict[Path, str] = field(default_factory=dict)
    unlabelled: set[Path] = field(default_factory=set)
    left: dict[str, list[Path]] = field(default_factory=dict)
    unused: str = ""
    notes: list[str] = field(default_factory=list)


def understood(
    root: Path,
    files: Sequence[Path],
    what: str,
    found: Found | None = None,
    labels: bool | str = "auto",
    lists: str = "",
) -> Layout:
    """Find out what the names of files and of the folders above them say.

    Args:
        root: The folder that they lie below.
        files: In order.
        what: How they are called, in the plural.
        found: Which of them are reached over links.
        labels: Whether the folders' names are wanted as labels: "auto" refuses them where it is not
            clear which folders are the classes.
        lists: What else may make the splits: "lists" of files, such as `testing_list.txt`, "lists
            and tables" with a column that says it.

    Raises:
        UserError: Names of splits are there, but it is not clear what they mean, or a file is in
            train and in a held-out split.
    """
    layout = Layout(root)
    parts = [file.relative_to(root).parts for file in files]
    if what == "images":
        files, parts = _without_masks(files, parts, layout)
    own, level = _named_splits(files, parts, what, found, lists, layout)
    beside = [row for row in range(len(files)) if row not in own]
    own = _once(root, files, own, found, layout)
    own = _each_once(root, files, own, layout)
    doubts.split_inside(root, parts, own, level)
    doubts.several_cuts(root, parts, own, level)
    above = _above(parts, own, level)
    if labels == "auto":
        doubts.crossed(root, above, what)
    classes, notes = one_spelling(_classes(above, level), own)
    layout.notes += [*notes, *doubtful_names({*classes.values()})]
    free = [row for row in beside if any(map(is_aside, parts[row][:-1]))]
    own.update(dict.fromkeys(free, "train"))
    if labels:
        layout.unlabelled = {files[row] for row in _unlabelled(files, own, classes, layout)}
    if left := [files[row] for row in beside if row not in own]:
        layout.left["beside the splits"] = left
    layout.classes = {files[row]: classes.get(row, "") for row in own}
    for row in sorted(own):
        place = layout.splits.setdefault(own[row], []) if layout.of_split else layout.rest
        place.append(files[row])
    return layout


def _named_splits(
    files: Sequence[Path],
    parts: Parts,
    what: str,
    found: Found | None,
    lists: str,
    layout: Layout,
) -> tuple[dict[int, str], Level | None]:
    """The split of each file, "all" where none has its own, and the folders that say it."""
    level, layout.unused = level_of_splits(layout.root, parts, what)
    listed = Listed()
    if lists and (level is None or level.found == {"train"}):
        listed = listed_splits(layout.root, files, what, lists == "lists and tables")
    if listed.splits or level is None:
        own = _of_lists(listed, layout, found) or dict.fromkeys(range(len(files)), "all")
        return own, None
    layout.by_folders = level.of_folders
    for name, split in sorted(level.taken.items()):
        layout.of_split.setdefault(split, []).extend(_paths(parts, level, name))
    return {row: split for name, split in level.taken.items() for row in level.names[name]}, level


def _without_masks(
    files: Sequence[Path], parts: Parts, layout: Layout
) -> tuple[Sequence[Path], Parts]:
    """Leave out pictures that belong to others."""
    found = {*doubts.beside_pictures(parts)}
    if not found:
        return files, parts
    layout.left["masks or small versions of others"] = sorted(files[row] for row in found)
    kept = [row for row in range(len(files)) if row not in found]
    return [files[row] for row in kept], [parts[row] for row in kept]


def _paths(parts: Parts, level: Level, name: tuple[str, bool]) -> list[str]:
    """How the folders or files of a split are called: with those above where these are several."""
    leads = sorted({parts[row][: level.depth] for row in level.names[name]})
    if len(leads) < 2:
        return [name[0] + "/" * name[1]]
    return ["/".join((*lead, name[0])) + "/" * name[1] for lead in leads]


def _of_lists(listed: Listed, layout: Layout, found: Found | None) -> dict[int, str]:
    """The split of each file by the lists beside them, if they are used."""
    layout.unused = listed.why or layout.unused
    if not listed.splits:
        return {}
    layout.of_split, layout.by_folders, layout.unused = listed.names, True, ""
    if found is not None:
        found.others -= Counter(file.suffix for file in listed.files)
    return listed.splits


def classes_of(root: Path, files: Sequence[Path]) -> dict[Path, str]:
    """The class that each file's folders say, "" for none, where all are in one split."""
    parts = [file.relative_to(root).parts for file in files]
    classes = _classes(_above(parts, dict.fromkeys(range(len(files)), "all"), None), None)
    return {files[row]: name for row, name in classes.items()}


def _once(
    root: Path, files: Sequence[Path], own: dict[int, str], found: Found | None, layout: Layout
) -> dict[int, str]:
    """Leave out what links make appear twice in a split.

    Raises:
        UserError: A file is in train and in a held-out split.
    """
    if found is None or not found.links:
        return own
    kept: dict[str, dict[str, int]] = {}
    for row in sorted(own, key=lambda row: (files[row] in found.links, row)):  # plain ones first
        kept.setdefault(found.links.get(files[row], _real(root, files[row])), {}).setdefault(
            own[row], row
        )
    twice = [places for places in kept.values() if len(places) > 1]
    trained = [places for places in twice if "train" in places]
    if trained:
        names = " and ".join(str(files[row].relative_to(root)) for row in trained[0].values())
        raise UserError(
            f"{root}: {names} are the same file over a symbolic link, and {len(trained)} such are "
            "in train and in a split that is held out: remove the link"
        )
    if twice:
        name = files[twice[0]["validation"]].relative_to(root)
        layout.notes.append(
            f"validation and test have {len(twice)} files in common over a symbolic link, such as "
            f"{name}: what is chosen on validation is no longer measured on unseen examples"
        )
    rows = {row for places in kept.values() for row in places.values()}
    layout.left["reached a second time over links"] = [files[row] for row in own if row not in rows]
    return {row: split for row, split in own.items() if row in rows}


def _each_once(
    root: Path, files: Sequence[Path], own: dict[int, str], layout: Layout
) -> dict[int, str]:
    """Leave out copies of files, and tell of those in two splits that have their own folders."""
    rows = sorted(own)
    again: set[int] = set()
    for group in copies(root, [files[row] for row in rows]):
        first: dict[str, int] = {}
        for row in (rows[number] for number in group):
            if own[row] in first:
                again.add(row)
            else:
                first[own[row]] = row
    if again:
        layout.left["copies of other files"] = [files[row] for row in sorted(again)]
    kept = {row: split for row, split in own.items() if row not in again}
    held_out = Counter(kept.values())
    for split, pairs in doubts.shared_contents(files, kept).items():
        one, other = (files[row].relative_to(root) for row in pairs[0])
        marked = any(original(part) != part for part in (*one.parts, *other.parts))
        if len(pairs) < SHARED and not marked:
            continue
        layout.notes.append(
            f"{len(pairs)} of {held_out[split]} files of {split} are in train too, such as {one} "
            f"and {other}: what is measured there is no longer measured on unseen examples"
        )
    return kept


def _real(root: Path, file: Path) -> str:
    return str(root.resolve() / file.relative_to(root))


def _above(parts: Parts, own: dict[int, str], level: Level | None) -> dict[int, list[str]]:
    """The folders above each file that is used, from the first that is no split or mere holder."""
    depth = None if level is None or not level.of_folders else level.depth
    above = {row: list(parts[row][:-1]) for row in own}
    if depth is not None:
        leads = {parts[row][:depth] for row in own}  # class/split/file, or a folder around all
        inner = {parts[row][depth + 1] for row in own if len(parts[row]) > depth + 2}
        lead = depth if len(leads) > 1 and len(inner) < 2 else 0  # two snapshots, classes below
        above = {row: [*parts[row][:lead], *parts[row][depth + 1 : -1]] for row in own}
    firsts = {names[0] if names else "" for names in above.values()}
    if depth is None and len(firsts) == 1 and split_in_name(next(iter(firsts))):
        above = {row: names[1:] for row, names in above.items()}  # lists cut it, or it is alone
    for split in set(own.values()):
        rows = [row for row in own if own[row] == split]
        while rows and all(above[row] for row in rows):
            first = {above[row][0] for row in rows}
            if len(first) > 1 or not _holds(next(iter(first)), split):
                break
            above |= {row: above[row][1:] for row in rows}
    around = _folders_around(list(above.values()))
    return {row: names[around:] for row, names in above.items()}


def _classes(above: dict[int, list[str]], level: Level | None) -> dict[int, str]:
    """The class of each file: the first of the folders above it."""
    found = {row: names[0] if names else "" for row, names in above.items()}
    if level is not None and not any(found.values()):  # train_cats, train_dogs, test_cats
        kinds = {row: level.other[name] for name in level.taken for row in level.names[name]}
        if all(kinds.values()) and level.of_folders:
            return kinds
    return found


def _folders_around(above: Sequence[list[str]]) -> int:
    """How many folders, each in the one before, hold nearly all files."""
    depth = 0
    while True:
        inside = [names for names in above if len(names) > depth + 1]
        around = {names[depth] for names in above if len(names) > depth}
        if len(around) != 1 or len(inside) < (1 - _STRAY) * len(above):
            return 0  # one folder with files: nothing around it is known
        if len({names[depth + 1] for names in inside}) > 1:
            return depth + 1
        depth += 1


def _holds(name: str, split: str) -> bool:
    return name.lower() in HOLDERS or (split_in_name(name) or "?")[0] == split


def _unlabelled(
    files: Sequence[Path], own: dict[int, str], classes: dict[int, str], layout: Layout
) -> list[int]:
    """The files without a class, where there are classes: those called unlabelled have none.

    A few that lie beside the folders of classes have got there by accident, and are left out.
    """
    named = {row: name for row, name in classes.items() if name and not is_aside(name)}
    if len(set(named.values())) < 2 or len(named) < max(_LABELLED, _STRAY * len(own)):
        return []
    loose = [row for row, name in classes.items() if not name]
    if loose and len(loose) <= _STRAY * len(classes):
        layout.left["in no class"] = [files[row] for row in sorted(loose)]
        for row in loose:
            del own[row], classes[row]
    rows = [row for row in own if row not in named]
    for row in rows:
        classes[row] = ""
    return rows
