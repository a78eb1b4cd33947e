"""What is said of the data of a recipe, and where a run finds it again."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kssl
from kssl.data import describe, images
from kssl.data.description import described
from kssl.data.locate import find_file, places
from kssl.data.splits import Splits, _spoken, _told, open_splits
from kssl.errors import RunError
from kssl.recipe import Recipe
from kssl.runs import listed, notices
from kssl.runs.load import _compare


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a/photos` and `b/photos`, which are not the same."""
    root = tmp_path_factory.mktemp("folders")
    for name, shade in (("a", 0), ("b", 200)):
        for number in range(12):
            file = root / name / "photos" / ("train", "test")[number % 3 == 0]
            file = file / ("cat", "dog")[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (shade + number, 0, 0)).save(file)
    (root / "a" / "photos" / "notes.txt").touch()
    return root


def recipe() -> Recipe:
    return kssl.recipe.load("vae_mnist", ["data={use: images, path: photos, size: 8}"])


def test_the_record_says_what_was_understood_and_where(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders / "a")
    data = open_splits(recipe())
    record = data.record()
    place = str(folders / "a" / "photos")
    assert record["sources"] == {"photos": place}
    assert record["found"] == [
        f"12 images in {place} (.png 12); left out: files of other kinds (.txt 1)",
        "splits: train 7 (train/), validation 1 (cut from train), test 4 (test/)",
        "2 classes: cat 6, dog 6",
    ]
    assert list(listed(recipe())) == record["found"]  # nothing is opened for that
    monkeypatch.chdir(folders / "b")
    assert open_splits(recipe()).fingerprint() != record["fingerprint"]
    again = open_splits(recipe(), sources=record["sources"])
    assert again.fingerprint() == record["fingerprint"] and again.sources == record["sources"]


def test_a_place_that_is_gone_is_looked_for_as_ever(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders / "b")
    with places({"photos": str(folders / "gone")}) as now:
        assert find_file("photos") == folders / "b" / "photos"
    assert now == {"photos": str(folders / "b" / "photos")}
    assert find_file("photos").is_dir()  # nothing is noted outside


def test_other_data_than_the_runs_is_refused_or_named(caplog: pytest.LogCaptureFixture) -> None:
    data: Any = SimpleNamespace(
        is_as=lambda fingerprint: fingerprint == "b",
        sizes={"train": 9},
        sources={"x": "/x"},
        used="images",
    )
    begun = {"fingerprint": "a", "examples": {"train": 8}, "sources": {"photos": "/old/photos"}}
    with pytest.raises(RunError, match="/old/photos is not what the run was trained on"):
        _compare(begun, data, same_data=True)
    with caplog.at_level(logging.WARNING, "kssl"):
        _compare(begun, data, same_data=False)
    assert "it had {'train': 8}, there is {'train': 9}" in caplog.text
    _compare({**begun, "fingerprint": "b"}, data, same_data=True)


def pipeline(labels: list[int]) -> Any:
    return SimpleNamespace(
        size=len(labels),
        has_labels=True,
        in_memory=True,
        class_names=None,
        labels=lambda: np.array(labels),
    )


def test_any_data_set_says_its_sizes_and_classes(caplog: pytest.LogCaptureFixture) -> None:
    parts = {"train": pipeline([0, 1] * 4), "validation": pipeline([1]), "test": pipeline([0, 2])}
    with caplog.at_level(logging.WARNING, "kssl"):
        lines = _told("mine", parts, describe(object()))
    assert lines == (
        "11 examples of mine",
        "splits: train 8, validation 1, test 2",
        "3 classes: 0 5, 1 5, 2 1",
    )
    assert "mine: the split test has 1 classes that train lacks: 2" in caplog.text
    own = describe(described(SimpleNamespace(), found=("a", "b", "c")))  # type: ignore[arg-type]
    assert _told("mine", parts, own) == ("a", "b", "c")
    assert Splits(*[None] * 3, used="mine").found == ()  # type: ignore[arg-type]


def test_the_notice_names_what_is_missing_and_what_is_used() -> None:
    assert _spoken(kssl.recipe.load("gpt_shakespeare")) == (
        "tinyshakespeare/input.txt or tiny_shakespeare (tokens)",
        "python_topics (tokens)",
    )
    assert _spoken(kssl.recipe.load("vae_mnist")) == ("mnist", "digits")


def test_classes_have_their_names(folders: Path) -> None:
    dataset = images("test", str(folders / "a" / "photos"), size=8)
    assert describe(dataset).class_names == ["cat", "dog"]


def test_texts_are_called_by_their_files_and_their_places_there(tmp_path: Path) -> None:
    (tmp_path / "train" / "more").mkdir(parents=True)
    (tmp_path / "train" / "a.txt").write_text("First.\n\nSecond.")
    (tmp_path / "train" / "more" / "b.txt").write_text("Only one.")
    lines = '{"text": "One."}\n{"text": ""}\n{"text": "Three."}\n'
    (tmp_path / "train" / "c.jsonl").write_text(lines)
    for split in ("validation", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "z.txt").write_text("Last.")

    def names(unit: Any) -> Any:
        dataset = kssl.data.text("train", str(tmp_path), unit)
        found = describe(dataset).names
        assert found is not None
        texts = [each["text"].decode() for each in dataset.as_numpy_iterator()]
        return dict(zip(found, texts, strict=True))

    assert names("paragraph") == {
        "train/a.txt:1": "First.",
        "train/a.txt:2": "Second.",
        "train/c.jsonl:1": "One.",
        "train/c.jsonl:3": "Three.",
        "train/more/b.txt": "Only one.",
    }
    assert "train/a.txt" in names("document")
    rows = kssl.data.tokens("train", str(tmp_path), {"kind": "words"}, 16, "sentences")
    assert len(describe(rows).names or ()) == int(rows.cardinality())
    assert "train/more/b.txt" in (describe(rows).names or ())


def test_a_stand_in_of_the_same_source_is_told_apart_by_what_it_reads(tmp_path: Path) -> None:
    rest = "vocabulary: {kind: words}, length: 16"
    stand_in = f"{{use: tokens, corpus: python_topics, {rest}}}"
    (tmp_path / "small.yaml").write_text(
        f"data: {{use: tokens, corpus: {{path: nowhere.txt}}, {rest}, stand_in: {stand_in}}}\n"
        "model: {use: gpt}\n"
    )
    record = open_splits(kssl.recipe.load(tmp_path / "small.yaml")).record()
    assert (record["used"], record["stand_in_for"]) == ("tokens", "tokens")
    assert record["called"] == {
        "used": "python_topics (tokens)",
        "stand_in_for": "nowhere.txt (tokens)",
    }


def of(data: str) -> Recipe:
    return kssl.recipe.load("vae_mnist", [f"data={data}", "pretext=[]"])


def test_films_say_what_else_lies_there(tmp_path: Path) -> None:
    for name in ("cat/one/1.png", "cat/two/1.png", "dog/one/1.png", "dog/two/1.png", "loose.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    for name in ("notes.txt", "cat/one/sound.wav"):
        (tmp_path / name).touch()
    data = f"{{use: video, path: {tmp_path}, shape: [1, 8, 8]}}"
    told = listed(of(data))
    assert told == describe(kssl.data.video("train", str(tmp_path), [1, 8, 8])).found
    assert told[0] == (
        f"4 films in {tmp_path} (folders 4); left out: files of other kinds (.txt 1, .wav 1, "
        ".png in no folder of frames 1)"
    )
    assert told[2] == "2 classes: cat 2, dog 2"


def test_tables_say_what_was_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{n},{n % 7}.5,{'ab'[n % 2]},{('', 'x', 'y')[n % 3]}" for n in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["id,size,kind,class", *rows, "1,2", "1,2,3,4,5"]))
    data = "{use: tabular, path: t.csv, label: class, types: {id: skip}}"
    splits = open_splits(of(data))
    sizes = splits.sizes
    assert splits.record()["found"] == [
        f"60 rows in {tmp_path / 't.csv'} (columns: 1 of numbers, 1 of categories); left out: "
        "2 broken rows, the column id (as given)",
        f"splits: train {sizes['train']}, validation {sizes['validation']}, test {sizes['test']}, "
        "by a hash of each row",
        "2 classes: x 20, y 20; 20 more without a label, which no probe sees",
    ]
    assert listed(of(data)) == splits.found
    parts = "\n".join(["n,part"] + [f"{n},{('train', 'valid', 'test')[n % 3]}" for n in range(60)])
    (tmp_path / "t.csv").write_text(parts)
    found = listed(of("{use: tabular, path: t.csv, types: {part: split}}"))
    assert found[1] == "splits: train 20, validation 20, test 20, by the column part"
    assert found[2] == "no labels: no column is named as label"


def test_classes_without_a_test_example_are_named_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"train": ("cat", "dog", "hen"), "val": ("cat", "dog"), "test": ("cat",)}
    for split, classes in names.items():
        for name in classes:
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(3):
                picture = Image.new("RGB", (8, 8), (number, 0, 0))
                picture.save(tmp_path / split / name / f"{number}.png")
    recipe = of(f"{{use: images, path: {tmp_path}, size: 8}}")
    prepared: Any = SimpleNamespace(recipe=recipe, data=open_splits(recipe))
    notices.of_untested_classes(prepared)
    assert " ".join(capsys.readouterr().out.split()) == (
        "note: the split test has no labelled example of 2 of 3 classes: dog, hen: evaluations "
        "say nothing of them"
    )
