"""Finding the files that a recipe names."""

from __future__ import annotations

import os
from pathlib import Path

from kssl.errors import UserError, nearest


class Unavailable(UserError):
    """A dataset is unavailable here and now: the message says what failed and what to do."""


def find_file(path: str | os.PathLike[str]) -> Path:
    """Find a file or folder that a recipe names.

    A relative path is tried against the current folder, then against the folder in the
    environment variable `KSSL_DATA_DIR` (`--data-dir` on the command line sets it).

    Args:
        path: Absolute or relative; `~` is the home folder.

    Returns:
        The path of what was found.

    Raises:
        UserError: There is nothing; the message lists where it looked and similar names.
    """
    wanted = Path(path).expanduser()
    folders = [Path.cwd()]
    if os.environ.get("KSSL_DATA_DIR"):
        folders.append(Path(os.environ["KSSL_DATA_DIR"]).expanduser())
    tried = [wanted] if wanted.is_absolute() else [folder / wanted for folder in folders]
    for candidate in tried:
        if candidate.exists():
            return candidate
    looked = " and ".join(str(candidate) for candidate in tried)
    raise UserError(f"there is no '{path}': looked for {looked}{_similar(tried)}{_advice(wanted)}")


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
