"""Numbers as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data.tables.written_numbers import read_numbers


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["$1,200.50", "$3", "($1,000)", "-$5", "$-7"], [1200.5, 3, -1000, -5, -7]),
        (["$1,200", "$950"], [1200, 950]),
        (["1.200,50 €", "3,10 €", "1.000 €"], [1200.5, 3.1, 1000]),
        (["1,5", "2", "-0,25", ",5"], [1.5, 2, -0.25, 0.5]),
        (["45%", "3.5 %"], [45, 3.5]),
        (["1,234,567", "1,200", "12"], [1234567, 1200, 12]),
        (["1 234 567", "1'000", "7"], [1234567, 1000, 7]),
        (["−3", "1e5", "2"], [-3, 1e5, 2]),
        (["1 200 zł", "3,50 zł"], [1200, 3.5]),
        (["R$ 1.200,50", "R$ 3"], [1200.5, 3]),
        (["₩105,496", "₩1,000"], [105496, 1000]),
        (["₪3.50", "₪1,200.00"], [3.5, 1200]),
        (["CHF 1’200.50", "CHF 7"], [1200.5, 7]),
        (["HK$1,200", "HK$5"], [1200, 5]),
        (["1\u202f200 kr", "950 kr"], [1200, 950]),
        (["0.5‰", "12 ‰"], [0.5, 12]),
    ],
)
def test_what_can_be_read_in_one_way_is_read(values: list[str], numbers: list[float]) -> None:
    found, said = read_numbers(values)
    np.testing.assert_allclose(found, numbers)
    assert "is read as" in said


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1,200", "3,450"], "'1,200' can be 1200 or 1.2"),
        (["1,200 €"], "'1,200 €' can be 1200 or 1.2"),
        (["1.5", "2,5"], "'2,5' has another decimal mark than '1.5'"),
        (["45%", "0.5"], "several units (%, no unit)"),
        (["$5", "€3"], "several units ($, €)"),
        (["US$5", "A$3"], "several units (A$, US$)"),
        (["R$ 1.200"], "'R$ 1.200' can be 1.2 or 1200"),
        (["2024-01-02", "01.02.2024", "1.2.3.4", "007 123", "a 5"], ""),
        (["1_000", "abc"], ""),
    ],
)
def test_what_cannot_is_left_as_it_is_and_said(values: list[str], message: str) -> None:
    found, said = read_numbers(values)
    assert message in said and np.isnan(found[0]) == (values[0] != "1.5")
