"""What status.json says of a run, and whether the process that wrote it still works on it."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kssl.system.files import last_write
from kssl.system.processes import is_alive, is_locked

_SILENCE = 15 * 60.0  # seconds without a write, after which a run of another machine is dead


def read_record(folder: Path) -> dict[str, Any]:
    """Return what status.json of a run's folder holds, without what kssl cannot have written."""
    try:
        record = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    record = record if isinstance(record, dict) else {}
    return {key: value for key, value in record.items() if _is_sane(key, value)}


def works(folder: Path, record: dict[str, Any]) -> bool:
    """Tell whether a process still works on the run of a folder.

    Args:
        folder: Of the run.
        record: Its status.json.
    """
    locked = is_locked(folder)
    if locked:
        return True
    own_host = record.get("host", socket.gethostname()) == socket.gethostname()
    if locked is False and own_host and record.get("locked"):
        return False  # whatever the clock says: its process has had the lock, and is gone
    began = seconds_of(record.get("session")) or seconds_of(record.get("started"))
    if began is None or "pid" not in record:
        return False
    if own_host:
        return is_alive(record["pid"], began)
    return time.time() - last_write(folder) < _SILENCE


def _is_sane(key: str, value: Any) -> bool:
    """Whether a value is one that kssl has written: a file may be damaged."""
    if key in ("status", "host", "message"):
        return isinstance(value, str)
    if key in ("started", "session", "finished"):
        return value is None or seconds_of(value) is not None
    if key == "seconds":
        return type(value) in (int, float) and 0 <= value < 1e12
    return key != "pid" or (type(value) is int and 0 < value < 2**31)


def now() -> str:
    """Return this moment as text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def seconds_of(moment: Any) -> float | None:
    """Return a moment that was written by `now` in seconds since the epoch, None if it is none."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
