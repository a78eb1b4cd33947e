"""Every file below a folder: hidden and tool folders are passed over, links are followed."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

# Folders and files that programs leave beside the data of people, in lower case.
TOOLS = frozenset(
    "__macosx __pycache__ node_modules @eadir $recycle.bin lost+found site-packages "
    "thumbs.db ehthumbs.db desktop.ini".split()
) | {"system volume information"}

_PROGRAMS = frozenset(  # whose hidden folders are nobody's data
    ".git .github .svn .hg .dvc .ipynb_checkpoints .cache .venv .idea .vscode .Trash .Trashes "
    ".Spotlight-V100 .fseventsd .thumbnails .huggingface .config .kaggle .mypy_cache .tox".split()
)
_VISITS = 3  # as often is one folder read over several links: once for each split


@dataclass
class Found:
    """What lies below a folder.

    Attributes:
        files: Those of the wanted kinds, in the order of their names.
        others: How many files of each other ending there are.
        links: What each file truly is that is reached over a link.
        closed: Folders that cannot be read.
        hidden: Folders passed over for their dot that no known program makes, such as `.net`.
        empty: Folders with nothing in them, as a class may have none.
    """

    files: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    links: dict[Path, str] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def real(self, file: Path) -> str:
        """What a file truly is."""
        return self.links.get(file) or os.path.realpath(file)


@dataclass(frozen=True)
class _Place:
    """A folder: as it is reached, as it is, those above it, and whether a link led here."""

    path: str
    real: str
    above: frozenset[str]
    linked: bool


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is passed over: hidden, or a program's own."""
    return name.startswith(".") or name.lower() in TOOLS


def by_number(name: str) -> tuple[list[tuple[bool, int | str]], str]:
    """A key that sorts 2 before 10, wherever they stand in a name."""
    parts = re.findall(r"\d+|\D+", name)
    return [(not part.isdecimal(), int(part) if part.isdecimal() else part) for part in parts], name


def suffix_of(name: str, packed: Collection[str] = ()) -> str:
    """The ending of a file's name in lower case; if it is one of `packed`, the one before."""
    stem, suffix = os.path.splitext(name.lower())
    return os.path.splitext(stem)[1] if suffix in packed else suffix


def find(path: Path, extensions: Collection[str], packed: Collection[str] = ()) -> Found:
    """List the files of a kind below a folder, over links to folders too, but never in circles.

    Args:
        path: The folder.
        extensions: How the names of the files end, in lower case.
        packed: Endings that may follow, such as `.gz`.
    """
    found, root = Found(), os.path.realpath(path)
    visits: Counter[str] = Counter()
    waiting = [_Place(str(path), root, frozenset(), False)]
    while waiting:
        place = waiting.pop()
        visits[place.real] += 1
        if visits[place.real] > _VISITS:
            continue
        for entry in _entries(place.path, path, found):
            linked = place.linked or entry.is_symlink()
            real = os.path.realpath(entry.path) if linked else f"{place.real}/{entry.name}"
            if entry.is_dir():
                above = place.above | {place.real}
                if real not in above:  # a link that leads back up
                    waiting.append(_Place(entry.path, real, above, linked))
            elif entry.is_file():
                suffix = suffix_of(entry.name, packed)
                if suffix not in extensions:
                    found.others[suffix or "no extension"] += 1
                    continue
                found.files.append(Path(entry.path))
                if linked:
                    found.links[Path(entry.path)] = real
    found.files.sort(key=lambda file: file.relative_to(path).as_posix())
    return found


def links_among(root: Path, files: Iterable[Path]) -> dict[Path, str]:
    """What each file or folder below a folder truly is that is reached over a link."""
    plain = os.path.realpath(root)
    real = {file: os.path.realpath(file) for file in files}
    return {
        file: name
        for file, name in real.items()
        if name != os.path.join(plain, file.relative_to(root))
    }


def _entries(folder: str, root: Path, found: Found) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            every = list(entries)
    except OSError:
        found.closed.append(os.path.relpath(folder, root))
        return []
    inner = os.path.relpath(folder, root)
    if not every and inner != ".":
        found.empty.append(f"{inner}/")
    found.hidden += [
        os.path.normpath(os.path.join(inner, entry.name)) + "/"
        for entry in every
        if entry.name.startswith(".") and entry.name not in _PROGRAMS and entry.is_dir()
    ]
    return [entry for entry in every if not is_hidden(entry.name)]
