"""What a column may be that it is not taken for."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data.tables.doubts import doubt_of_label, doubt_of_names, doubt_of_numbers


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["12.5 kg", "7 kg", "9,25kg"], "numbers with a unit (kg), such as '12.5 kg'"),
        (["1.2K", "3M", "900K"], "numbers with a unit (K, M)"),
        (["21.5 °C", "-3 °C", "0 °C"], "numbers with a unit (°C)"),
        (["1th", "4th", "15th"], "numbers with a unit (th)"),
        (["2024-01-02", "2023-12-31", "1999-1-1"], "dates or times"),
        (["02.01.2024", "31.12.23", "1.1.1999"], "dates or times"),
        (["2024-01-02T10:00:00Z", "2024-01-03 11:30", "2024-01-04"], "dates or times"),
        (["10:30", "9:05 pm", "23:59:59.5"], "dates or times"),
        (["10-19", "20-29", "30-39"], ""),
        (["A12", "B3", "C77"], ""),
        (["red", "green", "4 blue"], ""),
        (["5 kg", "7 kg"], ""),  # two classes of weight may well be names
    ],
)
def test_names_that_look_like_amounts_or_dates(values: list[str], said: str) -> None:
    found = doubt_of_names(values)
    assert said in found and bool(said) == bool(found)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([f"{number % 7:05d}" for number in range(20)], "zeros in front, such as '00000'"),
        ([str(number) for number in range(5, 25)], "counts the rows from 5 on"),
        (["0", "0.5", "10"] * 5, ""),
        ([str(2 * number) for number in range(20)], ""),
        ([str(number) for number in range(9)], ""),
    ],
)
def test_numbers_that_look_like_codes_or_an_index(rows: list[str], said: str) -> None:
    values, codes = np.unique(rows, return_inverse=True)
    found = doubt_of_numbers([*values], codes, values.astype(float))
    assert said in found and bool(said) == bool(found)


def test_as_many_classes_as_rows_are_no_classes() -> None:
    assert "has 150 classes in 200 rows" in doubt_of_label(150, 200)
    assert doubt_of_label(100, 200) == doubt_of_label(20, 25) == ""
