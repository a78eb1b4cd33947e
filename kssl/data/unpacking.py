"""Packed files, which may be a thousand times as large as they look."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from kssl.system.memory import require

_STEP = 2**28  # bytes after which the free memory is looked at again


class _Unpacked(io.RawIOBase):
    """A packed stream that is read as long as what comes out of it fits in memory."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._read = 0
        self._checked = _STEP

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = int(self._stream.readinto(buffer))
        self._read += count
        if self._read > self._checked:
            require(self._read, f"{self._path} unpacked")
            self._checked += _STEP
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def unpacked(stream: Any, path: Path) -> io.BufferedReader:
    """Return a packed stream that raises a UserError when more than the free memory comes out.

    Args:
        stream: What `gzip.open` and the like return.
        path: Its file, for the message.
    """
    return io.BufferedReader(_Unpacked(stream, path), 2**16)
