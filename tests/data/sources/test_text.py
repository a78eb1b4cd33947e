"""Text files, whole and damaged."""

from __future__ import annotations

import gzip
import json
import logging
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from kssl.data import SPLITS, Unavailable, python_topics, text
from kssl.data.text import corpus, reader
from kssl.data.text.reader import Troubles, read_documents
from kssl.data.text.sentences import paragraphs, sentences
from kssl.errors import UserError


def read(split: str, *args: Any, **settings: Any) -> list[str]:
    rows = text(split, *args, **settings).as_numpy_iterator()
    return [row["text"].decode() for row in rows]


def every(*args: Any, **settings: Any) -> list[str]:
    return [row for split in SPLITS for row in read(split, *args, **settings)]


def jsonl(path: Path, records: list[Any]) -> str:
    path.write_text("\n".join(json.dumps(each) for each in records))
    return str(path)


@pytest.fixture
def news(tmp_path: Path) -> str:
    records = [{"body": f"Story {i}. It is long.", "topic": "ab"[i % 2]} for i in range(60)]
    return jsonl(tmp_path / "news.jsonl", records)


def test_documents_are_split_by_what_they_say(news: str, tmp_path: Path) -> None:
    parts = {split: read(split, news, field="body") for split in SPLITS}
    assert sorted(sum(parts.values(), [])) == sorted(f"Story {i}. It is long." for i in range(60))
    assert all(parts.values())
    lines = Path(news).read_text().splitlines()
    more = tmp_path / "more.jsonl"
    twice = [*lines[::-1], *lines, *(json.dumps({"body": f"new {i}"}) for i in range(40))]
    more.write_text("\n".join(twice))
    for split in SPLITS:  # copies stay together, and additions and another order move nothing
        found = [each for each in read(split, str(more), field="body") if each[0] == "S"]
        assert sorted(found) == sorted(2 * parts[split])


def test_labels_are_numbers_with_names(news: str) -> None:
    dataset = text("train", news, unit="sentence", field="body", label="topic")
    assert dataset.class_names == ["a", "b"]
    for row in dataset.as_numpy_iterator():
        story = row["text"].decode()
        if story.startswith("Story"):
            assert row["label"] == int(story.split()[1].rstrip(".")) % 2


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".tsv.gz"])
def test_tables_by_name_or_number(tmp_path: Path, suffix: str) -> None:
    mark = "," if suffix == ".csv" else "\t"
    quoted = '"a, b"' if suffix == ".csv" else 'a "quote'
    rows = [mark.join(("words", "label")), *(f"{quoted} {i}{mark}{i % 3}" for i in range(30))]
    raw = ("\ufeff" + "\r\n".join(rows)).encode()
    path = tmp_path / f"table{suffix}"
    path.write_bytes(gzip.compress(raw) if suffix.endswith("gz") else raw)
    if suffix == ".csv":  # a quoted cell ends at its quote
        path.write_bytes(raw.replace(b'b" ', b'b ').replace(b",0\r", b'",0\r')
                         .replace(b",1\r", b'",1\r').replace(b",2", b'",2'))  # fmt: skip
    found = every(str(path), field="words", label="label")
    start = "a, b" if suffix == ".csv" else 'a "quote'
    assert sorted(found) == sorted(f"{start} {i}" for i in range(30))
    assert len(every(str(path), field=0)) == 31  # the header is a row then
    with pytest.raises(UserError, match="no column 'wods'; did you mean 'words'"):
        read("train", str(path), field="wods")
    with pytest.raises(UserError, match="no column 7: the first row has 2"):
        read("train", str(path), field=7)


def test_one_document_is_cut_by_position_exactly(tmp_path: Path) -> None:
    story = "".join(chr(97 + i % 26) for i in range(1003))
    (tmp_path / "play.txt").write_text(story)
    play = str(tmp_path / "play.txt")
    parts = {split: read(split, play, fractions=(0.05, 0.1)) for split in SPLITS}
    assert "".join(parts[split][0] for split in SPLITS) == story
    assert parts["test"][0] == story[int(1003 * 0.9) :]


def test_files_of_splits_and_patterns(tmp_path: Path) -> None:
    for name in ("train", "dev", "test", "notes"):
        (tmp_path / f"{name}.txt").write_text(f"This is {name}.")
    where = {"train": "train.txt", "validation": "dev.txt", "test": "test.txt"}
    given = {split: str(tmp_path / name) for split, name in where.items()}
    for split, name in where.items():
        assert read(split, given) == [f"This is {name[:-4]}."]
    assert "This is notes." not in every(str(tmp_path / "*.txt"))  # it is in no split
    assert read("test", str(tmp_path / "*.txt")) == ["This is test."]
    (tmp_path / "notes.txt").unlink()
    assert read("validation", str(tmp_path)) == ["This is dev."]
    with pytest.raises(UserError, match="takes train, and validation"):
        read("train", {"dev": given["train"]})


def test_what_is_not_there_can_be_stood_in_for(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path / "*.txt"):
        with pytest.raises(Unavailable):
            read("train", str(path))
    with pytest.raises(Unavailable, match="there are no text files"):
        read("train", str(tmp_path))


def test_damage_is_counted_and_the_rest_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = [json.dumps({"text": f"good {i}"}).encode() for i in range(40)]
    bad = [b"{", b'{"text": 3}', b'{"body": "x"}', b"[1]", b'{"text": "  "}', b"", b"[" * 50000]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*good, *bad, b'{"text": "bad \xff byte"}']))
    (tmp_path / "b.jsonl").write_bytes(b"")
    broken = gzip.compress(b"\n".join(good[:3] * 2000 + [json.dumps({"text": str(i)}).encode()
                                                         for i in range(9000)]))  # fmt: skip
    (tmp_path / "c.jsonl.gz").write_bytes(broken[: len(broken) // 2])
    with caplog.at_level(logging.WARNING):
        found = every(str(tmp_path))
    assert {f"good {i}" for i in range(40)} <= set(found) and "bad \ufffd byte" in found
    told = caplog.text
    for kind in (
        "lines that are no JSON, left out: 2, the first: ",
        "records without a text under 'text', left out: 3, the first: ",
        "documents without text, left out: 1",
        "lines that are not UTF-8, wrong bytes replaced by U+FFFD: 1, the first: ",
        "empty files: 1, the first: ",
        "files that end early or are damaged, read up to there: 1",
    ):
        assert kind in told, told
    assert f"{tmp_path / 'a.jsonl'} line 41" in told
    assert len(caplog.records) == 6  # once, though the splits are read one by one


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.txt.gz"])
def test_every_encoding_that_can_be_told_is_read(tmp_path: Path, encoding: str, name: str) -> None:
    documents = [f"Ärger number {number}" for number in range(3)]
    lines = {"a.csv": ["text", *documents], "a.jsonl": [f'{{"text": "{d}"}}' for d in documents]}
    content = "\n".join(lines.get(name, documents)).encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    found = [each.text for each in read_documents(tmp_path / name, None, None, Troubles("x"))]
    assert found == (documents if name in lines else ["\n".join(documents)])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PAR1\x15\x04PAR1", "a Parquet file"),
        (b"PK\x03\x04\x14\0", "a zip archive or an Excel file"),
        (b"%PDF-1.4", "a PDF file"),
        (b"\n<!DOCTYPE HTML><p>404", "an HTML page"),
        (b"<?xml version='1.0'?>", "an XML file"),
        (b"\xff\xd8\xff\xe0", "an image"),
        (b"\x28\xb5\x2f\xfd", "a file packed by zstd"),
    ],
)
def test_what_is_no_text_under_the_name_of_one_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, what: str
) -> None:
    (tmp_path / "odd.txt").write_bytes(content)
    with pytest.raises(UserError, match=f"there is no text .files that are {what}"):
        every(str(tmp_path / "odd.txt"))
    for number in range(6):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    caplog.clear()
    assert len(every(str(tmp_path))) == 6
    assert f"files that are {what}" in caplog.text and "left out: 1" in caplog.text


def test_a_packed_file_is_known_without_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"one two three four five six seven eight"))
    assert "".join(every(str(tmp_path / "a.txt"))).startswith("one two three")


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([{"text": f"story {i}", "label": "ab"[i % 2]} for i in range(9)]),
        json.dumps({"text": [f"story {i}" for i in range(9)], "label": list("ab" * 4 + "a")}),
        json.dumps(
            {"v": 1, "data": [{"text": f"story {i}", "label": "ab"[i % 2]} for i in range(9)]},
            indent=1,
        ),
    ],
)
def test_json_in_every_shape_that_a_table_has(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    found = list(read_documents(tmp_path / "a.json", None, "label", Troubles("x")))
    assert [each.text for each in found] == [f"story {i}" for i in range(9)]
    assert [each.label for each in found] == list("ab" * 4 + "a")


def test_json_that_holds_texts_and_json_that_holds_none(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(["one", "two", "three"]))
    found = [each.text for each in read_documents(file, None, None, Troubles("x"))]
    assert found == ["one", "two", "three"]
    for content, message in (
        ({"train": ["a"], "test": ["b", "c"]}, "is one JSON object; a table is an array"),
        ([{"text": ["a", "b"]}], "no record has a text under 'text'; what is there is a list"),
        ([{"text": "a", "label": ["x", "y"]}], "'label' is .'x', 'y'., and a class is one value"),
    ):
        file.write_text(json.dumps(content))
        with pytest.raises(UserError, match=message):
            list(read_documents(file, None, "label", Troubles("x")))


def test_labels_that_look_alike_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = ["sport", "Sport", "1", "1.0", "caf\u00e9", "cafe\u0301", "cat\u200b", "cat"]
    rows = [{"text": f"story {i}", "label": labels[i % 8]} for i in range(80)]
    text("train", jsonl(tmp_path / "a.jsonl", rows), label="label")
    for told in ("'Sport'/'sport'", "'1'/'1.0'", r"'cafe\u0301'/'caf\xe9'", r"'cat'/'cat\u200b'"):
        assert told in caplog.text


@pytest.mark.parametrize(
    "labels", [["\u00b2", "\u00b3"], ["1", "\u00b2"], ["-1", "--1"], ["10", "9"]]
)
def test_labels_of_any_signs_are_names(tmp_path: Path, labels: list[str]) -> None:
    rows = [{"text": f"story {i}", "label": labels[i % 2]} for i in range(40)]
    found = text("train", jsonl(tmp_path / "a.jsonl", rows), label="label")
    assert found.class_names == (["9", "10"] if "9" in labels else sorted(labels))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,text\na,b\n")
    with pytest.raises(UserError, match="more than one column is named 'text'"):
        every(str(tmp_path / "a.csv"))


def test_a_row_that_a_table_cannot_have_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = ["text,label", *(f"word {i},x" for i in range(20)), "short"]
    rows += ['"open,x', "one, two,x", "no label, ", *(f"more {i},x" for i in range(20))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with caplog.at_level(logging.WARNING):
        assert len(every(str(tmp_path / "t.csv"), label="label")) == 41
    for told in (
        "rows with too few columns, left out: 1",
        "rows with too many columns, left out: 1",
        "rows without a label, read without one: 1",
    ):
        assert told in caplog.text
    assert f"{tmp_path / 't.csv'} line 23 (a quote that is not closed)" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "there is no text .*empty files: 1"),
        ("blank.txt", b" \n\n ", "there is no text .*documents without text"),
        ("no.gz", b"plain", "ends in .gz, but is no gzip file"),
        ("x.jsonl", b'{"body": "a"}', "no record has a text under 'text'; there is: body"),
        ("two.jsonl", b'{"text": "a"}\n{"text": "b"}', "2 documents cannot be split"),
    ],
)
def test_nothing_to_read_is_an_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read("train", str(tmp_path / name))


def test_a_line_of_a_hundred_megabytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    size = 100 * 2**20
    (tmp_path / "long.jsonl").write_bytes(b"x" * size + b'\n{"text": "after"}\n')
    (tmp_path / "long.txt").write_bytes("é".encode() * (size // 2))
    began = time.monotonic()
    tracemalloc.start()
    troubles = Troubles("here")
    rows = [each.text for each in read_documents(tmp_path / "long.jsonl", None, None, troubles)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == ["after"] and peak < 4 * reader.LONGEST_LINE
    (whole,) = read_documents(tmp_path / "long.txt", None, None, troubles)
    assert len(whole.text) == size // 2 and set(whole.text) == {"é"}  # no character is cut in two
    assert list(troubles.counts.items()) == [
        ("lines longer than 16 MiB, left out", 1),
        ("lines longer than 16 MiB, cut there", 1),
    ]
    assert time.monotonic() - began < 60


def test_lines_in_pieces_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST_LINE", 7)
    story = "añ日本語😀xyz" * 20 + "\nshort\n" + "😀" * 9
    (tmp_path / "a.txt").write_text(story, encoding="utf-8")
    troubles = Troubles("here")
    (found,) = read_documents(tmp_path / "a.txt", None, None, troubles)
    assert found.text == story
    assert troubles.counts == {"lines longer than 7 bytes, cut there": 2}


def test_a_large_corpus_is_read_as_it_goes(news: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = every(news, field="body", label="topic")
    corpus._scan.cache_clear()
    monkeypatch.setattr(corpus, "MEMORY_BUDGET", 100)
    monkeypatch.setattr(sys.modules["kssl.data.sources.text"], "MEMORY_BUDGET", 100)
    assert every(news, field="body", label="topic") == held
    assert int(text("train", news, field="body").cardinality()) > 40
    corpus._scan.cache_clear()


def test_units_of_text() -> None:
    story = (
        'First one. Second\nline, by J. Doe (e.g. here). "Third!" he said.\n \n\nNext  part?  Yes'
    )
    assert paragraphs(story)[1] == "Next  part?  Yes"
    assert sentences(story) == [
        "First one.",
        "Second line, by J. Doe (e.g. here).",
        '"Third!" he said.',
        "Next part?",
        "Yes",
    ]
    assert sentences("日本。語。") == ["日本。", "語。"]
    assert sentences("") == [] and sentences(" \n ") == []


def test_python_brings_a_corpus() -> None:
    found = {row["text"] for row in python_topics("train", "document").as_numpy_iterator()}
    assert len(found) > 40 and any(b"lambda" in each for each in found)
    with pytest.raises(UserError, match="unit 'word'"):
        python_topics("train", "word")
