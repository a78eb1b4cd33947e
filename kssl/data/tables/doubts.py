"""What a column may be that it is not taken for: dates, amounts with a unit, codes, an index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

_MOSTLY = 0.9  # of the values
_FEW = 3  # different values, below which nothing is said
_CLASSES = 20  # above which as many as half of the rows are no classes
_DATE = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})"
_TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?\s*(Z|[-+]\d\d:?\d\d)?"
_WHEN = re.compile(rf"({_DATE})([T\s]+{_TIME})?|{_TIME}", re.IGNORECASE)
_AMOUNT = re.compile(r"[-+−]?\d[\d.,'’\s]*?\s?(?P<unit>[^\W\d_][^\d\s]*|[°%‰″′'\"][^\W\d_]?)")
_CODE = re.compile(r"0\d+")


def doubt_of_names(values: Sequence[str]) -> str:
    """Say what values that are taken for names look like; "" if like names.

    Example:
        >>> doubt_of_names(["12.5 kg", "7 kg", "9.25 kg"])
        "its values are numbers with a unit (kg), such as '12.5 kg', and each is a name"
        >>> doubt_of_names(["red", "green", "blue"])
        ''
    """
    if len(values) < _FEW:
        return ""
    enough = _MOSTLY * len(values)
    if sum(bool(_WHEN.fullmatch(value)) for value in values) >= enough:
        return f"its values are dates or times, such as '{values[0]}', and each is a name"
    found = [(value, match["unit"]) for value in values if (match := _AMOUNT.fullmatch(value))]
    common = Counter(unit for _, unit in found).most_common(3)
    if common and sum(count for _, count in common) >= enough:
        units = ", ".join(unit for unit, _ in common)
        return f"its values are numbers with a unit ({units}), such as '{found[0][0]}', and each " \
            "is a name"  # fmt: skip
    return ""


def doubt_of_numbers(values: Sequence[str], codes: np.ndarray, numbers: np.ndarray) -> str:
    """Say what a column that is taken for numbers looks like; "" if like numbers.

    Args:
        values: Its distinct values, as text.
        codes: Which of them each row has; -1 where it is missing.
        numbers: What each of `values` is.
    """
    zeros = next((value for value in values if _CODE.fullmatch(value)), None)
    if zeros:
        return f"has numbers with zeros in front, such as '{zeros}', as codes have"
    if len(values) == len(codes) > 10 and (codes >= 0).all():
        rows = numbers[codes]
        if (np.diff(rows) == 1).all():
            return f"counts the rows from {rows[0]:g} on, as an index does"
    return ""


def doubt_of_label(count: int, rows: int) -> str:
    """Say so where a column of classes has nearly a class for each row."""
    if count <= max(_CLASSES, rows / 2):
        return ""
    return (
        f"has {count} classes in {rows} rows: numbers that are to be predicted, and names of rows, "
        "are no classes"
    )
