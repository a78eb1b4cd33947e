"""Data of tensorflow-datasets that cannot be read as wished: what is said."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kssl
from kssl.data import Unavailable
from kssl.data.splits import first_batch, open_splits
from kssl.errors import UserError
from kssl.recipe import load

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "text",
        {"tfds": "ag_news_subset"},
        {},
        "several features that are a text: description, title. Name one: keys: {text: description}",
    ),
    (
        "text",
        {"tfds": "ag_news_subset", "keys": {"text": "body"}},
        {},
        r"no feature 'body'.*there is: description \(a text\), label \(a class\), title \(a text\)",
    ),
    (
        "text",
        {"tfds": "oxford_flowers102", "keys": {"text": "image"}},
        {},
        r"its feature 'image' is an image, not a text.*Name another one: keys: {text: …}",
    ),
    (
        "audio",
        {"tfds": "oxford_flowers102"},
        {"length": 9},
        r"no feature that is sound; there is: image \(an image\), label \(a class\). Take another",
    ),
    (
        "images",
        {"tfds": "oxford_flowers102", "keys": {"picture": "image"}},
        {},
        "keys 'picture'; there is: image, label",
    ),
    ("video", {"tfds": "moving_mnist"}, {}, "has no split 'train'.*splits: {train: …"),
    (
        "video",
        {"tfds": "moving_mnist", "splits": {"train": "tset"}},
        {},
        "splits has no 'validation'",
    ),
    (
        "images",
        {"tfds": "oxford_flowers102", "kees": {}},
        {},
        "no setting 'kees'; did you mean 'keys'",
    ),
    ("text", {"tfds": "reviews", "file": "news/*.txt"}, {}, "is a pattern: name one file"),
    ("images", {"tfds": 5}, {}, r"names no data set.*path: {tfds: glue/sst2}"),
    (
        "images",
        {"tfds": "oxford_flowers102"},
        {"labels": "labels.csv"},
        "labels is for files.*leave labels",
    ),
    ("audio", {"tfds": "spoken_digit"}, {"length": 9, "group": "folder"}, "group is for files"),
    ("text", {"tfds": "reviews"}, {"field": 0}, "has no columns by number, 0, but features"),
    ("text", {"tfds": "reviews", "splits": {"test": "train"}}, {}, "names none to train on"),
    ("tabular", {"tfds": "titanic"}, {"label": "alive"}, "has no column 'alive'"),
    ("tabular", {"tfds": "moving_mnist", "splits": {"train": "test"}}, {}, "none of its features"),
    ("captions", {"tfds": "oxford_flowers102"}, {}, "no feature that is a list of texts"),
]


@pytest.mark.parametrize(("source", "path", "settings", "message"), CASES)
def test_what_is_wrong_and_what_helps(
    source: str, path: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        getattr(kssl.data, source)("train", path=path, **settings)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("oxford_flowers102", r"several shapes, \[40,60,3\] and \[41,59,3\]. The sources images"),
        (
            "coco_captions",
            "'captions' holds others, .*text.*The source captions reads it",
        ),
    ],
)
def test_what_the_plain_source_cannot_batch(name: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text(f"data: {{use: tfds, name: {name}}}\nmodel: autoencoder\n")
    with pytest.raises(UserError, match=message):
        first_batch(open_splits(load(file)))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


@pytest.mark.usefixtures("offline")
def test_without_a_network_both_doors_are_named() -> None:
    with pytest.raises(Unavailable, match="^imdb_reviews cannot be downloaded from .*--data-dir"):
        kssl.data.text("train", {"tfds": "imdb_reviews"})
    both = {"file": "reviews/all.jsonl", "tfds": "imdb_reviews"}
    with pytest.raises(Unavailable, match="there is no 'reviews/all.jsonl', and imdb_reviews can"):
        kssl.data.text("train", both)
    for source, settings in (("audio", {"length": 9}), ("video", {}), ("arrays", {})):
        with pytest.raises(Unavailable, match="there is no 'nowhere'"):
            getattr(kssl.data, source)("train", path="nowhere", **settings)


def test_a_file_comes_first_if_it_is_there(prepared: Path) -> None:
    both = {"file": "flowers.npz", "tfds": "oxford_flowers102"}
    rows = np.zeros((10, 4, 4, 1), np.uint8)
    np.savez("flowers.npz", x_train=rows, x_test=rows[:3], x_valid=rows[:4])
    assert int(kssl.data.arrays("validation", both).cardinality()) == 4
    Path("flowers.npz").unlink()
    assert "label" in kssl.data.arrays("validation", both).element_spec
    # The data set's own folder, of that name, is not taken for a folder of files.
    own = {"file": "reviews", "tfds": "reviews"}
    assert (prepared / "reviews").is_dir()
    assert kssl.data.text("train", own).class_names == ["neg", "pos"]
