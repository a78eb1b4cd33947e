"""Rows of CSV and TSV: quotes, delimiters, encodings, and JSON that stands in for them."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kssl.data.tables.delimited import SPACES, delimiter_of, read_rows, to_width
from kssl.data.tables.lines import text_lines
from kssl.data.tables.records import read_records
from kssl.errors import UserError


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('"a, b",c', ["a, b", "c"]),
        ('"says ""no""",c', ['says "no"', "c"]),
        ('5" wide,c', ['5" wide', "c"]),
        ('"Big" deal,c', ['"Big" deal', "c"]),
        ('1.jpg, "a, b"', ["1.jpg", "a, b"]),
        ('"",', ["", ""]),
        (",", ["", ""]),
    ],
)
def test_quotes_of_csv(line: str, fields: list[str]) -> None:
    assert list(read_rows([line], ",")) == [(1, fields)]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('"a\tb"', ['"a', 'b"']),  # a tab always ends a field
        ('"says ""no"""\t"x, y"', ['says "no"', '"x, y"']),
        ('"a" b "c"\t"', ['"a" b "c"', '"']),
    ],
)
def test_quotes_of_tsv(line: str, fields: list[str]) -> None:
    assert list(read_rows(["x\ty", line], "\t"))[1] == (2, fields)


def test_quotes_of_tsv_are_taken_off_where_the_header_has_them() -> None:
    rows = read_rows(['"a"\t"b"', '"x, y"\t1', '"says "no"\t""'], "\t")
    assert [row for _, row in rows] == [["a", "b"], ["x, y", "1"], ['"says "no"', ""]]


def test_a_field_of_tsv_may_have_several_lines_that_are_no_rows() -> None:
    def fields(*lines: str) -> list[Any]:
        return [found for _, found in read_rows(lines, "\t")]

    written = ("text\tlabel", '"one', 'two"\ta', "three\tb")  # as data frames are written
    assert fields(*written)[1:] == [["one\ntwo", "a"], ["three", "b"]]
    alone = ("text\tlabel", '"one\ta', "two\tb", 'three"\tc')  # whole rows stay rows
    assert fields(*alone)[1:] == [['"one', "a"], ["two", "b"], ['three"', "c"]]
    assert fields("text", '"one', 'two"')[1:] == [['"one'], ['two"']]


def test_a_first_line_may_say_the_delimiter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\na;b\n1,5;x\n")
    assert list(read_records(tmp_path / "a.csv")) == [(3, {"a": "1,5", "b": "x"})]
    assert delimiter_of(["sep=;", "a;b", "1,5;2,5"]) == ";"


def test_text_keeps_the_delimiters_that_are_in_it() -> None:
    assert to_width(["x", "a", "b"], 2, 1, "\t") == ["x", "a\tb"]


def test_a_field_may_have_several_lines() -> None:
    lines = ["text,label", '"one', "", 'two, three",x', "four,y"]
    rows = [fields for _, fields in read_rows(lines, ",")]
    assert rows == [["text", "label"], ["one\n\ntwo, three", "x"], ["four", "y"]]


@pytest.mark.parametrize("end", [[], ['late",y']])
def test_a_quote_that_is_not_closed_spoils_its_own_line_alone(end: list[str]) -> None:
    lines = ["a,b", '"open,x', *(f"{n},z" for n in range(200)), *end]
    rows = dict(read_rows(lines, ","))
    assert rows[2] == "a quote that is not closed" and len(rows) == len(lines)
    assert [rows[3 + n] for n in range(200)] == [[str(n), "z"] for n in range(200)]


def test_rows_with_other_fields_than_the_header() -> None:
    assert to_width(["a", "b", "", ""], 2) == ["a", "b"]
    assert to_width(["a", "b", "c"], 2) == "3 fields instead of 2"
    assert to_width(["1.jpg", "A dog", " a cat and 3 hens"], 2, 1)[1] == "A dog, a cat and 3 hens"
    assert to_width(["A dog", " a cat", "label"], 2, 0) == "3 fields instead of 2"
    assert to_width(["a"], 2, 1) == "1 fields instead of 2"


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a;b,c", '"1;2;3";4,5', "6;7,8"], ";"),
        (['"name, first";age', '"Lee, Ann";4', '"Roe, Bob";5'], ";"),
        (["1,5;2,5", "3,5;4,5"], ";"),
        (["a b  c", "1 2 3", " 4  5 6"], SPACES),
        (["name", "Ada Lovelace", "Alan Turing"], ","),
        (["a|b", "1|2"], "|"),
        (["a,b", "1,2"], ","),
    ],
)
def test_delimiters_are_found(lines: list[str], delimiter: str) -> None:
    assert delimiter_of(lines) == delimiter


TEXT = "name,city\nJosé,Köln\n"


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),  # without a mark
        lambda text: text.encode("utf-32"),
        lambda text: text.encode("utf-32-be"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: bz2.compress(text.encode()),
        lambda text: lzma.compress(text.encode()),
    ],
)
def test_encodings_and_archives(tmp_path: Path, write: Callable[[str], bytes]) -> None:
    (tmp_path / "a.csv").write_bytes(write(TEXT))
    assert list(text_lines(tmp_path / "a.csv")) == TEXT.splitlines()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode("latin-1"), r"no UTF-8 text, see the byte 0xe9: save it .*line 2.*Latin-1"),
        (b"a,b\n1\x00,2\n", "line 2 has a NUL"),
        (b"PK\x03\x04rest", "an Excel file, no table of text: save it as CSV"),
        (b"\n<!DOCTYPE HTML><p>404", "an HTML page"),
        (gzip.compress(TEXT.encode() * 99, mtime=0)[:-20], "cannot be read: Compressed file ended"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(text_lines(tmp_path / "a.csv"))


def test_json_is_an_array_or_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    wanted = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    for text in (
        '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
        '[\n {"a": 1, "b": "x"},\n\n {"a": 2, "b": "y"}\n]',
        '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    ):
        file.write_text(text)
        assert [record for _, record in read_records(file)] == wanted
    file.write_text('["x"]\n{"a": 1}\n{"a"')
    assert [record for _, record in read_records(file)] == ["no JSON object", {"a": 1}, "no JSON"]
    for text in (
        '{"a": [1, 2], "b": ["x", "y"]}',
        '{\n"a": [1, 2],\n"b": ["x", "y"]\n}',
        '{"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}}',
        '{"version": "1", "data": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}',
    ):
        file.write_text(text)
        assert [record for _, record in read_records(file)] == wanted
    file.write_text('{\n"a": [1, 2], "b": [1]\n}')
    with pytest.raises(UserError, match="one JSON object; a table is an array of objects"):
        list(read_records(file))
