"""Opening files of text: packed ones, and UTF-16 and UTF-32 as if they were UTF-8."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from kssl.data.tables.lines import CHECKED, encoding_of, opener_of
from kssl.data.unpacking import unpacked
from kssl.errors import UserError

PACKED = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, OSError)  # what unpacking raises


def open_text(path: Path) -> Any:
    """Open a file for reading bytes of UTF-8, unpacked; raise a UserError where it cannot be."""
    encoding = encoding_of(head_of(path))  # what is wrong is said when it is read
    opener = _opener(path)
    try:
        stream = opener(path, "rb")
        stream = stream if opener is open else unpacked(stream, path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return stream if encoding.startswith("utf-8") else _Recoded(stream, encoding)


def head_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked; none where it cannot be read."""
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise UserError(f"{path} cannot be read: it is a folder or a pipe, no file")
    with contextlib.suppress(*DAMAGE), _opener(path)(path, "rb") as stream:
        return bytes(stream.peek(CHECKED)[:CHECKED])
    return b""


def _opener(path: Path) -> Any:
    """What opens a file: by its name, else by how it begins."""
    try:
        return PACKED.get(path.suffix.lower()) or opener_of(path)
    except OSError:
        return open


class _Recoded:
    """A stream of UTF-16 or UTF-32, read as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.text = io.TextIOWrapper(stream, encoding, errors="replace", newline="\n")

    def __enter__(self) -> _Recoded:
        return self

    def __exit__(self, *_: object) -> None:
        self.text.close()

    def readline(self, size: int) -> bytes:
        return self.text.readline(size).encode("utf-8", "replace")
