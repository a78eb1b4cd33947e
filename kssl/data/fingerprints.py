"""What tells data from other data, in a few characters."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.pipeline import Pipeline

_WHOLE = "all-"  # in front of a fingerprint of everything; kssl 0.1 looked at 64 examples


def is_whole(fingerprint: str) -> bool:
    """Return whether a fingerprint is of this version, by `whole`, and not of kssl 0.1."""
    return fingerprint.startswith(_WHOLE)


def of_the_first(splits: Mapping[str, Pipeline]) -> str:
    """Return the fingerprint of kssl 0.1: a hash of the sizes and of 64 examples."""
    sha = _of_sizes(splits)
    _add(sha, splits["train"].arrays(limit=64, transformed=False))
    return str(sha.hexdigest()[:16])


def whole(splits: Mapping[str, Pipeline], places: Iterable[str]) -> str:
    """Return a hash of all splits.

    Args:
        splits: By name; `train` among them.
        places: Where files were read from.
    """
    sha = _of_sizes(splits)
    for pipeline in splits.values():
        held = pipeline._columns
        columns = {key: column.numpy() for key, column in (held or {}).items()}
        if held is None:
            columns = pipeline.arrays(limit=64, transformed=False)
            for line in _files(places):
                sha.update(line.encode(errors="surrogateescape"))
        _add(sha, columns)
    return f"{_WHOLE}{sha.hexdigest()[:16]}"


def _of_sizes(splits: Mapping[str, Pipeline]) -> Any:
    sizes = {name: pipeline.size for name, pipeline in splits.items()}
    return hashlib.sha256(repr(sizes).encode())


def _add(sha: Any, arrays: Mapping[str, np.ndarray]) -> None:
    for key in sorted(arrays):
        sha.update(key.encode())
        array = np.ascontiguousarray(arrays[key])
        if array.dtype == object:  # text: its bytes would be those of pointers
            for text in array.ravel():
                sha.update(f"{len(text)}:".encode() + (text if isinstance(text, bytes) else b""))
        else:
            sha.update(array.data if array.size else b"")


def _files(places: Iterable[str]) -> Iterable[str]:
    """Yield name and size of each file of the places that data was found at."""
    for place in places:
        path = Path(place)
        if path.is_file():
            yield f"{path.name} {path.stat().st_size}\n"
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if file.is_file():
                    yield f"{file.relative_to(path)} {file.stat().st_size}\n"
