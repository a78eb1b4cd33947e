"""Text cut into paragraphs, sentences and lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Unit = Literal["document", "paragraph", "sentence", "line"]

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
# After . ! ? … and closing quotes where white space follows; after CJK full stops always.
_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]]*\s+|[\u3002\uff01\uff1f]\s*")
_OPENING = "\"'\u201c\u2018(["
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st jr sr vs etc fig eq no vol ed al cf dept gen sen rep col capt lt sgt "
    "jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e u.s u.k inc ltd co corp".split()
)


def paragraphs(text: str) -> list[str]:
    """Cut at blank lines.

    Example:
        >>> paragraphs("One\\nline.\\n\\n\\nTwo.")
        ['One\\nline.', 'Two.']
    """
    return [part.strip() for part in _BLANK_LINES.split(text) if part.strip()]


def sentences(text: str) -> list[str]:
    """Cut into sentences by rules; line breaks inside of a paragraph become spaces.

    A sentence ends after `.`, `!`, `?` or `…` (and closing quotes) if white space follows and
    what comes next does not begin with a small letter, unless the word before is one of some 60
    English abbreviations or a lone capital letter. There are no models behind it: it errs on
    names such as "Yahoo! Inc." and does not cut at a full stop that a small letter follows.

    Example:
        >>> sentences("Dr. Smith came. He saw J. Doe, e.g. twice! Then?")
        ['Dr. Smith came.', 'He saw J. Doe, e.g. twice!', 'Then?']
    """
    return [sentence for part in paragraphs(text) for sentence in _of_paragraph(part)]


def _of_paragraph(paragraph: str) -> list[str]:
    joined = " ".join(paragraph.split())
    found, begin = [], 0
    for match in _END.finditer(joined):
        if _ends(joined, begin, match):
            found.append(joined[begin : match.end()].rstrip())
            begin = match.end()
    return [*found, joined[begin:]] if begin < len(joined) else found


def _ends(text: str, begin: int, match: re.Match[str]) -> bool:
    mark = text[match.start()]
    if mark in "\u3002\uff01\uff1f":
        return True
    following = text[match.end() : match.end() + 8].lstrip(_OPENING)[:1]
    if following.islower():
        return False
    if mark != ".":
        return True
    before = text[max(begin, match.start() - 24) : match.start()].rpartition(" ")[2]
    before = before.lstrip(_OPENING)
    initial = len(before) == 1 and before.isupper() and before != "I"
    return not initial and before.lower() not in _ABBREVIATIONS


def lines(text: str) -> list[str]:
    """Cut at line ends; lines of white space are left out."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def whole(text: str) -> list[str]:
    """Return the text as it is, if it is more than white space."""
    return [text] if text.strip() else []


CUTS: dict[str, Callable[[str], list[str]]] = {
    "document": whole,
    "paragraph": paragraphs,
    "sentence": sentences,
    "line": lines,
}
