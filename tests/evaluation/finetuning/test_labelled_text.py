"""Files of labelled text: tables, tagged words, questions, and which file is which split."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kssl.errors import UserError
from kssl.evaluation import Skipped
from kssl.evaluation.finetuning.labelled_text import (
    by_article,
    read_questions,
    read_table,
    read_tagged,
    split_files,
)


def test_tables_are_read_by_name_or_number(tmp_path: Path) -> None:
    file = tmp_path / "msr-train.tsv"
    file.write_bytes(b'\xef\xbb\xbfQuality\tone\ttwo\r\n1\tsays "x\tb\r\n0\tshort\r\n0\tc\td\r\n')
    assert read_table(file, ["one", "two"], "Quality") == (
        [('says "x', "b"), ("c", "d")],
        ["1", "0"],
    )
    plain = tmp_path / "test.csv.gz"
    plain.write_bytes(gzip.compress(b'"a, b",World\nc,Sports\n'))
    assert read_table(plain, [0], 1) == ([("a, b",), ("c",)], ["World", "Sports"])
    with pytest.raises(UserError, match="no column 'text'; it has Quality, one, two"):
        read_table(file, ["text"], "Quality")


def test_rows_that_are_left_out_and_labels_that_differ_by_case_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "train.csv"
    lines = ["text,label", "good, bad,x", '"a, b",Yes', 'c,"open', "d,", "e", "f, yes "]
    file.write_text("\n".join(lines))
    assert read_table(file, ["text"], "label") == ([("a, b",), ("f",)], ["Yes", "yes"])
    for told in ("line 2", "3 fields instead of 2", "line 4 (a quote", "line 5 (no label)"):
        assert told in caplog.text
    assert "case or the like are different ones: 'Yes'/'yes'" in caplog.text
    file.write_bytes(b"\xff\xfe" + "x,Köln,oder".encode("utf-16-le"))
    assert read_table(file, [1], 0) == ([("Köln",)], ["x"])
    file.write_text("label;text\nx;good, or bad")  # as the other readers take it
    assert read_table(file, ["text"], "label") == ([("good, or bad",)], ["x"])
    file.write_text("label,text\nx,good, or bad")
    assert read_table(file, ["text"], "label") == ([("good, or bad",)], ["x"])


def test_tagged_words_are_read_by_sentence(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("-DOCSTART- O\n\nEU X B-ORG\nrejects X O\n\n\nPeter X B-PER\n")
    assert read_tagged(file) == ([["EU", "rejects"], ["Peter"]], [["B-ORG", "O"], ["B-PER"]])


def test_files_are_found_by_the_name_of_the_split(tmp_path: Path) -> None:
    for name in ("a-train.tsv", "dev.tsv.gz", "test.tsv", "LICENCE.html"):
        (tmp_path / name).write_text("x")
    found = split_files(str(tmp_path))
    assert {split: file.name for split, file in found.items()} == {
        "train": "a-train.tsv",
        "test": "test.tsv",
    }
    (tmp_path / "b_test.tsv").write_text("x")
    with pytest.raises(UserError, match="one file for test .* there is b_test.tsv, test.tsv"):
        split_files(str(tmp_path))
    with pytest.raises(Skipped, match="there is no 'nowhere/sst2'"):
        split_files("nowhere/sst2")


def test_questions_are_split_by_article(tmp_path: Path) -> None:
    asked = [
        {"question": "?", "answers": [{"text": "b", "answer_start": 2}]},
        {"question": "!", "answers": []},
    ]
    articles = [{"paragraphs": [{"context": f"a b {n}", "qas": asked}] * 2} for n in range(8)]
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"data": articles}))
    questions = read_questions(file)
    assert len(questions) == 16 and questions[0].answers == (("b", 2),)
    cut = by_article(questions)
    sides = {split: {each.article for each in cut[split]} for split in cut}
    assert not sides["train"] & sides["test"] and len(sides["test"]) == 2
    with pytest.raises(UserError, match="SQuAD's form"):
        file.write_text("{}")
        read_questions(file)
