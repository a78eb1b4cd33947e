"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
import tempfile
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
    _forget_leftovers(path.parent, f".{glob.escape(path.stem)}.*.tmp{glob.escape(path.suffix)}")
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextlib.contextmanager
def temporary_folder(beside: Path, prefix: str) -> Iterator[Path]:
    """Make a folder for files that are not whole yet, and remove it at the end.

    Args:
        beside: The folder that it is made in, so that what is in it can be moved at once.
        prefix: How its name begins; those that a killed process left are removed, a day later.

    Yields:
        The folder.
    """
    _forget_leftovers(beside, f"{glob.escape(prefix)}*")
    with tempfile.TemporaryDirectory(dir=beside, prefix=prefix) as folder:
        yield Path(folder)


def _forget_leftovers(folder: Path, pattern: str) -> None:
    """Remove what a process left that was killed while it wrote there, long ago."""
    for leftover in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - leftover.lstat().st_mtime < _LONG_AGO or leftover.is_symlink():
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
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
