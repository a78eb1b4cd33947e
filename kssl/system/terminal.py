"""How wide what is printed may be, and how long lines are broken: the same for all that prints."""

from __future__ import annotations

import shutil
import textwrap

WIDTH = 80  # of a pipe, and of a file


def width() -> int:
    """Return the columns of the terminal, or what COLUMNS says; 80 in a pipe."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def wrapped(text: str, indent: str = "  ") -> str:
    """Break long lines between words; a word that is too long, such as a path, stays whole.

    Args:
        text: One line or several.
        indent: What the second and later lines of each begin with.

    Example:
        >>> wrapped("note: one two", indent="  ")
        'note: one two'
    """
    return "\n".join(
        textwrap.fill(
            line,
            width(),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )
