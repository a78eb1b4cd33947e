"""The file of a checkpoint: arrays by name and a digest of them all, read whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kssl.errors import RunError
from kssl.system.files import replacing

_DIGEST = "digest"


class Damaged(RunError):
    """A checkpoint that is not what was written."""


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays and their digest to a file, whole or not at all."""
    with replacing(path) as temporary:
        np.savez(temporary, **arrays, **{_DIGEST: np.frombuffer(_digest(arrays), np.uint8)})


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a checkpoint.

    Raises:
        Damaged: The file is empty, cut short, changed, of another kind, or cannot be opened.
    """
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise Damaged(f"{path.name} is a folder or a pipe, no file")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        state = json.loads(arrays["state"].tobytes())
        if not isinstance(state, dict) or not {"step", "callbacks", "paths"} <= state.keys():
            raise Damaged(f"{path.name} has no state of a training in it")
    except Damaged:
        raise
    except Exception as error:  # zip, NumPy, JSON and the disk each have their own
        raise Damaged(f"{path.name} {_why(path, error)}") from error
    digest = arrays.pop(_DIGEST, None)  # kssl 0.1 wrote none
    if digest is not None and digest.tobytes() != _digest(arrays):
        raise Damaged(f"{path.name} has other contents than those that were written")
    return arrays


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "cannot be opened: its permissions do not allow it"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened: {error.strerror}"
    if path.stat().st_size == 0:
        return "is empty"
    if isinstance(error, KeyError):
        return f"lacks a part: {error.args[0]}"
    return f"is damaged ({type(error).__name__}: {' '.join(str(error).split())[:100]})"


def _digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        sha.update(array.data if array.size else b"")
    return sha.digest()
