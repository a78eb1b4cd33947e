"""Standard output and error that may be closed: whoever reads them may go, and the work goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def kept() -> Iterator[None]:
    """Let the `with` block write to standard output and error, whatever becomes of them."""
    _open_all()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Kept(sys.stdout), _Kept(sys.stderr)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def _open_all() -> None:
    """Open what was closed: else the next file that is opened takes its number, and its output."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))


class _Kept:
    """A stream that writes nowhere once its reader is gone."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign is no failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text, as far as there is somebody to read it."""
        return self._tried(self._stream.write, text) or len(text)

    def flush(self) -> None:
        """Flush the stream, as far as there is somebody to read it."""
        self._tried(self._stream.flush)

    def _tried(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
            return None
