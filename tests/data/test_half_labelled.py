"""Labelled and unlabelled examples together: all are trained on, those with a label are probed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kssl
from kssl.data import describe, images, text, tokens
from kssl.data.selection import select
from kssl.data.splits import open_splits
from kssl.errors import UserError
from kssl.evaluation.base import Skipped
from kssl.evaluation.inputs import labelled

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 cats (red), 20 dogs (green) and 40 loose photographs (blue)."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(80):
        name, colour = [("cat/", (250, 0, 0)), ("dog/", (0, 250, 0)), ("", (0, 0, 250))][
            min(number // 20, 2)
        ]
        (root / name).mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(root / f"{name}{number}.png")
    return root


def columns(dataset: Any) -> dict[str, np.ndarray]:
    rows = list(dataset.as_numpy_iterator())
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def splits(path: Path, *overrides: str) -> Any:
    source = f"data={{use: images, path: {path}, size: 8}}"
    return open_splits(kssl.recipe.load("autoencoder_mnist", [source, *overrides]))


def test_a_folder_of_loose_files_and_classes_is_trained_on_whole(photos: Path) -> None:
    parts = {split: columns(images(split, str(photos), size=8)) for split in SPLITS}
    assert sum(len(part["label"]) for part in parts.values()) == 80
    assert (parts["train"]["label"] == -1).sum() == 40
    for part in parts.values():  # the label is that of the colour
        wanted = np.where(part["label"] < 0, 2, part["label"])
        assert (part["image"][:, 0, 0].argmax(1) == wanted).all()
    assert all((parts[split]["label"] >= 0).all() for split in SPLITS[1:])
    said = describe(images("train", str(photos), size=8)).found
    assert said[2] == "2 classes: cat 20, dog 20; 40 more without a label, which no probe sees"


def test_probes_see_the_labelled_part(photos: Path) -> None:
    train = splits(photos).train
    model = SimpleNamespace(modality=kssl.modalities.Image(), example_shape=(8, 8, 3))
    whole = (train.labels() >= 0).sum()
    for limit, wanted in ((None, whole), (10, 10)):
        examples, labels = labelled(train, limit, model)
        assert len(examples) == len(labels) == wanted and (labels >= 0).all()
        assert (examples[:, 0, 0].argmax(1) == labels).all()
    train.class_names = None  # labels without names may be anything, -1 and 1 too
    assert len(labelled(train, None, model)[1]) == train.size
    train.class_names = ["cat", "dog"]
    train.labels = None
    train._columns = {key: value[-20:] for key, value in train._columns.items()}
    train.size = 20
    with pytest.raises(Skipped, match="none of the examples of a split has a label"):
        train._columns["label"] = train._columns["label"] * 0 - 1
        labelled(train, None, model)


def test_labels_come_from_a_table(photos: Path, tmp_path: Path, caplog: Any) -> None:
    loose = sorted(photos.glob("*.png"))
    rows = ["image,kind", *(f"{file.name},{'ab'[n % 2]}" for n, file in enumerate(loose[:30]))]
    rows += ["cat/0,a", "nowhere.png,b"]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows))
    parts = [columns(images(split, str(photos), size=8, labels=str(table))) for split in SPLITS]
    labels = np.concatenate([part["label"] for part in parts])
    assert [(labels == number).sum() for number in (-1, 0, 1)] == [80 - 31, 16, 15]
    assert "1 of its names are none of the images" in caplog.text and "nowhere.png" in caplog.text
    table.write_text("x,y,z\n1,2,3")
    with pytest.raises(UserError, match="name one of its columns 'file' and another 'label'"):
        images("train", str(photos), labels=str(table))
    table.write_text("file,label\nno.png,a")
    with pytest.raises(UserError, match="none of its names is one of the 80 images .*'no.png'"):
        images("train", str(photos), labels=str(table))
    table.write_text("file,label\n0.png,a\ncat/0.png,b")
    with pytest.raises(UserError, match="line 3: cat/0.png is 'b' and 'a'"):
        images("train", str(photos), labels=str(table))
    with pytest.raises(UserError, match="'atuo' is none of true, false, auto and a table"):
        images("train", str(photos), labels="atuo")


def test_texts_without_a_label_are_trained_on(tmp_path: Path) -> None:
    rows = [{"text": f"Text {n}.", "topic": ["a", "b", "", None][n % 4]} for n in range(80)]
    (tmp_path / "news.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = str(tmp_path / "news.jsonl")
    labels = {split: columns(text(split, path, label="topic"))["label"] for split in SPLITS}
    assert (labels["train"] == -1).sum() == 40 and sum(map(len, labels.values())) == 80
    assert min(labels["validation"].min(), labels["test"].min()) == 0
    ids = tokens("train", {"path": path, "label": "topic"}, {"kind": "words"}, 8, "sentences")
    assert (columns(ids)["label"] == -1).sum() == 40
    with pytest.raises(UserError, match="no document has a label under 'none'"):
        text("train", path, label="none")


def test_a_recipe_takes_some_of_any_data(photos: Path) -> None:
    few = splits(photos, "data.limit=6", "data.labelled_only=true")
    assert few.sizes["train"] == 6 and (few.train.labels() >= 0).all()
    assert few.train.class_names == ["cat", "dog"]
    assert "at most 6 of each split are used (limit), only those with a label" in few.found[0]
    again = splits(photos, "data.limit=6", "data.labelled_only=true")
    assert few.fingerprint() == again.fingerprint() != splits(photos).fingerprint()
    recipe = kssl.recipe.load("vae_mnist", ["data={use: digits, limit: 50}", "data.limit=20"])
    assert open_splits(recipe).sizes == {"train": 20, "validation": 20, "test": 20}
    assert "limit: 20" in recipe.resolved()
    whole = kssl.data.digits("test")
    assert select(whole, "test", {"limit": 10_000}) is whole
    with pytest.raises(UserError, match="the data has no labels"):
        select(whole.map(lambda row: {"image": row["image"]}), "test", {"labelled_only": True})
    with pytest.raises(kssl.recipe.RecipeError, match="data.limit: expected a whole number from 1"):
        kssl.recipe.load("vae_mnist", ["data.limit=0"])


def test_models_of_labels_say_what_to_do(photos: Path) -> None:
    with pytest.raises(UserError, match="data.labelled_only=true takes those that have"):
        splits(photos).give_labels()
    splits(photos, "data.labelled_only=true").give_labels()
