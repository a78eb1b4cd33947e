"""The two ways in which a command can end badly, and how names are suggested."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What the user gave is wrong: the message says what, and how to fix it (exit code 2)."""


class RunError(Exception):
    """A run that was started correctly could not be finished (exit code 1)."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


def nearest(name: str, options: Iterable[str]) -> str:
    """Return the end of an error message: the names closest to `name`, else all of them.

    Args:
        name: What was given.
        options: What there is.

    Returns:
        `"; did you mean 'x'?"`, or `"; there is: a, b"`, or `"; there is none"`.

    Example:
        >>> nearest("temprature", ["temperature", "width"])
        "; did you mean 'temperature'?"
    """
    known = sorted(options)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(repr(match) for match in close)}?"
    return f"; there is: {', '.join(known)}" if known else "; there is none"
