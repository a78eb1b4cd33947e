"""Files that are copies of others: downloaded twice, unpacked twice, kept as `name (1)`."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

_MARK = re.compile(r"(?:\s*\(\d+\)|\s+-\s+(?:copy|kopie)(?:\s*\(\d+\))?|_copy\d*)$", re.I)
_BEFORE = re.compile(r"^(?:copy|kopie)\s+(?:of|von)\s+", re.I)
_HASH = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,64}")  # of a snapshot
_READ = 1 << 16  # bytes at the beginning and at the end that two copies share


@functools.lru_cache(maxsize=2**14)
def original(name: str) -> str:
    """What a name is without the mark of a copy: `Train (1)` and `Train - Copy` are of `Train`.

    Example:
        >>> original("Train (1)"), original("Copy of a.jpg"), original("b_copy2.jpg")
        ('Train', 'a.jpg', 'b.jpg')
    """
    stem, ending = os.path.splitext(name)
    if " " in ending or not stem:
        stem, ending = name, ""
    return _BEFORE.sub("", _MARK.sub("", stem)) + ending


def copies(root: Path, files: Sequence[Path]) -> list[list[int]]:
    """Find files whose paths and contents both say that they are copies of one another.

    Paths say so by a mark, as of `Train (1)`, by a folder that is there again inside another, as
    after unpacking twice, or by snapshots that are called after their hashes. Only of such is the
    content read, its beginning and its end.

    Args:
        root: The folder that they lie below.
        files: In order.

    Returns:
        The numbers of the files of each group of two or more; the one with the plainest path is
        the first of its group.
    """
    paths = [file.relative_to(root).parts for file in files]
    alike: dict[tuple[tuple[str, ...], int], list[int]] = {}
    named: dict[tuple[tuple[str, ...], int], list[int]] = {}
    for row, (file, key) in enumerate(zip(files, _keys(paths), strict=True)):
        try:
            size = file.stat().st_size
        except OSError:  # told when it is decoded
            continue
        alike.setdefault((key, size), []).append(row)
        named.setdefault(((original(file.name).lower(),), size), []).append(row)
    marked = {row for row, file in enumerate(files) if original(file.name) != file.name}
    alike |= {key: rows for key, rows in named.items() if marked & {*rows}}
    groups: dict[tuple[tuple[tuple[str, ...], int], bytes], list[int]] = {}
    for key, rows in alike.items():
        for row in rows if len(rows) > 1 and key[1] else []:
            groups.setdefault((key, digest(files[row], key[1])), []).append(row)

    def plainness(row: int) -> tuple[bool, int, tuple[str, ...]]:
        marked = any(original(part) != part for part in paths[row])
        return marked, len(paths[row]), paths[row]

    return [sorted(rows, key=plainness) for rows in groups.values() if len(rows) > 1]


def _keys(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """What the path of each file is without what only copies have; the same for all copies."""
    plain = [
        tuple(original(part).lower() for part in path if not _HASH.fullmatch(part))
        for path in paths
    ]
    known = set(plain)

    def innermost(path: tuple[str, ...]) -> tuple[str, ...]:
        inside = (path[start:] for start in range(len(path) - 2, 0, -1))  # a folder and a file
        return next((each for each in inside if each in known), path)

    return [innermost(path) for path in plain]


def digest(file: Path, size: int) -> bytes:
    """A digest of the beginning and the end of a file, which copies have in common."""
    try:
        with file.open("rb") as opened:
            read = opened.read(_READ)
            if size > 2 * _READ:
                opened.seek(-_READ, os.SEEK_END)
            return hashlib.blake2b(read + opened.read(_READ), digest_size=16).digest()
    except OSError:  # it is no copy of anything that can be read
        return str(file).encode()
