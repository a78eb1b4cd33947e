"""Finding data: where files are looked for, what the splits are, how they are cut."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kssl.errors import UserError, nearest

if TYPE_CHECKING:
    from tensorflow.data import Dataset
else:
    Dataset = Any  # importing this room does not import TensorFlow

SPLITS = ("train", "validation", "test")
MEMORY_BUDGET = 2**30  # bytes of one split that a source holds decoded; larger ones stream


class Unavailable(UserError):
    """A data set cannot be had here and now: the message says what failed and what to do."""


def check_split(split: str) -> str:
    """Return `split`, or raise a UserError that names the three there are."""
    if split not in SPLITS:
        raise UserError(f"there is no split '{split}'{nearest(str(split), SPLITS)}")
    return split


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


def check_shares(**shares: float) -> None:
    """Raise a UserError unless each share is above 0 and they leave something to train on."""
    if not (all(share > 0 for share in shares.values()) and sum(shares.values()) < 1):
        given = " and ".join(f"{name}={share}" for name, share in shares.items())
        raise UserError(f"{given}: shares of the examples must be above 0, and their sum below 1")


def sizes(count: int, **shares: float) -> dict[str, int]:
    """How many of `count` examples each split gets: at least one, the rest is `train`."""
    check_shares(**shares)
    if count <= len(shares):
        raise UserError(
            f"{count} example{'s' * (count != 1)} cannot be split into train and "
            f"{' and '.join(shares)}: at least {len(shares) + 1} are needed"
        )
    held = {name: max(1, round(count * share)) for name, share in shares.items()}
    while sum(held.values()) >= count:
        held[max(held, key=lambda name: held[name])] -= 1
    return {"train": count - sum(held.values()), **held}


def shuffled(count: int, labels: np.ndarray | None = None) -> np.ndarray:
    """0 … count - 1 in an order that is always the same, whatever was the order of the data.

    Args:
        count: How many.
        labels: Classes, `(count,)`: each run of the order then holds them in about the same
            proportions, so that pieces of it are stratified.
    """
    # RandomState's numbers are frozen by NumPy; those of newer generators may change.
    order = np.random.RandomState(0).permutation(count)
    if labels is None:
        return order
    place = np.empty(count)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(place[order], kind="stable")]


def piece(order: np.ndarray, parts: dict[str, int], split: str) -> np.ndarray:
    """The part of `order` that is `split`, sorted; `parts` are the sizes in order."""
    start = 0
    for name, size in parts.items():
        if name == split:
            return np.sort(order[start : start + size])
        start += size
    raise UserError(f"there is no split '{split}'{nearest(split, parts)}")
