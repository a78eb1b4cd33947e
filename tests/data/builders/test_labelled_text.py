"""Labelled text for fine-tuning out of tensorflow-datasets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from kssl.errors import UserError
from kssl.evaluation import Skipped
from kssl.evaluation.finetuning.labelled_text import read_tables

TOPICS = ("World", "Sports", "Business", "Sci/Tech")


def test_features_are_columns(stored: SimpleNamespace) -> None:
    found = read_tables({"tfds": "ag_news_subset"}, ["title", "description"], "label")
    rows = stored.news[60:]
    assert found.test == (
        [(row["title"], row["description"]) for row in rows],
        [TOPICS[row["label"]] for row in rows],
    )
    assert (found.name, found.file, len(found.train[0])) == ("ag_news_subset", "train", 60)
    named = {"tfds": "ag_news_subset", "keys": {"one": "title", "kind": "label"}}
    assert read_tables(named, ["one"], "kind").test[0] == [(row["title"],) for row in rows]


def test_what_is_lacking_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no example of 'test' has a label; name another split"):
        read_tables({"tfds": "reviews"}, ["text"], "label")
    with pytest.raises(UserError, match="needs train and test, and there is train: splits: "):
        read_tables({"tfds": "titanic"}, ["name"], "survived")
    with pytest.raises(UserError, match="has no feature 'sentence'.*there is: label"):
        read_tables({"tfds": "reviews"}, ["sentence"], "label")
    with pytest.raises(UserError, match="'text' is a text, not a class"):
        read_tables({"tfds": "reviews"}, ["text"], "text")
    monkeypatch.setattr("kssl.data.sources.tfds_builder.answers", lambda _: "not in a test")
    with pytest.raises(Skipped, match="there is no 'a/b', and glue/cola cannot be downloaded"):
        read_tables({"file": "a/b", "tfds": "glue/cola"}, ["sentence"], "label")


@pytest.mark.slow  # the whole of a real data set
def test_mrpc_is_as_its_files(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ["#1 String", "#2 String"], "Quality"
    keys = {"#1 String": "sentence1", "#2 String": "sentence2", "Quality": "label"}
    monkeypatch.setenv("KSSL_DATA_DIR", str(shared_data / "tfds"))
    built = read_tables({"file": "text_labelled/mrpc", "tfds": "glue/mrpc", "keys": keys}, *columns)
    monkeypatch.setenv("KSSL_DATA_DIR", str(shared_data))
    files = read_tables({"file": "text_labelled/mrpc", "tfds": "glue/mrpc", "keys": keys}, *columns)
    assert (built.name, files.name, files.file) == ("glue/mrpc", "mrpc", "msr-para-train.tsv")
    said = {"equivalent": "1", "not_equivalent": "0"}
    for one, other in ((built.train, files.train), (built.test, files.test)):
        rows = zip(one[0], [said[label] for label in one[1]], strict=True)
        assert sorted(rows) == sorted(zip(*other, strict=True))
