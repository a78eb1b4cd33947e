"""Finding data: where files are looked for, what the splits are, how they are cut."""

from __future__ import annotations

import os
from collections.abc import Sequence
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


def check_two_shares(name: str, shares: Sequence[float]) -> tuple[float, float]:
    """Return the shares for validation and for test, or raise a UserError."""
    if len(shares) != 2:
        raise UserError(f"{name}: shares {list(shares)} is not [validation, test]")
    check_shares(validation=shares[0], test=shares[1])
    return shares[0], shares[1]


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


def grouped(groups: np.ndarray, shares: tuple[float, float]) -> dict[str, np.ndarray]:
    """Split examples so that those of one group stay together.

    Groups are taken in an order that is random but always the same. Each goes to validation if
    there is room for it, else to test, else to train; a held-out split that got none gets the
    smallest group of train.

    Args:
        groups: The group of each example, `(examples,)`.
        shares: Of the examples, for validation and for test.

    Returns:
        For each split, the numbers of its examples, sorted.

    Raises:
        UserError: There are fewer than three groups.

    Example:
        >>> rows = grouped(np.array(list("aabbbbcccc")), (0.2, 0.4))
        >>> {split: len(numbers) for split, numbers in rows.items()}
        {'train': 4, 'validation': 2, 'test': 4}
    """
    names, of_example, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 3:
        raise UserError(
            f"{len(names)} group{'s' * (len(names) != 1)} cannot be split into train, validation "
            "and test: at least 3 are needed"
        )
    room = {"validation": shares[0] * len(groups), "test": shares[1] * len(groups)}
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    for group in shuffled(len(names)):
        fits = (split for split, left in room.items() if counts[group] <= left)
        split = next(fits, "train")
        chosen[split].append(group)
        if split in room:
            room[split] -= counts[group]
    for split in room:
        if not chosen[split]:
            chosen[split] = [min(chosen["train"], key=lambda group: counts[group])]
            chosen["train"].remove(chosen[split][0])
    # At least one group is left to train: the shares' sum is below 1, and there are three.
    return {split: np.flatnonzero(np.isin(of_example, chosen[split])) for split in SPLITS}
