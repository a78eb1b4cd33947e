"""Finding the files that a recipe names."""

from __future__ import annotations

import contextlib
import glob
import os
import unicodedata
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from itertools import chain
from pathlib import Path

from kssl.errors import UserError, nearest


class NotFound(UserError):
    """There is no such file or folder."""


class Unavailable(UserError):
    """A dataset is unavailable here and now: the message says what failed and what to do."""


class _Places:
    """Where relative paths led to before, and where they lead to now."""

    def __init__(self, before: Mapping[str, str]) -> None:
        self.before, self.now = before, dict[str, str]()


_places: ContextVar[_Places | None] = ContextVar("places", default=None)


@contextlib.contextmanager
def places(before: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Note which file each path names, and take those of before where they were.

    Args:
        before: Path as a recipe gives it -> the absolute path that a run has noted.

    Yields:
        The same of what is found inside.
    """
    here = _Places(before or {})
    token = _places.set(here)
    try:
        yield here.now
    finally:
        _places.reset(token)


def noted(name: str) -> Path | None:
    """Where a run found what it calls so, if that is still there."""
    here = _places.get()
    place = here.before.get(name, "") if here is not None else ""
    return Path(place) if os.path.exists(place) else None


def note(name: str, place: Path) -> None:
    """Note where something was found, for the run that is being made."""
    here = _places.get()
    if here is not None:
        here.now[name] = os.path.abspath(place)


def find_file(path: str | os.PathLike[str]) -> Path:
    """Find a file or folder that a recipe names.

    A relative path is tried against the current folder, then against the folder in the
    environment variable `KSSL_DATA_DIR` (`--data-dir` on the command line sets it). One that names
    a folder and what is in it, such as `news/train.csv`, is also found in a sub-folder of that, as
    `text/news/train.csv`, if it is in one of them only.

    Args:
        path: Absolute or relative; `~` is the home folder.

    Returns:
        The path of what was found.

    Raises:
        UserError: There is nothing; the message lists where it looked and similar names. Or it is
            in several sub-folders.
    """
    wanted = noted(str(path)) or Path(path).expanduser()
    folders = [Path.cwd()]
    if os.environ.get("KSSL_DATA_DIR"):
        folders.append(Path(os.environ["KSSL_DATA_DIR"]).expanduser())
    tried = [wanted] if wanted.is_absolute() else [folder / wanted for folder in folders]
    others = filter(None, map(_in_other_letters, tried))
    for candidate in chain(tried, others, _below(wanted)):
        if candidate.exists():
            note(str(path), candidate)
            return candidate
    looked = " and ".join(str(candidate) for candidate in tried)
    raise NotFound(f"there is no '{path}': looked for {looked}{_similar(tried)}{_advice(wanted)}")


def _below(wanted: Path) -> Iterator[Path]:
    """Where a path of several parts is in a sub-folder of the folder of data."""
    place = os.environ.get("KSSL_DATA_DIR")
    if not place or wanted.is_absolute() or len(wanted.parts) < 2 or ".." in wanted.parts:
        return
    folder = Path(place).expanduser()
    found = sorted(folder.glob(f"*/{glob.escape(str(wanted))}")) if folder.is_dir() else []
    if len(found) > 1:
        names = " and ".join(str(each) for each in found[:3])
        raise UserError(f"'{wanted}' may be {names}: say which, by its path from {folder}")
    yield from found


def _in_other_letters(path: Path) -> Path | None:
    """The path with marked letters in one or in two characters each, if that is there."""
    for form in ("NFC", "NFD"):
        other = Path(unicodedata.normalize(form, str(path)))
        if other != path and other.exists():
            return other
    return None


def _similar(tried: list[Path]) -> str:
    """The nearest names in the first folder that exists among those looked into."""
    for candidate in tried:
        if candidate.parent.is_dir():
            names = sorted(entry.name for entry in candidate.parent.iterdir())[:1000]
            hint = nearest(candidate.name, names)
            if hint.startswith("; did you mean"):
                return hint
    return ""


def _advice(wanted: Path) -> str:
    if wanted.is_absolute() or os.environ.get("KSSL_DATA_DIR"):
        return ""
    return " (--data-dir or KSSL_DATA_DIR names another folder to look in)"
