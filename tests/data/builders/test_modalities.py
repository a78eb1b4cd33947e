"""Data of tensorflow-datasets for every modality: what the modality's own source gives of files."""

from __future__ import annotations

import csv
import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kssl
from kssl.data import SPLITS, describe
from kssl.data.builders import examples
from kssl.data.builders.sound import scale_of
from kssl.data.files.image import fit
from kssl.data.files.sound import resampled
from kssl.data.sources.audio import pieces

VIDEO = {
    "tfds": "moving_mnist",
    "splits": {"train": "test[:8]", "validation": "test[8:10]", "test": "test[10:]"},
}
TITANIC = {"tfds": "titanic", "missing": [-1, "Unknown"]}
SKIP = {"name": "skip", "ticket": "skip"}
WHOLE = {"tfds": "tiny_shakespeare", "splits": {"all": "train+validation+test"}}


def read(dataset: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Every example of a data set."""
    rows = list(dataset.as_numpy_iterator())
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def same(one: tf.data.Dataset, other: tf.data.Dataset, *facts: str) -> None:
    """The same examples of the same types, which say the same of themselves."""
    assert one.element_spec == other.element_spec
    assert int(one.cardinality()) == int(other.cardinality())
    first, second = read(one), read(other)
    for key, values in first.items():
        np.testing.assert_array_equal(values, second[key], key)
    for fact in facts:
        known = getattr(describe(one), fact)
        assert known == getattr(describe(other), fact) and known is not None, fact


def test_recordings(stored: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    scale_of.cache_clear()  # it warns once
    with caplog.at_level(logging.WARNING, "kssl"):
        loaded = {s: kssl.data.audio(s, {"tfds": "spoken_digit"}, length=400) for s in SPLITS}
    parts = {"train": range(24), "test": range(24, 27), "validation": range(27, 30)}
    for split, rows in parts.items():
        blocks = [pieces((stored.sounds[row] / 2**15).astype(np.float32), 400) for row in rows]
        found = read(loaded[split])
        for key in ("audio", "padding_mask"):
            np.testing.assert_array_equal(found[key], np.concatenate([b[key] for b in blocks]))
        labels = [row % 10 for row, block in zip(rows, blocks, strict=True) for _ in block["audio"]]
        assert found["label"].tolist() == labels
    own = describe(loaded["train"])
    assert own.sample_rate == 8000 and own.class_names == [str(each) for each in range(10)]
    assert own.names[:2] == ["number 0", "number 1"]
    assert own.found == (
        "30 recordings in spoken_digit/1.0.0 of tensorflow-datasets",
        "splits: train 24 (train[0:24]), validation 3 (train[27:30]), test 3 (train[24:27])",
        "10 classes: 0 3, 1 3, 2 3, 3 3, 4 3, 5 3, 6 3, 7 3, … 2 more",
    )
    told = [each.message for each in caplog.records if "full scale of 16 bits" in each.message]
    assert len(told) == 1 and "int64 with values up to" in told[0] and "by 32768" in told[0]


def test_recordings_are_as_those_of_a_npz_file(tmp_path: Path, stored: SimpleNamespace) -> None:
    np.savez(
        "all.npz",
        audio=np.concatenate(stored.sounds),
        offsets=np.cumsum([0, *map(len, stored.sounds)]),
        sample_rate=8000,
        labels=np.arange(30) % 10,
    )
    one = kssl.data.audio("train", {"tfds": "spoken_digit"}, length=200, sample_rate=4000)
    other = kssl.data.audio("train", "all.npz", length=200, sample_rate=4000)
    assert one.element_spec == other.element_spec
    assert describe(one).sample_rate == describe(other).sample_rate == 4000
    first = pieces(resampled((stored.sounds[0] / 2**15).astype(np.float32), 8000, 4000), 200)
    np.testing.assert_array_equal(read(one.take(1))["audio"], first["audio"][:1])


def test_films(stored: SimpleNamespace) -> None:
    np.savez("films.npz", frames=stored.films[:8])
    found = kssl.data.video("train", VIDEO, shape=(8, 16, 16))
    clips = stored.films[:8, :16].reshape(16, 8, 16, 16, 1)  # two of a film; 4 frames are left
    np.testing.assert_array_equal(read(found)["video"], clips)
    assert found.element_spec == kssl.data.video("train", "films.npz", (8, 16, 16)).element_spec
    small = read(kssl.data.video("test", VIDEO, shape=(5, 12, 8), stride=4))["video"]
    frame = fit(Image.fromarray(stored.films[10, 4, ..., 0]), 12, 8, 1)
    assert small.shape == (2, 5, 12, 8, 1)
    np.testing.assert_array_equal(small[0, 1], frame)
    assert describe(found).found[1:] == (
        "splits: train 8 (test[:8]), validation 2 (test[8:10]), test 2 (test[10:])",
        "no labels: it has no feature 'label'",
    )


def test_tables(stored: SimpleNamespace) -> None:
    names = ("died", "survived")
    columns = sorted({*stored.passengers[0]} - {"place"})
    with open("people.csv", "w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        for row in stored.passengers:
            plain = {name: row[name] for name in columns if row[name] not in (-1, "Unknown")}
            table.writerow(plain | {"survived": names[row["survived"]]})
    for split in SPLITS:
        one = kssl.data.tabular(split, path=TITANIC, label="survived", types=SKIP)
        other = kssl.data.tabular(split, path="people.csv", label="survived", types=SKIP)
        same(one, other, "class_names", "categories", "columns", "category_names", "names")
    assert describe(one).columns == {
        "numeric": ["age", "boat", "sibsp"],
        "categorical": ["embarked", "sex"],
    }
    fitted = kssl.data.fit_table(TITANIC, label="survived", types=SKIP)
    assert fitted.classes == names and fitted.categorical[0].values[-1] == "(missing)"
    assert fitted.skipped["place"] == "it is Tensor, not one value"


def test_a_table_with_splits_of_its_own(stored: SimpleNamespace) -> None:
    splits = {"train": "train[:40]", "test": "train[40:]"}
    path = {**TITANIC, "splits": splits, "keys": {"years": "age", "class": "survived"}}
    rows = {split: read(kssl.data.tabular(split, path=path, label="class")) for split in SPLITS}
    assert rows["test"]["label"].tolist() == [row["survived"] for row in stored.passengers[40:]]
    assert len(rows["train"]["label"]) + len(rows["validation"]["label"]) == 40
    assert rows["train"]["numeric"].shape[1] == 1


def test_captions(stored: SimpleNamespace) -> None:
    found = kssl.data.captions("validation", {"tfds": "coco_captions"}, size=24)
    rows = read(found)
    for row, number in enumerate(range(14, 20)):  # its split 'val'
        picture = fit(Image.fromarray(stored.pictures[number]), 24, 24, 3)
        np.testing.assert_array_equal(rows["image"][row], picture)
        texts = [f"picture {number}, told {each}".encode() for each in range(1 + number % 3)]
        assert rows["captions"][row].tolist() == texts + [b""] * (3 - len(texts))
    assert found.element_spec["captions"] == tf.TensorSpec((3,), tf.string)
    every = read(kssl.data.captions("validation", {"tfds": "coco_captions"}, size=24, every=True))
    assert every["text"][:3].tolist() == [b"picture 14, told %d" % each for each in range(3)]
    np.testing.assert_array_equal(every["image"][0], every["image"][2])


def test_pictures_of_several_sizes(stored: SimpleNamespace) -> None:
    found = kssl.data.images("train", {"tfds": "oxford_flowers102"}, size=16, channels=1)
    picture = fit(Image.fromarray(stored.pictures[3]), 16, 16, 1)
    np.testing.assert_array_equal(read(found)["image"][3], picture)
    assert describe(found).class_names == ["a", "b"]
    assert (
        "label"
        not in kssl.data.images("test", {"tfds": "oxford_flowers102"}, labels=False).element_spec
    )


def test_texts_are_as_those_of_files(stored: SimpleNamespace) -> None:
    topics = ["World", "Sports", "Business", "Sci/Tech"]
    files = {"train": stored.news[:60], "test": stored.news[60:]}
    for split, rows in files.items():
        lines = [json.dumps(row | {"label": topics[row["label"]]}) for row in rows]
        Path(f"{split}.jsonl").write_text("\n".join(lines))
    path = {split: f"{split}.jsonl" for split in files}
    news = {"tfds": "ag_news_subset", "keys": {"text": "description"}}
    for split in SPLITS:
        other = kssl.data.text(split, path, field="description", label="label", unit="sentence")
        same(kssl.data.text(split, news, unit="sentence"), other, "class_names")
        plain = {"tfds": "ag_news_subset"}
        same(kssl.data.text(split, plain, field="description", unit="sentence"), other)
    settings: dict[str, Any] = {"vocabulary": {"kind": "words"}, "length": 16, "rows": "sentences"}
    one = kssl.data.tokens("train", {"path": news}, **settings)
    other = kssl.data.tokens(
        "train", {"path": path, "field": "description", "label": "label"}, **settings
    )
    same(one, other, "class_names")
    assert one.vocabulary.tokens == other.vocabulary.tokens
    assert "label" not in kssl.data.text("test", plain, field="title", label=False).element_spec


def test_the_parts_of_one_text_are_put_together(stored: SimpleNamespace) -> None:
    Path("play.txt").write_text(stored.play)
    letters: dict[str, Any] = {"vocabulary": {"kind": "characters"}, "length": 65, "stride": 64}
    for split in SPLITS:
        one = kssl.data.tokens(split, {"path": WHOLE, "fractions": [0.01, 0.1]}, **letters)
        other = kssl.data.tokens(split, {"path": "play.txt", "fractions": [0.01, 0.1]}, **letters)
        same(one, other)
        own = kssl.data.text(split, {"tfds": "tiny_shakespeare"})
        assert int(own.cardinality()) == 1
    first, *others = describe(one).found
    assert first.startswith("1 document, train+validation+test joined, in tiny_shakespeare/1.0.0")
    assert tuple(others) == (
        "splits: train, validation and test are cut from one text, in that order",
        "no labels: it has no feature 'label'",
    )
    assert describe(other).found == (
        "1 document in play.txt (.txt 1)",
        "splits: train, validation and test are cut from one text, in that order",
        "no labels: it is one text",
    )


def test_a_held_out_split_without_labels_is_not_used() -> None:
    found = kssl.data.text("test", {"tfds": "reviews"})
    assert set(read(found)["label"]) <= {0, 1}
    first, splits, _ = describe(found).found
    assert first.endswith("left out: its splits unsupervised 10, test 10 without labels")
    assert splits.endswith("(cut from train)") and "train (train)" not in splits
    given = {"train": "train+unsupervised"}
    both = kssl.data.text("train", {"tfds": "reviews", "splits": given})
    assert sorted(read(both)["label"])[:10] == [-1] * 10  # trained on, as those of files


def test_what_does_not_fit_into_memory_is_read_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(split: str) -> tf.data.Dataset:
        return kssl.data.captions(split, {"tfds": "coco_captions"}, size=8)

    held = made("train")
    monkeypatch.setattr(examples, "MEMORY_BUDGET", 300)
    same(made("train"), held, "found", "names")


PAGE = Path(__file__).resolve().parents[3] / "docs" / "data.md"
ROWS = re.findall(r"^\| .* \| `(\{use: .*\})` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_has_a_row_for_each_kind() -> None:
    assert len(ROWS) == 9


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda row: row[6:50])  # the first is no copy here
def test_the_rows_of_the_page_read_what_they_say(row: str, tmp_path: Path) -> None:
    file = tmp_path / "row.yaml"
    file.write_text(f"data: {row}\nmodel: autoencoder\n")
    recipe = kssl.recipe.load(file)
    recipe.check()
    assert all(int(recipe.dataset(split).cardinality()) > 0 for split in SPLITS)
