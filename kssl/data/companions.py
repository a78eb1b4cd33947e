"""Files of somebody's own that only accompany others, and pictures that are frames of films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kssl.data.sources.video import is_animated
from kssl.data.splitting import words_of
from kssl.data.text.files import is_note

_FRAMES = frozenset(("frame", "frames"))
_FILMS = frozenset("clip video vid film movie scene shot seq sequence episode take".split())
_LOOKED_AT = 20  # animated pictures that are opened


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
    if root in folders or len(folders) < 2 or not numbered or not (by_file or by_folder):
        return ""
    return f"{len(folders)} folders of numbered frames, each taken for a film"
