"""Which columns of a table are numbers, which are categories, and which only count the rows."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from kssl.data.tables.doubts import doubt_of_label, doubt_of_names, doubt_of_numbers
from kssl.data.tables.reader import Column
from kssl.data.tables.written_numbers import UNKNOWN, plain_number
from kssl.errors import UserError

_UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)*|__index_level_\d+__")
_EXACT = 2.0**53  # beyond it float64 does not hold every whole number
_MOSTLY = 0.5  # of the values must be numbers, that what is none is pointed out


def column_type(where: str, column: Column, broken_fraction: float) -> str:
    """Return `numeric`, `categorical` or `empty`, with a warning where it is not clear.

    A column counts as numbers unless more than `broken_fraction` of its values are not numbers.
    Words such as `unknown` stand for a missing number.
    """
    present = column.codes[~column.missing]
    if not len(present):
        _warn(where, column, "has no values; left out", None)
        return "empty"
    odd = np.isnan(column.numbers)
    known = np.array([value.casefold() in UNKNOWN for value in column.values])
    numbers, others = 1 - odd[present].mean(), (odd & ~known)[present].mean()
    as_words = numbers < _MOSTLY and odd[present].mean() > broken_fraction
    if others > broken_fraction or as_words:
        if numbers >= _MOSTLY:
            told = f"is categorical, for {_counted(column, odd, present)}"
            _warn(where, column, f"{told}. If these are missing numbers", "numeric")
        elif why := column.note or doubt_of_names(column.values):
            _warn(where, column, f"is categorical: {why}. If that is right", "categorical")
        return "categorical"
    check_numbers(where, column)
    if doubt := doubt_of_numbers(column.values, column.codes, column.numbers):
        cure = "skip" if "index" in doubt else "categorical"
        _warn(where, column, f"{doubt}, and is numeric. If it is one of those", cure)
    return "numeric"


def check_numbers(where: str, column: Column) -> None:
    """Warn of what must be known of a column that is used as numbers.

    Raises:
        UserError: It has no numbers at all.
    """
    present = column.codes[~column.missing]
    odd = np.isnan(column.numbers)
    if len(present) and odd[present].all():
        why = column.note or f"such as '{column.values[present[0]]}'"
        raise UserError(
            f"{where}: the column '{column.name}' has no numbers: {why}. "
            f"types: {{{column.name}: categorical}} takes them as names"
        )
    if odd[present].any():
        told = f"{_counted(column, odd, present)}; they count as missing. If they are names"
        logging.getLogger("kssl").warning(
            "%s: %s: types: {%s: categorical}", where, told, column.name
        )
    elif column.note:
        _warn(where, column, f"is numeric: {column.note}. If it is none", "categorical")
    if (np.abs(column.numbers[present]) > _EXACT).any() and len(column.values) > len(present) // 2:
        told = "has numbers beyond 2**53, of which the last digits are lost. If they are names"
        _warn(where, column, told, "categorical")


def warn_of_label(where: str, column: Column) -> None:
    """Warn of a label that has nearly a class for each row."""
    known = int((~column.missing).sum())
    if doubt := doubt_of_label(len(column.values), known):
        _warn(where, column, doubt, None)


def without_index(
    where: str, columns: dict[str, Column], used: Sequence[str]
) -> tuple[dict[str, Column], dict[str, str]]:
    """Leave out columns without a name, such as the index of a data frame, and say so.

    Args:
        where: The file.
        columns: By name; one that had none is called `Unnamed: ` and its place.
        used: Names that the settings mention; they stay.

    Returns:
        The other columns, and why each of these is left out.
    """
    found = [name for name in columns if _UNNAMED.fullmatch(name) and name not in used]
    if not found or len(found) == len(columns):
        return columns, {}
    for name in found:
        _warn(where, columns[name], "has no name, as an index; left out. To use it", "numeric")
    kept = {name: column for name, column in columns.items() if name not in found}
    return kept, dict.fromkeys(found, "it has no name, as an index")


def warn_of_similar(where: str, what: str, names: Sequence[str]) -> None:
    """Warn of names that look alike: but for spaces, case, marks that are not seen, or `1.0`."""
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        alike.setdefault(_as_seen(name), []).append(name)
    told = ["/".join(_shown(each)) for each in alike.values() if len(each) > 1]
    if told:
        logging.getLogger("kssl").warning(
            "%s: %s that differ only by spaces, case or the like are different ones: %s; write "
            "them alike if they are not",
            where,
            what,
            ", ".join(told[:5]) + ", …" * (len(told) > 5),
        )


def _as_seen(name: str) -> str:
    number = plain_number(name)
    return " ".join(_visible(name).split()).casefold() if np.isnan(number) else repr(number)


def _visible(name: str) -> str:
    """A name with its letters written in one way, without what has no width."""
    letters = unicodedata.normalize("NFKC", name)
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Cf")


def _shown(names: list[str]) -> list[str]:
    """Names in quotes, so that they can be told apart."""
    apart = len(set(map(_visible, names))) == len(names)
    return [repr(name) if apart else ascii(name) for name in names]


def _counted(column: Column, odd: np.ndarray, present: np.ndarray) -> str:
    """How many values are no numbers, with the commonest of them."""
    counts = np.bincount(present, minlength=len(column.values)) * odd
    common = [place for place in np.argsort(-counts, kind="stable")[:5] if counts[place]]
    values = ", ".join(f"'{column.values[place]}'" for place in common)
    return (
        f"{counts.sum()} of {len(present)} values of the column '{column.name}' are no numbers, "
        f"such as {values}"
    )


def _warn(where: str, column: Column, told: str, cure: str | None) -> None:
    end = f": types: {{{column.name}: {cure}}}" if cure else ""
    logging.getLogger("kssl").warning("%s: the column '%s' %s%s", where, column.name, told, end)
