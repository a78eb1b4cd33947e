"""What files of somebody's own are: companions of others, frames of films, tables called .txt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kssl.data.sources.video import is_animated
from kssl.data.splitting import words_of
from kssl.data.text.files import is_note
from kssl.data.text.opening import head_of

_FRAMES = frozenset(("frame", "frames"))
_FILMS = frozenset("clip video vid film movie scene shot seq sequence episode take".split())
_LOOKED_AT = 20  # pictures that are opened
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf", re.IGNORECASE)


def leave_companions(files: dict[str, list[Path]]) -> None:
    """Take out notes, boxes of pictures in text files of their names, and posters of films.

    Args:
        files: Of each kind: `images`, `audio`, `video`, `text`, `tables` and others.
    """
    media = {file.stem for kind in ("images", "audio", "video") for file in files[kind]}
    films = {(file.parent, file.stem) for file in files["video"]}
    for kind in ("text", "tables"):
        plain = [file for file in files[kind] if not is_note(file)]
        files[kind] = [file for file in plain or files[kind] if file.stem not in media]
    pictures = files["images"]
    files["images"] = [file for file in pictures if (file.parent, file.stem) not in films]


def frames_of_films(root: Path, pictures: Sequence[Path]) -> str:
    """Say in words that pictures are films: animated ones, or frames in a folder for each; or "".

    Args:
        root: The folder that they lie below.
        pictures: All of them.
    """
    if all(is_animated(file) for file in pictures[:: max(1, len(pictures) // _LOOKED_AT)]):
        return f"{len(pictures):,} animated pictures, taken for films"
    folders = {file.parent for file in pictures}
    by_file = all(_FRAMES & {*words_of(file.stem)} for file in pictures)
    by_folder = all(_FILMS & {*words_of(folder.name)} for folder in folders)
    numbered = all(any(map(str.isdigit, file.stem)) for file in pictures)
    by_file = by_file and _are_moving(pictures)
    if root in folders or len(folders) < 2 or not numbered or not (by_file or by_folder):
        return ""
    return f"{len(folders)} folders of numbered frames, each taken for a film"


def _are_moving(pictures: Sequence[Path]) -> bool:
    """Whether two pictures side by side are more alike than those of two folders: as frames are."""
    folders: dict[Path, list[Path]] = {}
    for file in pictures:
        folders.setdefault(file.parent, []).append(file)
    pairs = [sorted(inside)[:2] for inside in folders.values() if len(inside) > 1][:_LOOKED_AT]
    if len(pairs) < 2:
        return False
    try:
        small = np.stack([[_small(file) for file in pair] for pair in pairs])  # (films, 2, 256)
    except Exception:  # told when they are decoded
        return True
    within = np.abs(small[:, 0] - small[:, 1]).mean(axis=1)
    between = np.abs(small[1:, 0] - small[:-1, 0]).mean(axis=1)
    return bool(np.median(within) <= np.median(between) / 2)


def _small(file: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(file) as opened:
        return np.asarray(opened.convert("L").resize((16, 16)), np.float32).reshape(-1)


def starts_with_numbers(file: Path) -> bool:
    """Whether the first line of a table is a row of it: most fields, or two equal, are numbers."""
    first = next(iter(_lines(file)), "")
    fields = [each for each in re.split(r"[\s,;|\"]+", first) if each]
    numbers = [each for each in fields if _NUMBER.fullmatch(each)]
    return len(numbers) > len(fields) / 2 or len(set(numbers)) < len(numbers)


def is_table(file: Path) -> bool:
    """Whether a file that is called a text holds rows of numbers, or of short fields."""
    lines = _lines(file)
    if len(lines) < 3:
        return False
    fields = [each for line in lines for each in re.split(r"[\s,;|]+", line) if each]
    if sum(bool(_NUMBER.fullmatch(each)) for each in fields) > 0.9 * len(fields):
        return True
    for mark in ",;|\t":
        count, times = Counter(line.count(mark) for line in lines).most_common(1)[0]
        words = sum(len(line.replace(mark, " ").split()) for line in lines) / len(lines)
        if count > 3 and times > 0.9 * len(lines) and words < 1.5 * (count + 1):
            return True
    return False


def _lines(file: Path) -> list[str]:
    """The first lines of a file that are whole."""
    lines = head_of(file).decode("utf-8", "replace").splitlines()
    return [line.strip() for line in lines[: max(1, len(lines) - 1)][:50] if line.strip()]
