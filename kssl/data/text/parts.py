"""Which split a document is in, which part of a lone one is a split, and what parts are called."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from kssl.data.description import warn_once
from kssl.data.files.layout import SHARED
from kssl.data.text.reader import Document
from kssl.errors import UserError


def place_of(text: str) -> float:
    """A number in [0, 1) that follows from the text: copies of a text are in one split."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def assigned(
    places: np.ndarray, lacking: tuple[str, ...], fractions: tuple[float, float], where: str
) -> np.ndarray:
    """For each document, which of the lacking splits it is in; each gets at least one."""
    if len(places) < len(lacking):
        raise UserError(
            f"{where}: {len(places)} documents cannot be split into {', '.join(lacking)}: give a "
            "file for each split, more documents, or one, which is cut by position"
        )
    order = np.argsort(places, kind="stable")
    result = np.full(len(places), lacking.index("train"))
    start, bound = 0, 0.0
    held_out = [split for split in ("validation", "test") if split in lacking]
    for left, split in zip(range(len(held_out), 0, -1), held_out, strict=True):
        bound += fractions[0] if split == "validation" else fractions[1]
        end = max(start + 1, int(np.searchsorted(places[order], bound)))
        end = min(end, len(places) - left)  # leave one for each split that is still to come
        result[order[start:end]] = lacking.index(split)
        start = end
    return result


def part_of(
    document: Document, split: str, lacking: tuple[str, ...], fractions: tuple[float, float]
) -> Document:
    """A lone document's part that is a split: train is in front, then validation, then test."""
    size = len(document.text)
    held = [
        each
        for name, each in zip(("validation", "test"), fractions, strict=True)
        if name in lacking
    ]
    bounds = [0, *(int(size * (1 - sum(held[number:]))) for number in range(len(held))), size]
    number = lacking.index(split)
    part = document.text[bounds[number] : bounds[number + 1]]
    if not part.strip():
        raise UserError(f"the one document of {size} characters is too short to be split")
    return Document(part, document.label)


def names_of(documents: Sequence[Document], of_part: Sequence[int]) -> list[str]:
    """Name parts of documents: as the document, with a number where it has several.

    Args:
        documents: In order.
        of_part: The document of each part.

    Example:
        >>> names_of([Document("", name="a.txt"), Document("", name="b.txt")], [0, 1, 1])
        ['a.txt', 'b.txt:1', 'b.txt:2']
    """
    total, seen = Counter(of_part), Counter[int]()
    names = []
    for number in of_part:
        seen[number] += 1
        name = documents[number].name
        names.append(name if total[number] == 1 else f"{name}:{seen[number]}")
    return names


def tell_shared(where: str, pools: Mapping[str, np.ndarray]) -> None:
    """Warn of texts of train that a held-out split has too; equal texts have equal places."""
    for split in ("validation", "test"):
        if split in pools and "train" in pools:
            places = pools[split][pools[split] < 1]  # 1 is no text's own
            count = int(np.isin(places, pools["train"]).sum())
            if count >= SHARED:
                warn_once(
                    f"{where}: {count:,} of {len(pools[split]):,} documents of {split} are in "
                    "train too: what is measured there is no longer measured on unseen examples"
                )
