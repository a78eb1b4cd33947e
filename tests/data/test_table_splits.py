"""Tables that say the split of each row, by a column or by what they are called."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kssl.data.files.folder import read_folder
from kssl.data.sources.captions import list_captions
from kssl.data.sources.tabular import fit_table
from kssl.data.text.corpus import open_corpus
from kssl.errors import UserError

THREE = ["train"] * 8 + ["dev"] * 2 + ["test"] * 4
FLAGS = [0] * 10 + [1] * 4


def table(path: Path, columns: dict[str, list[Any]]) -> str:
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return str(path)


def numbers(**more: list[Any]) -> dict[str, list[Any]]:
    return {"x": list(range(14)), **more}


def texts(**more: list[Any]) -> dict[str, list[Any]]:
    return {"text": [f"text {n}" for n in range(14)], **more}


@pytest.mark.parametrize(
    ("name", "values", "test"),
    [
        ("split", THREE, 4),
        ("Set", ["Training"] * 10 + ["Testing"] * 4, 4),
        ("anything", THREE, 4),  # all are names of splits
        ("Usage", ["Training"] * 8 + ["PublicTest"] * 3 + ["PrivateTest"] * 3, 6),
        ("train_test", ["tr"] * 10 + ["te"] * 4, 4),
        ("is_test", FLAGS, 4),
        ("is_train", ["TRUE"] * 10 + ["false"] * 4, 4),
        ("isTrain", ["yes"] * 9 + ["no"] * 5, 5),
    ],
)
def test_a_column_says_the_split(tmp_path: Path, name: str, values: list[Any], test: int) -> None:
    fitted = fit_table(table(tmp_path / "a.csv", numbers(**{name: values})))
    assert fitted.rows["test"].tolist() == list(range(14 - test, 14))
    assert [each.name for each in fitted.numeric] == ["x"] and not fitted.categorical
    assert fitted.skipped == {name: "it is the split"}
    corpus = open_corpus(table(tmp_path / "b.csv", texts(**{name: values})))
    held_out = [each.text for each in corpus.documents("test")]
    assert held_out == [f"text {n}" for n in range(14 - test, 14)]
    trained = {each.text for split in ("train", "validation") for each in corpus.documents(split)}
    assert len(trained) == 14 - test and f"test {test} (by the column '{name}')" in corpus.found[1]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fold", [n % 5 for n in range(14)]),
        ("partition", [0] * 8 + [1] * 6),
        ("split", ["train"] * 13 + ["other"]),
        ("is_test", ["maybe"] * 14),
        ("dataset", ["train"] * 9 + ["mnist"] * 5),
    ],
)
def test_a_column_that_may_say_the_split_is_named_and_no_feature(
    tmp_path: Path, name: str, values: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = table(tmp_path / "a.csv", numbers(**{name: values}))
    with caplog.at_level(logging.WARNING):
        fitted = fit_table(path)
        corpus = open_corpus(table(tmp_path / "b.csv", texts(**{name: values})))
    assert caplog.text.count(f"the column '{name}' may say in which split each row is") == 2
    assert f"types: {{{name}: split}}" in caplog.text and corpus.found[1].endswith("hash of each")
    assert fitted.skipped == {name: "it may say the split"}
    used = fit_table(path, types={name: "categorical"})
    assert [each.name for each in used.categorical] == [name]


@pytest.mark.parametrize(
    ("name", "values"),
    [("usage", ["low", "high"] * 7), ("set", list(range(14))), ("ride", ["train", "bus"] * 7)],
)
def test_a_column_about_something_else_is_a_feature(
    tmp_path: Path, name: str, values: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    fitted = fit_table(table(tmp_path / "a.csv", numbers(**{name: values})))
    assert not fitted.skipped and "split" not in caplog.text


def test_a_field_of_json_says_the_split_of_texts_over_several_files(tmp_path: Path) -> None:
    for part in range(2):
        lines = [
            json.dumps({"text": f"text {part} {n}", "split": ("test", "train")[n > 2]})
            for n in range(9)
        ]
        (tmp_path / f"part{part}.jsonl").write_text("\n".join(lines))
    corpus = open_corpus(str(tmp_path))
    assert len(corpus.classes("test")) == 6
    assert {each.text[-1] for each in corpus.documents("test")} == {"0", "1", "2"}


def test_a_row_that_says_no_split_is_refused_where_all_others_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("kssl.data.text.row_splits")
    monkeypatch.setattr(module, "_LOOKED_AT", 4)
    values = ["train", "test"] * 6 + ["later", "train"]
    corpus = open_corpus(table(tmp_path / "a.csv", texts(kind=values)))  # seen to be none
    assert not corpus.split_by
    monkeypatch.setattr(module, "values_of", lambda *_: {"kind": values[:2]})
    with pytest.raises(UserError, match="the column 'kind' has 'later', which is no split"):
        open_corpus(table(tmp_path / "b.csv", texts(kind=values)))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number in range(14):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "images" / f"{number:02}.png")
    return tmp_path


FILES = [f"{number:02}.png" for number in range(14)]
LABELS = ["ab"[number % 2] for number in range(14)]


def by_column(folder: Path) -> str:
    table(folder / "labels.csv", {"file": FILES, "label": LABELS, "split": THREE})
    return "labels.csv"


def by_tables(folder: Path) -> str:
    for name, part in (("train", slice(0, 8)), ("val", slice(8, 10)), ("test", slice(10, 14))):
        columns = {"file": FILES[part]} | ({"label": LABELS[part]} if name != "test" else {})
        table(folder / f"{name}.csv", columns)
    return "train.csv"


@pytest.mark.parametrize(
    ("make", "said"), [(by_column, "by the column 'split'"), (by_tables, "test.csv")]
)
def test_a_table_of_labels_says_the_splits(
    pictures: Path, make: Callable[[Path], str], said: str
) -> None:
    found = read_folder(pictures, labels=make(pictures))
    parts = {split: [file.name for file in files] for split, files in found.splits.items()}
    assert parts == {"train": FILES[:8], "validation": FILES[8:10], "test": FILES[10:]}
    assert f"test 4 ({said})" in found.told()[1]
    assert found.classes() == ["a", "b"]


def test_a_file_in_two_tables_is_refused(pictures: Path) -> None:
    by_tables(pictures)
    (pictures / "test.csv").write_text("file\n10.png\n03.png\n")
    with pytest.raises(UserError, match="03.png is in test by test.csv, and in train by"):
        read_folder(pictures, labels="train.csv")


def test_files_that_no_table_of_a_split_names_are_left_out(pictures: Path) -> None:
    table(pictures / "labels.csv", {"file": FILES[:6], "label": LABELS[:6], "set": THREE[5:11]})
    found = read_folder(pictures, labels="labels.csv")
    assert {split: len(files) for split, files in found.splits.items()} == {
        "train": 3, "validation": 2, "test": 1,
    }  # fmt: skip
    assert "8 in no split by the table (images/)" in found.told()[0]


def test_captions_of_a_folder_with_a_table_in_each_split(tmp_path: Path) -> None:
    for split, count in (("train", 10), ("test", 4)):
        folder = tmp_path / split
        folder.mkdir()
        rows = [{"file_name": f"{n}.png", "text": f"{split} {n}"} for n in range(count)]
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = list_captions(tmp_path)
    assert found.splits["test"] == [f"test/{n}.png" for n in range(4)]
    assert all(name.startswith("train/") for name in found.splits["train"])
    assert (
        found.told()[1] == "splits: train 9 (train/), validation 1 (cut from train), test 4 (test/)"
    )
    assert found.entries["test/3.png"].texts == ["test 3"]
    (tmp_path / "train" / "metadata.jsonl").unlink()
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "test" / "metadata.jsonl").unlink()
    with pytest.raises(UserError, match="there is no table of captions"):
        list_captions(tmp_path)


def test_captions_are_split_by_any_column_that_says_it(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", {"image": FILES, "caption": FILES, "is_test": FLAGS})
    found = list_captions(Path(path))
    assert found.splits["test"] == FILES[10:] and "by the column 'is_test'" in found.told()[1]


def test_parquet_of_texts_is_read_row_by_row(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for split, count in (("train", 10), ("test", 4)):
        columns = {
            "text": [f"{split} {n}" for n in range(count)],
            "label": [n % 2 for n in range(count)],
        }
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{split}-00000-of-00001.parquet")
    (tmp_path / "README.md").write_text("about the data")
    corpus = open_corpus(str(tmp_path), label="label")
    assert [each.text for each in corpus.documents("test")] == [f"test {n}" for n in range(4)]
    assert corpus.names == ("0", "1") and "(README.md 1)" in corpus.found[0]
    with pytest.raises(UserError, match="no record has a text under 'body'; there is: label, text"):
        open_corpus(str(tmp_path), field="body")
    (tmp_path / "test-00000-of-00001.parquet").write_bytes(b"none")
    with pytest.raises(UserError, match="test-00000-of-00001.parquet cannot be read"):
        open_corpus(str(tmp_path))


def test_hidden_and_empty_folders_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("c/1.txt", "c/2.txt", "py/1.txt", "py/2.txt", ".net/1.txt", ".git/1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text {name}")
    (tmp_path / "java").mkdir()
    corpus = open_corpus(str(tmp_path))
    assert "left out: hidden folders (.net/), empty folders (java/)" in corpus.found[0]
    assert "hidden folders are left out: .net/: rename what are classes" in caplog.text
