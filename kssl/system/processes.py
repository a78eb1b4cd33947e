"""Whether the process that recorded its id is still running, and locks that end with a process."""

from __future__ import annotations

import os
import time
from pathlib import Path

_held: dict[Path, int] = {}  # folders that this process has locked, with their descriptors

_CLOCK_TOLERANCE = 2.0  # seconds; the kernel's start times are that exact


def is_alive(pid: int, began: float) -> bool:
    """Tell whether `pid` is still the process that was started at `began`.

    A process that was born after the work began is another one that was given the same number.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return bool(process.create_time() <= began + _CLOCK_TOLERANCE)
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def lock(folder: Path) -> bool | None:
    """Lock a folder for this process; the lock ends with the process, however that ends.

    Returns:
        Whether this process has the lock now; None where the system or the file system has none.
    """
    folder = folder.resolve()
    if folder in _held:
        return True
    descriptor = _locked(folder)
    for _ in range(10):  # somebody may just be asking whether it is locked
        if descriptor != -1:
            break
        time.sleep(0.05)
        descriptor = _locked(folder)
    if descriptor is not None and descriptor >= 0:
        _held[folder] = descriptor
        return True
    return None if descriptor is None else False


def unlock(folder: Path) -> None:
    """Give a lock back."""
    descriptor = _held.pop(folder.resolve(), None)
    if descriptor is not None:
        os.close(descriptor)


def is_locked(folder: Path) -> bool | None:
    """Tell whether another process has locked a folder; None where that cannot be told."""
    if folder.resolve() in _held:
        return None
    descriptor = _locked(folder)
    if descriptor is not None and descriptor >= 0:
        os.close(descriptor)
        return False
    return None if descriptor is None else True


def _locked(folder: Path) -> int | None:
    """Return the descriptor of a locked folder, -1 if it is another's, None without locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return -1
    except OSError:  # some network file systems have none for folders
        os.close(descriptor)
        return None
    return descriptor
