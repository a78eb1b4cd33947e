"""Why a file cannot be decoded, in words for the one who has it."""

from __future__ import annotations

import errno
from pathlib import Path

from kssl.errors import first_line

_KINDS = {  # how files begin that are found under the names of others
    b"<!doctype html": "it is an HTML page, such as a download that failed",
    b"<html": "it is an HTML page, such as a download that failed",
    b"<?xml": "it is an XML file",
    b"{": "it is text, such as JSON",
    b"version https://git-lfs": "it is a pointer of Git LFS: fetch it with git lfs pull",
    b"pk\x03\x04": "it is a zip archive",
    b"%pdf": "it is a PDF file",
}
_PICTURES = (b"\x89png", b"\xff\xd8\xff", b"gif8", b"bm", b"riff", b"ii*\0", b"mm\0*")
_SAID = {  # what decoders say, and what it means
    "truncated": "it ends early",
    "unexpected end": "it ends early",
    "not enough image data": "it ends early",
    "incomplete": "it ends early",
    "broken data stream": "it is damaged",
    "decompression bomb": "it is too large: more pixels than Pillow decodes",
    "not recognised": "it is in no format that can be read here",
    "cannot identify": "it is in no format that can be read here",
    "file does not start with riff": "it is in no format that can be read here",
    "not understood": "it is in no format that can be read here",
    "unknown wave file format": "its codec is unknown here",
    "decoder not found": "its codec is unknown here",
    "not available": "its codec is unknown here",
    "invalid data found": "it is damaged, or in no format that can be read here",
}


def reason(path: Path, error: Exception) -> str:
    """Say why a file cannot be decoded.

    Args:
        path: The file.
        error: What its decoder raised.
    """
    if isinstance(error, MemoryError):
        return "it is too large for the memory"
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as refused:
        return _of_system(refused)
    if not head:
        return "it is empty"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = next((said for mark, said in _KINDS.items() if start.startswith(mark)), None)
    if kind is None and not head.strip(b"\0"):
        kind = "it holds nothing but zeros"
    if kind is None and head[4:8] == b"ftyp":  # HEIC, AVIF, MP4
        kind = f"its codec is unknown here, see its kind '{head[8:12].decode('latin-1').strip()}'"
        return kind if "cannot identify" in str(error) else _of_decoder(path, error)
    unread = any(words in str(error) for words in ("cannot identify", "create decoder"))
    if kind is None and unread and start.startswith(_PICTURES):
        return "it ends early or is damaged"
    return kind or _of_decoder(path, error)


def _of_system(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "there is no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if error.errno == errno.EISDIR:
        return "it is a folder"
    return error.strerror or first_line(error)


def _of_decoder(path: Path, error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it ends early"
    said = first_line(error).replace(str(path), path.name)
    known = next((why for words, why in _SAID.items() if words in said.lower()), None)
    if known is None and isinstance(error, SyntaxError):  # Pillow's word for a damaged header
        return "it is damaged"
    return known or said
