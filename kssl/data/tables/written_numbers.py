"""Numbers as people write them: `$1,200.50`, `1.200,50 €`, `45 %`, `(300)`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

# Words for a value that is not known, in a column of numbers.
UNKNOWN = {"unknown", "none", "missing", "not available", "not applicable", "undefined", "nil"}
UNKNOWN |= {"-", "--", "---", ".", "..", "na", "n.a.", "n. a.", "n/k", "#div/0!", "#value!", "tbd"}

# Signs of money, those of other countries' dollars, letters of ISO 4217, and other short names.
_SIGNS = "$€£¥₹₽₩₪₺₴₫₱₦₿฿₡₲₵₸₼₾₮₭₨￥￦￡"
_CODES = (
    "USD EUR GBP JPY INR CHF CAD AUD CNY RMB NZD SGD HKD TWD KRW THB IDR MYR PHP VND SEK NOK DKK "
)
_CODES += "ISK PLN CZK HUF RON BGN RUB UAH TRY ILS AED SAR EGP ZAR NGN KES BRL MXN ARS CLP COP PEN"
_NAMES = ["zł", "kr\\.?", "Kč", "Ft", "lei", "руб\\.?", "Rs\\.?", "Fr\\.", "元", "円", "원"]
_MONEY = "|".join([rf"[A-Z]{{0,3}}[{_SIGNS}]", *_CODES.split(), *_NAMES])
# Where a comma sets groups of digits apart.
_POINTED = {
    "$",
    "£",
    "¥",
    "₹",
    "₩",
    "₪",
    "₱",
    "฿",
    "₦",
    "USD",
    "GBP",
    "JPY",
    "INR",
    "CNY",
    "KRW",
    "ILS",
}
_POINTED |= {f"{land}$" for land in ("US", "A", "AU", "C", "CA", "HK", "NT", "NZ", "S", "SG")}
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+−])?\s*(?P<before>{_MONEY})?\s*(?P<second>[-+−])?"
    rf"(?P<digits>[\d.,]\d*(?:[.,'’\s]?\d+)*)\s*(?P<after>[%‰]|{_MONEY})?(?P<close>\))?",
    re.IGNORECASE,
)
_POINT = re.compile(r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+")
_COMMA = re.compile(r"(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)(?:,\d*)?|,\d+")
_BLANKS = re.compile(r"(?<=\d)['’\s](?=\d{3}(?!\d))")  # between groups of three digits


def plain_number(value: str) -> float:
    """A finite number as programs write it, else NaN."""
    try:
        number = np.nan if "_" in value else float(value)
    except ValueError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def read_numbers(values: Sequence[str]) -> tuple[np.ndarray, str]:
    """Read the distinct values of a column as numbers, where that can be done in one way alone.

    The mark of decimals is the point or the comma for the whole column, and there is one unit, of
    money or per cent. `1,200` alone may be either: a dollar's or pound's sign settles it, or
    another value of the column.

    Args:
        values: As text.

    Returns:
        float64 `(values,)`, NaN for what is no number; and what is to be said of it, or "".

    Example:
        >>> read_numbers(["$1,200.50", "($3)"])
        (array([1200.5,   -3. ]), "'$1,200.50' is read as 1200.5")
        >>> read_numbers(["1,200", "3,450"])[1]
        "'1,200' can be 1200 or 1.2, so that its values are not read as numbers"
    """
    plain = np.array([plain_number(value) for value in values], np.float64)
    if not np.isnan(plain).any():
        return plain, ""
    found = {place: m for place, value in enumerate(values) if (m := _match(value))}
    odd = [place for place in found if np.isnan(plain[place])]
    if not odd:
        return plain, ""
    example = values[odd[0]]
    units = {(m["before"] or m["after"] or "").upper() for m in found.values()}
    if len(units - {""}) > 1 or (units & {"%", "‰"} and len(units) > 1):
        named = ", ".join(sorted(unit or "no unit" for unit in units))
        return plain, f"its numbers have several units ({named}), such as '{example}'"
    mark = _decimal_mark([_digits(m) for m in found.values()], units)
    if mark is None:
        return plain, _said_of_marks(values, [found[place] for place in odd])
    for place, match in found.items():
        plain[place] = _value(match, mark)
    return plain, f"'{example}' is read as {plain[odd[0]]:.15g}"


def _said_of_marks(values: Sequence[str], odd: Sequence[re.Match[str]]) -> str:
    both = [f"{_value(odd[0], mark):g}" for mark in ".," if _fits(odd[0], mark)]
    if len(both) == 2:
        said = f"'{odd[0].string}' can be {both[0]} or {both[1]}"
    else:
        other = next((value for value in values if not np.isnan(plain_number(value))), "")
        said = f"'{odd[0].string}' has another decimal mark than '{other}'"
    return f"{said}, so that its values are not read as numbers"


def _match(value: str) -> re.Match[str] | None:
    found = _WRITTEN.fullmatch(value)
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    twice = (found["sign"] and found["second"]) or (found["before"] and found["after"])
    return None if twice or not (_fits(found, ".") or _fits(found, ",")) else found


def _digits(found: re.Match[str]) -> str:
    return _BLANKS.sub("", found["digits"])


def _fits(found: re.Match[str], mark: str) -> bool:
    return bool((_POINT if mark == "." else _COMMA).fullmatch(_digits(found)))


def _decimal_mark(digits: Sequence[str], units: set[str]) -> str | None:
    """The mark of decimals that fits all; None if none does, or both with other values."""
    point = all(_POINT.fullmatch(each) for each in digits)
    comma = all(_COMMA.fullmatch(each) for each in digits)
    marked = any("," in each or "." in each for each in digits)
    if point and comma and marked and not units & _POINTED:
        return None
    return "." if point else "," if comma else None


def _value(found: re.Match[str], mark: str) -> float:
    digits = _digits(found).replace("," if mark == "." else ".", "").replace(mark, ".")
    signs = {found["open"], found["sign"], found["second"]}
    return -float(digits) if signs & {"(", "-", "−"} else float(digits)
