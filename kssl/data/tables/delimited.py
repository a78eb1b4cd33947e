"""Rows of CSV, TSV and the like: one rule of quoting for every reader.

In CSV a field that begins with `"` goes on to the `"` before the next comma or line's end, over
lines if need be; `""` in it is one `"`. Any other `"` is a character. In TSV a field ends at the
tab, and quotes are characters: those around a whole field are taken off only if all names in the
first row are in quotes, too, if quotes inside it are doubled, or if it has several lines and the
lines are no rows by themselves. A first line `sep=;` says the delimiter. A quote that is
never closed, or only by swallowing whole rows, spoils its own line, and no other.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

SPACES = " "  # any white space between fields, as columns that are aligned have it
_DELIMITERS = "\t;|,"
_SAID = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # a first line that tells Excel
_MOST_LINES, _MOST_CHARACTERS = 5_000, 2**20  # of one row


def read_rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each row's first line number with its fields, or with why it cannot be read.

    Args:
        lines: Without their ends; empty ones are passed over.
        delimiter: A character, or `SPACES`.

    Example:
        >>> [fields for _, fields in read_rows(['a,"b, c"', '5" wide,d'], ",")]
        [['a', 'b, c'], ['5" wide', 'd']]
    """
    source, again = enumerate(lines, start=1), deque[tuple[int, str]]()
    width, all_quoted = 0, False
    while taken := _next(source, again):
        number, line = taken
        if not line.strip(" ") or (number == 1 and _SAID.fullmatch(line)):
            continue
        if not width and delimiter == "\t":
            all_quoted = all(re.fullmatch('".*"', name) for name in line.split("\t"))
        fields = _fields(line, delimiter)
        if fields is None:
            fields = _over_lines(taken, source, again, delimiter, width)
        elif delimiter == "\t":
            fields = None
        fields = _of_tsv(line, all_quoted) if delimiter == "\t" and fields is None else fields
        width = width or len(fields or ())
        yield number, "a quote that is not closed" if fields is None else fields


def to_width(
    fields: list[str], width: int, text: int | None = None, delimiter: str = ","
) -> list[str] | str:
    """Return fields as many as the header has, or say why there are others.

    Empty fields at the end of a row are left out. In a row of a file and its text, or of a text
    alone, delimiters that are not in quotes belong to the text.

    Args:
        fields: Of one row.
        width: How many names the header has.
        text: Which of them is free text.
        delimiter: What set the fields apart.

    Example:
        >>> to_width(["1.jpg", "A dog", " a cat"], 2, text=1)
        ['1.jpg', 'A dog, a cat']
        >>> to_width(["1.jpg", "A dog", " a cat"], 3, text=1), to_width(["1.jpg"], 2)
        (['1.jpg', 'A dog', ' a cat'], '1 fields instead of 2')
    """
    if len(fields) > width and not any(fields[width:]):
        fields = fields[:width]
    if len(fields) > width and width <= 2 and text == width - 1:
        return [*fields[:text], delimiter.join(fields[text:])]
    return fields if len(fields) == width else f"{len(fields)} fields instead of {width}"


def delimiter_of(lines: Sequence[str]) -> str:
    """Return what sets fields apart: what stands equally often, outside quotes, in each line.

    Args:
        lines: The first of a file, the header among them.

    Example:
        >>> delimiter_of(["a;b;c", "1,5;2;3", '"x, y, z";0,1;2'])
        ';'
    """
    if lines and (said := _SAID.fullmatch(lines[0])):
        return said[1]
    bare = [re.sub(r'"[^"]*"', '""', line) for line in lines if line.strip()]
    for delimiter in _DELIMITERS:
        counts = [line.count(delimiter) for line in bare]
        if counts[0] and sum(count == counts[0] for count in counts) >= 0.8 * len(counts):
            return delimiter
    most = max(_DELIMITERS[::-1], key=bare[0].count)  # the comma, where there is none of them
    return SPACES if not bare[0].count(most) and _aligned(bare) else most


def delimiter_in(lines: Sequence[str], usual: str) -> str:
    """Return what sets the names of a header apart: the usual, or what stands in its place.

    Example:
        >>> delimiter_in(["text;label", "one, two;3"], ","), delimiter_in(["text"], ",")
        (';', ',')
    """
    header = next((line for line in lines if line.strip()), "")
    if said := _SAID.fullmatch(header):
        return said[1]
    if usual in header:
        return usual
    return next((each for each in _DELIMITERS if each in header), usual)


def _aligned(lines: Sequence[str]) -> bool:
    """Whether white space makes columns, of which one has numbers."""
    rows = [line.split() for line in lines]
    if len(rows[0]) < 2 or len({len(row) for row in rows}) > 1 or len(rows) < 2:
        return False
    return any(all(re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", v, re.I) for v in column[1:])
               for column in zip(*rows, strict=True))  # fmt: skip


def _next(
    source: Iterator[tuple[int, str]], again: deque[tuple[int, str]]
) -> tuple[int, str] | None:
    return again.popleft() if again else next(source, None)


def _fields(text: str, delimiter: str) -> list[str] | None:
    """The fields of a row; None if a quote at the beginning of one is not closed."""
    if delimiter == SPACES:
        return [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', text)]
    if '"' not in text:
        return text.split(delimiter)
    fields, at = [], 0
    quoted = re.compile(r' *"((?:[^"]|"")*)" *(?=' + re.escape(delimiter) + r"|\Z)")
    while True:
        found = quoted.match(text, at)
        if found is None and re.compile(r'"(?:[^"]|"")*\Z').match(text, at):
            return None
        end = found.end() if found else text.find(delimiter, at)
        end = len(text) if end < 0 else end
        fields.append(found[1].replace('""', '"') if found else text[at:end])
        if not found and "\n" in fields[-1]:
            return None
        if end == len(text):
            return fields
        at = end + 1


def _over_lines(
    first: tuple[int, str],
    source: Iterator[tuple[int, str]],
    again: deque[tuple[int, str]],
    delimiter: str,
    width: int,
) -> list[str] | None:
    """The fields of a row of several lines; None, and all lines but the first once more, if not."""
    used = [first]
    size, fields = len(first[1]), None
    while len(used) < _MOST_LINES and size < _MOST_CHARACTERS and (more := _next(source, again)):
        used.append(more)
        size += len(more[1])
        if '"' in more[1]:
            fields = _fields("\n".join(line for _, line in used), delimiter)
            if fields is not None:
                break
    # Lines that are each a whole row were hardly meant to be one.
    rows = [len(line.split(delimiter)) == width for _, line in used]
    whole = width > 1 and all(rows) and len(used) >= 3 + (width == 2)
    if delimiter == "\t":  # where most quotes are characters
        whole = width < 2 or all(rows) or any(rows[1:-1]) or len(fields or ()) != width
    if fields is None or whole:
        again.extendleft(reversed(used[1:]))
        return None
    return fields


def _of_tsv(line: str, all_quoted: bool) -> list[str]:
    """The fields of a line, without the quotes around a field where they are no part of it."""
    fields = line.split("\t")
    if '"' not in line:
        return fields
    for place, field in enumerate(fields):
        inner = field[1:-1]
        around = len(field) > 1 and field[0] == field[-1] == '"'
        if around and '"' not in inner.replace('""', "") and (all_quoted or '""' in inner):
            fields[place] = inner.replace('""', '"')
    return fields
