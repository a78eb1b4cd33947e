"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LONG_AGO = 24 * 3600.0  # seconds that no file takes to be written


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all: to a temporary name beside it, renamed at the end.

    Args:
        path: The file to write or replace. The temporary name has the same suffix, because
            Keras and Matplotlib choose the format by it.

    Yields:
        The temporary path, to be written inside the `with` block.

    Example:
        >>> with replacing(Path("model.keras")) as temporary:
        ...     model.save(temporary)
    """
    _forget_leftovers(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _forget_leftovers(path: Path) -> None:
    """Remove what a process left that was killed while it wrote this file, long ago."""
    pattern = f".{glob.escape(path.stem)}.*.tmp{glob.escape(path.suffix)}"
    for leftover in path.parent.glob(pattern):
        with contextlib.suppress(OSError):
            if leftover.is_file() and time.time() - leftover.stat().st_mtime > _LONG_AGO:
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    # Without this the rename itself may be lost at a power failure. Windows has no such call.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def last_write(folder: Path) -> float:
    """Return when anything in a run's folder was written last, in seconds since the epoch."""
    files = [folder, *folder.glob("*"), *folder.glob("checkpoints/*"), *folder.glob("events/*")]
    return max((path.stat().st_mtime for path in files if path.exists()), default=0.0)


def plain(value: Any) -> Any:
    """Turn what JSON does not know into what it does: NumPy values, tensors, paths."""
    for method in ("tolist", "numpy"):
        if hasattr(value, method):
            plain = getattr(value, method)()
            return plain.tolist() if hasattr(plain, "tolist") else plain
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON: {value!r}")
