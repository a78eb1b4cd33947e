"""Tables: types, splits, encoding, and what is broken."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kssl.data import SPLITS, fit_table, tabular
from kssl.errors import UserError


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines))
    return str(path)


def people(count: int = 60) -> list[str]:
    """Rows that all differ: an age, a city of two, a class of three."""
    return [f"{20 + n},{'Rome' if n % 2 else 'Oslo'},{n % 3}" for n in range(count)]


def read(dataset: Any) -> dict[str, np.ndarray]:
    rows = list(dataset.as_numpy_iterator())
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def test_types_are_found_and_shown(tmp_path: Path) -> None:
    fitted = fit_table(write(tmp_path / "a.csv", "age,city,class", *people()), label="class")
    assert [column.name for column in fitted.numeric] == ["age"]
    assert fitted.categorical[0].values == ("Oslo", "Rome") and fitted.vocabulary_sizes == [3]
    assert fitted.classes == ("0", "1", "2")
    lines = str(fitted).splitlines()
    assert lines[0] == "train: 48 rows, validation: 6 rows, test: 6 rows"
    assert "numeric: mean" in lines[1] and "categorical, 2 values: Oslo, Rome" in lines[2]


def test_encoding_is_fitted_on_the_training_rows_alone(tmp_path: Path) -> None:
    lines = [f"{n},a,train" for n in range(10)]
    lines += ["1000,only here,test", "5,a,test", "7,,val", "8,a,val"]
    path = write(tmp_path / "a.csv", "x,kind,part", *lines)
    types = {"part": "split"}
    fitted = fit_table(path, types=types)
    assert fitted.numeric[0].mean == pytest.approx(4.5)
    assert fitted.numeric[0].std == pytest.approx(np.arange(10).std())
    train, test, validation = (
        read(tabular(split, path=path, types=types)) for split in ("train", "test", "validation")
    )
    np.testing.assert_allclose(train["numeric"].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(train["numeric"].std(), 1, rtol=1e-6)
    np.testing.assert_allclose(
        test["numeric"][:, 0], (np.array([1000, 5]) - 4.5) / np.arange(10).std()
    )
    # What no training row has is unknown, 0; no training row lacked a name, so neither is that.
    assert test["categorical"].tolist() == [[0], [1]]
    assert validation["categorical"].tolist() == [[0], [1]]


def test_a_split_that_the_column_does_not_name_is_cut_off_train(tmp_path: Path) -> None:
    lines = [f"{n},train" for n in range(40)] + [f"{n},test" for n in range(40, 45)]
    path = write(tmp_path / "a.csv", "x,part", *lines)
    rows = fit_table(path, types={"part": "split"}).rows
    assert [len(rows[split]) for split in SPLITS] == [36, 4, 5]
    with pytest.raises(UserError, match="has 'dev2', which is no split"):
        fit_table(write(tmp_path / "b.csv", "x,part", "1,dev2", "2,train"), types={"part": "split"})


def test_missing_values(tmp_path: Path) -> None:
    lines = [f"{n},{'?' if n % 5 == 0 else 'a'}" for n in range(40)] + ["NaN,a", ",a", " ? , NA "]
    path = write(tmp_path / "a.csv", "x,kind", *lines)
    fitted = fit_table(path)
    assert fitted.categorical[0].values == ("a", "(missing)")
    assert fitted.categorical[0].missing > 0
    every = [fitted.arrays(split) for split in SPLITS]
    rows = np.concatenate([fitted.rows[split] for split in SPLITS])
    numbers = np.concatenate([part["numeric"][:, 0] for part in every])
    names = np.concatenate([part["categorical"][:, 0] for part in every])
    assert np.all(numbers[rows >= 40] == 0) and np.isfinite(numbers).all()
    assert set(names[(rows % 5 == 0) & (rows < 40)]) == {2}


def test_splits_are_disjoint_and_equal_rows_stay_together(tmp_path: Path) -> None:
    lines = [f"{n % 50},{'ab'[n % 2]}" for n in range(500)]  # each row ten times
    path = write(tmp_path / "a.csv", "x,kind", *lines)
    rows = fit_table(path).rows
    assert sorted(np.concatenate(list(rows.values()))) == list(range(500))
    of_split = {split: {number % 50 for number in rows[split]} for split in SPLITS}
    assert (
        not of_split["train"] & of_split["test"] and not of_split["train"] & of_split["validation"]
    )
    assert [len(rows[split]) for split in SPLITS] == [400, 50, 50]
    grouped = fit_table(path, types={"kind": "skip", "x": "numeric"}).rows
    assert all(np.array_equal(rows[split], grouped[split]) for split in SPLITS)


def test_groups_stay_together(tmp_path: Path) -> None:
    lines = [f"{n},patient {n // 10}" for n in range(100)]
    path = write(tmp_path / "a.csv", "x,who", *lines)
    fitted = fit_table(path, types={"who": "group"})
    groups = [set(fitted.rows[split] // 10) for split in SPLITS]
    assert [len(group) for group in groups] == [8, 1, 1] and len(set.union(*groups)) == 10
    assert fitted.skipped == {"who": "it is the group"} and not fitted.categorical
    two = write(tmp_path / "b.csv", "x,who", "1,a", "2,b", "3,b")
    with pytest.raises(UserError, match="2 groups cannot be split"):
        fit_table(two, types={"who": "group"})


@pytest.mark.parametrize("kind", ["semicolon", "tab", "gz", "bom", "parquet", "no header"])
def test_other_ways_to_write_a_table(tmp_path: Path, kind: str) -> None:
    text = "\n".join(["age,city,class", *people()])
    plain = fit_table(write(tmp_path / "plain.csv", text), label="class").arrays("train")
    path, settings = tmp_path / "other.csv", {"label": "class", "header": True}
    if kind == "gz":
        path = path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(text.encode()))
    elif kind == "parquet":
        from pyarrow import csv, parquet

        path = path.with_suffix(".parquet")
        parquet.write_table(csv.read_csv(tmp_path / "plain.csv"), path)
    elif kind == "no header":
        path.write_text("\n".join(people()))
        settings = {"label": "column_2", "header": False}
    else:
        new = {"semicolon": text.replace(",", ";"), "tab": text.replace(",", "\t")}
        path.write_text(new.get(kind, "\ufeff" + text), encoding="utf-8")
    other = fit_table(str(path), **settings).arrays("train")
    assert other.keys() == plain.keys()
    for key, value in plain.items():
        np.testing.assert_array_equal(other[key], value)


def test_broken_lines_are_named_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [*people(), "1", "1,2,3,4", "33,Rome,"]
    path = write(tmp_path / "a.csv", "age,city,class", *lines)
    with caplog.at_level(logging.WARNING, "kssl"):
        fitted = fit_table(path, label="class")
    assert sum(map(len, fitted.rows.values())) == 61  # a row without a class too
    (first,) = (record.getMessage() for record in caplog.records)
    told = "line 62, line 63 (2, the first: 1 fields instead of 3)"
    assert f"2 of 63 rows cannot be used: {told}" in first
    assert 60 in fitted.rows["train"] and fitted.arrays("train")["label"].tolist().count(-1) == 1
    with pytest.raises(UserError, match="More than broken_fraction=0.01"):
        fit_table(path, label="class", broken_fraction=0.01)


def test_odd_values_in_a_column_of_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [f"{n},{n}" for n in range(99)] + ["about 7,inf"]
    with caplog.at_level(logging.WARNING, "kssl"):
        fitted = fit_table(write(tmp_path / "a.csv", "x,y", *lines))
    assert [column.name for column in fitted.numeric] == ["x", "y"]
    messages = [record.getMessage() for record in caplog.records]
    assert "1 of 100 values of the column 'x' are no numbers, such as 'about 7'" in messages[0]
    assert "'inf'" in messages[1]
    assert all(np.isfinite(fitted.arrays(split)["numeric"]).all() for split in SPLITS)
    strict = fit_table(str(tmp_path / "a.csv"), broken_fraction=0.0)
    assert [column.name for column in strict.categorical] == ["x", "y"]


def test_a_column_without_values_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "kssl"):
        fitted = fit_table(write(tmp_path / "a.csv", "x,empty", *[f"{n},nan" for n in range(20)]))
    assert fitted.skipped == {"empty": "it has no values"}
    assert "the column 'empty' has no values" in caplog.text


def test_identifiers_are_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"name{n},{n % 7}" for n in range(300)]
    with caplog.at_level(logging.WARNING, "kssl"):
        fit_table(write(tmp_path / "a.csv", "who,x", *lines))
    assert "column 'who' has 240 values in 240 rows" in caplog.text


def damaged(path: Path, kind: str) -> str:
    text = "\n".join(["age,city,class", *people()])
    if kind == "truncated":
        path = path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(text.encode())[:-30])
    elif kind == "latin":
        path.write_bytes(text.replace("Rome", "K\xf8ln").encode("latin-1"))
    elif kind == "long line":
        path.write_bytes(b"a,b\n1," + b"x" * 2**24 + b"\n")
    elif kind == "parquet":
        path = path.with_suffix(".parquet")
        path.write_bytes(b"PAR1 but no more")
    else:
        contents = {"empty": "", "header": "a,b\n", "twice": "a,a\n1,2\n", "blank": "\n\n"}
        path.write_text(contents[kind])
    return str(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "cannot be read"),
        ("latin", "is no UTF-8 text, see the byte 0xf8: save"),
        ("long line", "cannot be read: line 2 is longer than 16,777,216"),
        ("parquet", "cannot be read"),
        ("empty", "is empty"),
        ("blank", "begins with an empty line"),
        ("header", "has no rows"),
        ("twice", "more than one column is named 'a'"),
    ],
)
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, kind: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tabular("train", path=damaged(tmp_path / "a.csv", kind))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "clas"}, "no column 'clas'; did you mean 'class'"),
        ({"types": {"agee": "skip"}}, "no column 'agee'; did you mean 'age'"),
        ({"types": {"age": "number"}}, "type 'number' of column 'age'"),
        ({"types": {"class": "skip"}, "label": "class"}, "is the label"),
        ({"types": {"age": "group", "city": "group"}}, "only one column"),
        ({"types": {"age": "skip", "city": "skip"}, "label": "class"}, "no column is left"),
        ({"fractions": [0.5]}, r"is not \[validation, test\]"),
        ({"broken_fraction": -1.0}, "between 0 and 1"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "a.csv", "age,city,class", *people())
    with pytest.raises(UserError, match=message):
        fit_table(path, **settings)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x", *map(str, range(20)))
    assert fit_table(path) is fit_table(path)
    write(tmp_path / "a.csv", "x", *map(str, range(30)))
    assert sum(map(len, fit_table(path).rows.values())) == 30


def test_adult(shared_data: Path) -> None:
    path = str(shared_data / "tabular" / "adult" / "adult.csv.gz")
    fitted = fit_table(path, label="income")
    assert len(fitted.numeric) == 6 and len(fitted.categorical) == 8
    assert fitted.classes == ("<=50K", ">50K")
    missing = {column.name: column.missing for column in fitted.categorical if column.missing}
    assert set(missing) == {"workclass", "occupation", "native-country"}
    assert sum(len(rows) for rows in fitted.rows.values()) == 48_842
    train = fitted.arrays("train")
    np.testing.assert_allclose(train["numeric"].mean(axis=0), 0, atol=1e-4)
    assert (train["categorical"].max(axis=0) < fitted.vocabulary_sizes).all()


def parquet(path: Path, columns: dict[str, Any]) -> str:
    import pyarrow
    from pyarrow import parquet as files

    files.write_table(pyarrow.table(columns), path)
    return str(path)


def test_whole_numbers_are_names_in_full(tmp_path: Path) -> None:
    whole = [1_000_000 + n // 4 for n in range(40)]
    columns = {
        "id": whole,
        "big": [2**60 + n for n in range(40)],
        "as_float": np.array(whole, float),
    }
    path = parquet(tmp_path / "a.parquet", columns)
    fitted = fit_table(path, label="id", types={"as_float": "categorical", "big": "categorical"})
    assert fitted.classes == tuple(str(1_000_000 + n) for n in range(10))
    as_float, big = sorted(fitted.categorical, key=lambda column: column.name)
    assert set(as_float.values) <= set(fitted.classes) and len(as_float.values) > 6
    assert str(2**60 + 1) in fitted.columns["big"].values


def test_columns_of_lists_can_be_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    columns = {
        "x": range(30),
        "v": [[n, 1] for n in range(30)],
        "id": [2**60 + n for n in range(30)],
    }
    path = parquet(tmp_path / "a.parquet", columns)
    fitted = fit_table(path, types={"v": "skip"})
    assert [column.name for column in fitted.numeric] == ["x", "id"]
    assert "'id' has numbers beyond 2**53, of which the last digits are lost" in caplog.text
    with pytest.raises(
        UserError, match=r"column 'v' .* type list.*types: \{v: skip\} leaves it out"
    ):
        fit_table(path)


@pytest.mark.parametrize("scale", [1e-316, 1e-300, 1e-12, 1.0, 1e15, 1.7e306])
def test_columns_of_any_scale_are_standardized(tmp_path: Path, scale: float) -> None:
    lines = [f"{(n - 49.5) * scale!r},{(1e9 + n % 2)!r},0.1" for n in range(100)]
    fitted = fit_table(write(tmp_path / "a.csv", "x,time,same", *lines))
    found = fitted.arrays("train")["numeric"]
    np.testing.assert_allclose(found[:, :2].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found[:, :2].std(axis=0), 1, rtol=1e-4)
    assert not found[:, 2].any() and fitted.numeric[2].std == 1


def test_written_numbers_and_words_among_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = {0: "unknown", 1: "n/a", 2: "None"}
    lines = [
        f'"${1000 + n:,}.50";{n},5;{words.get(n, n)};{"high" if n % 3 else n}' for n in range(60)
    ]
    fitted = fit_table(write(tmp_path / "a.csv", "price;half;odd;level", *lines))
    assert [column.name for column in fitted.numeric] == ["price", "half", "odd"]
    every = np.concatenate([fitted.rows[split] for split in SPLITS])
    price = np.concatenate([fitted.arrays(split)["numeric"][:, 0] for split in SPLITS])
    assert (np.argsort(price) == np.argsort(every)).all()
    assert "column 'price' is numeric: '$1,000.50' is read as 1000.5" in caplog.text
    assert (
        "2 of 59 values of the column 'odd' are no numbers, such as 'unknown', 'None'"
        in caplog.text
    )
    caplog.clear()
    rows = ["many" if n % 4 == 0 else n for n in range(60)]
    assert fit_table(write(tmp_path / "b.csv", "x", *map(str, rows))).categorical
    assert (
        "is categorical, for 15 of 60 values of the column 'x' are no numbers, such as 'many'"
        in (caplog.text)
        and "types: {x: numeric}" in caplog.text
    )


def test_whole_numbers_far_from_0_have_their_own_spread(tmp_path: Path) -> None:
    lines = [f"{10**15 + n % 5},{n % 3}" for n in range(90)]
    fitted = fit_table(write(tmp_path / "a.csv", "x,y", *lines))
    assert fitted.numeric[0].std == pytest.approx((fitted.rows["train"] % 5).std())


def test_what_a_column_may_be_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"{n},{n % 90:05d},{n % 9} kg,2024-01-{n % 28 + 1},{n / 7}" for n in range(100)]
    fit_table(write(tmp_path / "a.csv", "row,zip,weight,day,price", *lines), label="price")
    for told in (
        "'row' counts the rows from 0 on, as an index does, and is numeric. If it is one of those: "
        "types: {row: skip}",
        "'zip' has numbers with zeros in front, such as '00000', as codes have",
        "'weight' is categorical: its values are numbers with a unit (kg), such as '0 kg'",
        "'day' is categorical: its values are dates or times, such as '2024-01-1'",
        "'price' has 100 classes in 100 rows: numbers that are to be predicted",
    ):
        assert told in caplog.text


def test_lines_that_are_no_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [f"{n % 40 / 4},b{n % 3}" for n in range(60)]
    marked = write(tmp_path / "a.csv", "x,y", "---,:-:", *rows[:30], "x,y", *rows[30:])
    assert sum(map(len, fit_table(marked).rows.values())) == 60
    assert "line 2 (nothing but lines), line 33 (the names of the columns again)" in caplog.text
    plain = write(tmp_path / "b.csv", "5.1,3.5,1.4", *(f"{n / 3},{n},{n % 3}" for n in range(60)))
    fit_table(plain)
    assert "most names of columns are numbers (5.1, 3.5, 1.4): if its first line is" in caplog.text
    for first in ("# made by hand", "Report of 2024"):
        path = write(tmp_path / "c.csv", first, "x,y", *rows)
        with pytest.raises(UserError, match=f"do not fit to its first line, '{first}', which has"):
            fit_table(path)
    with pytest.raises(UserError, match="more than one column is named '1'; if its first line is"):
        fit_table(write(tmp_path / "d.csv", "1,1", *rows))


def test_ambiguous_numbers_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.csv", "x;y", *[f"{n % 9 + 1},{100 + n};{n}" for n in range(60)])
    assert [column.name for column in fit_table(path).categorical] == ["x"]
    assert "'x' is categorical: '1,100' can be 1100 or 1.1" in caplog.text
    with pytest.raises(UserError, match="'x' has no numbers: '1,100' can be"):
        fit_table(path, types={"x": "numeric"})


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_columns_without_a_name_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    lines = [f"{n},{n % 20},b" for n in range(200)]
    path = write(tmp_path / "a.csv", f"{name},x,y", *lines)
    fitted = fit_table(path)
    assert [column.name for column in fitted.numeric] == ["x"]
    assert fitted.skipped == {"Unnamed: 0": "it has no name, as an index"}
    assert "'Unnamed: 0' has no name, as an index; left out" in caplog.text
    # Rows that differ by their number alone are in one split.
    of_split = [set(fitted.rows[split] % 20) for split in SPLITS]
    assert sum(map(len, of_split)) == 20
    assert len(fit_table(path, types={"Unnamed: 0": "numeric"}).numeric) == 2


@pytest.mark.parametrize("kind", ["array", "lines", "lines as csv", "spaces", "quoted separator"])
def test_other_formats_are_recognised(tmp_path: Path, kind: str) -> None:
    rows = [(20 + n, "Rome" if n % 2 else "Oslo", n % 3) for n in range(60)]
    plain = fit_table(write(tmp_path / "plain.csv", "age,city,class", *people()), label="class")
    records = [dict(zip(("age", "city", "class"), row, strict=True)) for row in rows]
    text, name = {
        "array": (json.dumps(records, indent=1), "a.json"),
        "lines": ("\n".join(map(json.dumps, records)), "a.jsonl"),
        "lines as csv": ("\n".join(map(json.dumps, records)), "a.csv"),
        "spaces": (
            "\n".join(["age  city class", *(f" {a}  {b} {c}" for a, b, c in rows)]),
            "a.txt",
        ),
        "quoted separator": (
            "\n".join(['"age";"city";"class"', *(f'"{a}";"{b}";"{c}"' for a, b, c in rows)]),
            "a.csv",
        ),
    }[kind]
    other = fit_table(write(tmp_path / name, text), label="class")
    assert other.classes == plain.classes and other.categorical == plain.categorical
    for key, value in plain.arrays("train").items():
        np.testing.assert_array_equal(other.arrays("train")[key], value)


def test_a_lone_quote_takes_its_own_row_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = people(200)
    lines[5] = '25,"Rome,2'
    fitted = fit_table(write(tmp_path / "a.csv", "age,city,class", *lines))
    assert sum(map(len, fitted.rows.values())) == 199
    assert "1 of 200 rows cannot be used: line 7 (a quote that is not closed)" in caplog.text


def test_labels_that_hardly_differ_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [f"{n},{('Yes', 'yes', 'no', 'New  York', 'new york')[n % 5]}" for n in range(60)]
    fitted = fit_table(write(tmp_path / "a.csv", "x,y", *lines), label="y")
    assert len(fitted.classes) == 5
    assert "labels that differ only by spaces, case or the like" in caplog.text
    assert "'Yes'/'yes', 'New  York'/'new york'" in caplog.text
