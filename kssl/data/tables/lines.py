"""The lines of a text file: unpacked, decoded by its byte order mark, and never garbage."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kssl.data.unpacking import unpacked
from kssl.errors import UserError, first_line

LONGEST_LINE = 2**24  # characters
LONGEST_TEXT = 2**31 - 1  # of a file that may be one line, such as JSON
CHECKED = 4096  # bytes at the beginning that say what a file is

_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_MARKS = {  # UTF-32's mark begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"%PDF": "a PDF file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "a Feather file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    b"\x93NUMPY": "a NumPy file",
    b"\x80\x04\x95": "a pickle of Python",
    b"\x80\x05\x95": "a pickle of Python",
    b"\x28\xb5\x2f\xfd": "a file packed by zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"RIFF": "a recording or a film",
    b"OggS\0": "a recording",
    b"fLaC": "a recording",
    b"ID3\x03": "a recording",
    b"ID3\x04": "a recording",
    b"@relation": "an ARFF file",
    b"<!doctype html": "an HTML page, such as a download that failed",
    b"<html": "an HTML page, such as a download that failed",
    b"<table": "an HTML page, such as a download that failed",
    b"<?xml": "an XML file",
}


def text_lines(path: Path, longest: int = LONGEST_LINE) -> Iterator[str]:
    """Yield the lines of a text without their ends.

    UTF-8 is read, and UTF-16 and UTF-32; gzip, bzip2 and xz are unpacked, whatever the name is.

    Args:
        path: The file.
        longest: Characters that a line may have; more are rather another kind of file.

    Raises:
        UserError: It cannot be opened or unpacked, or is no text in one of these encodings.
    """
    try:
        with opened(path) as stream:
            head = stream.peek(CHECKED)[:CHECKED]
            if other := other_kind(head):
                raise UserError(f"{path} is {other}, no table of text: save it as CSV, in UTF-8")
            encoding = encoding_of(head)
            errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
            text = io.TextIOWrapper(stream, encoding, errors, newline="")
            yield from _checked(path, text, longest)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} cannot be read: it is no whole {error.encoding} text") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        why = getattr(error, "strerror", None) or first_line(error)
        raise UserError(f"{path} cannot be read: {why}") from error


def opened(path: Path) -> Any:
    """Open a file for reading bytes, and unpack it if it is packed."""
    opener = opener_of(path)
    stream = opener(path, "rb")
    return stream if opener is open else unpacked(stream, path)


def opener_of(path: Path) -> Any:
    """What opens a file and unpacks it, by how it begins and not by its name."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((each for mark, each in _PACKED.items() if head.startswith(mark)), open)


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does, whatever its name is."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def other_kind(head: bytes) -> str:
    """Say what a file is that begins so, if it is no text; "" if it is."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for mark, name in _OTHERS.items():
        words = mark[:1] in b"<@"
        if start.startswith(mark) or (words and start[:20].lower().startswith(mark)):
            return name
    return ""


def encoding_of(head: bytes) -> str:
    """The encoding of a text that begins so: by its mark, or by where its zeros are."""
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if marked:
        return marked
    zeros, quarter = [head[place::4].count(0) for place in range(4)], len(head) // 4
    if min(zeros[2:]) > 0.9 * quarter > 9 * zeros[0]:
        return "utf-32-le"
    if min(zeros[:2]) > 0.9 * quarter > 9 * zeros[3]:
        return "utf-32-be"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 5 and min(even, odd) < max(even, odd) // 4:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _checked(path: Path, text: io.TextIOWrapper, longest: int) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: text.readline(longest), ""), start=1):
        if len(line) == longest:
            raise UserError(f"{path} cannot be read: line {number} is longer than {longest:,}")
        if "\0" in line:
            raise UserError(f"{path} cannot be read: line {number} has a NUL, so it is no text")
        if not line.isascii():
            _check_utf8(path, number, line)
        yield line.rstrip("\r\n")


def _check_utf8(path: Path, number: int, line: str) -> None:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        byte = ord(line[error.start]) - 0xDC00
        raise UserError(
            f"{path} cannot be read: it is no UTF-8 text, see the byte 0x{byte:02x}: save it as "
            f"UTF-8 (line {number}; it may be Latin-1 or Windows-1252)"
        ) from error
