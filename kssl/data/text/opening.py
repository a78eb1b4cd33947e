"""Opening files of text: packed ones, and UTF-16 as if it were UTF-8."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from kssl.data.unpacking import unpacked
from kssl.errors import UserError

PACKED = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, OSError)  # what unpacking raises


def open_text(path: Path) -> Any:
    """Open a file for reading bytes of UTF-8, unpacked; raise a UserError where it cannot be."""
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise UserError(f"{path} cannot be read: it is a folder or a pipe, no file")
    opener: Any = PACKED.get(path.suffix.lower(), open)
    start = b""  # what is wrong is said when it is read
    with contextlib.suppress(*DAMAGE), opener(path, "rb") as stream:
        start = stream.peek(2)[:2]
    try:
        stream = opener(path, "rb")
        stream = stream if opener is open else unpacked(stream, path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return _Recoded(stream) if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else stream


class _Recoded:
    """A stream of UTF-16, as its byte order mark says, read as UTF-8."""

    def __init__(self, stream: BinaryIO) -> None:
        self.text = io.TextIOWrapper(stream, "utf-16", errors="replace", newline="\n")

    def __enter__(self) -> _Recoded:
        return self

    def __exit__(self, *_: object) -> None:
        self.text.close()

    def readline(self, size: int) -> bytes:
        return self.text.readline(size).encode("utf-8", "replace")
