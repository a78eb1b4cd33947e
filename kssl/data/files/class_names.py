"""Spellings of the names of classes, and names that may be of something else."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from kssl.data.files.split_names import HOLDERS
from kssl.data.splitting import words_of

# With running numbers these are classes; folds, patients and the like are none.
_PIECES = frozenset(
    "image images img batch part disk disc cam camera session chunk shard fold folder".split()
)
_GRADES = frozenset("class category label kind type grade stage level digit cluster c k".split())


def one_spelling(classes: dict[int, str], own: dict[int, str]) -> tuple[dict[int, str], list[str]]:
    """Make one class of Cat in one split and cat in another; name both where a split has both.

    Args:
        classes: The class of each file, by its number.
        own: The split of each file.

    Returns:
        The classes, and what must be said of them.
    """
    # Some systems write é as one character, some as two: nobody can see the difference.
    classes = {row: unicodedata.normalize("NFC", name) for row, name in classes.items()}
    spellings: dict[str, dict[str, set[str]]] = {}
    for row, name in classes.items():
        plain = "".join(each for each in name.casefold() if each.isalnum()) or name
        spellings.setdefault(plain, {}).setdefault(name, set()).add(own[row])
    renamed: dict[str, str] = {}
    notes = []
    for names in spellings.values():
        if len(names) < 2:
            continue
        told = " and ".join(f"'{name}'" for name in sorted(names))
        if sum(map(len, names.values())) > len(set.union(*names.values())):
            notes.append(f"{told} are different classes, though their names are almost one")
            continue
        chosen = next((name for name, splits in names.items() if "train" in splits), min(names))
        renamed |= dict.fromkeys(names, chosen)
        notes.append(f"{told} are one class in different splits, called '{chosen}'")
    return {row: renamed.get(name, name) for row, name in classes.items()}, notes


def doubtful_names(names: set[str]) -> list[str]:
    """Tell of classes that are called like folds, people, days or years."""
    found = sorted(names - {""})
    marks = [re.fullmatch(r"(.*?[^\d])[\s_-]*(\d+)", name) for name in found]
    days = all(re.fullmatch(r"(19|20)\d\d([-_.]?[01]\d([-_.]?[0-3]\d)?)?", name) for name in found)
    prefixes = {mark[1].strip(" _-").lower() for mark in marks if mark}
    numbers = [int(mark[2]) for mark in marks if mark]
    running = len(numbers) == len(found) and len(prefixes) == 1 and not prefixes & _GRADES
    few = 2 if days or prefixes & _PIECES else 3
    odd = days or (running and _close(numbers))
    if (len(found) < few or not odd) and not _pieces(names - {""}):
        return []
    shown = f"{found[0]}, {found[1]}" + f", …, {found[-1]}" * (len(found) > 2)
    return [f"the classes are called {shown}: if these are no labels, say labels: false"]


def _pieces(names: set[str]) -> bool:
    """Whether they are called scans_part_1 and scans_part_2, or labeled_images and other_images."""
    marks = [re.fullmatch(r"(.*[^\W\d_])[\W_]*\d+", name) for name in names]
    pieces = Counter(mark[1] for mark in marks if mark and words_of(mark[1])[-1] in _PIECES)
    held = [{*words_of(name)} & HOLDERS for name in names]
    return max(pieces.values(), default=0) > 1 or (len(held) > 1 and bool(set.intersection(*held)))


def _close(numbers: list[int]) -> bool:
    return max(numbers) - min(numbers) < 2 * len(numbers)
