"""Data of the user's own: guessed by what is at a path, given to a recipe and to a trained run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.io import wavfile

import kssl
from kssl.data.guess import guess
from kssl.data.splits import open_splits
from kssl.errors import UserError
from kssl.runs import Run, data_for_recipe, listed, starter
from kssl.runs.embed import embed, embedded
from kssl.runs.evaluate import _write
from kssl.runs.load import Loaded, load
from kssl.runs.neighbours import neighbours
from kssl.runs.own_data import data_for_run
from kssl.runs.plan import prepare

COLOURS = {"cat": (250, 0, 0), "dog": (0, 250, 0), "": (0, 0, 250)}


def paint(folder: Path, counts: dict[str, int], size: int = 12) -> None:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            place = folder / name / f"{name}{number}.png"
            picture = Image.new("RGB", (size, size), COLOURS[name])
            picture.putpixel((0, 0), (number, number, number))
            picture.save(place)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What people have: photos, half labelled, recordings, texts and tables."""
    root = tmp_path_factory.mktemp("there")
    paint(root / "photos", {"cat": 20, "dog": 20, "": 20})
    paint(root / "labelled", {"cat": 10, "dog": 10}, size=20)
    for number in range(12):
        file = root / "sounds" / "ab"[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        wave = 9_000 * np.sin(np.arange(900) * (0.1 + 0.3 * (number % 2)))
        wavfile.write(file, 8000, wave.astype(np.int16))
    news = [
        f"This is story {n} about a {'goal' if n % 2 else 'bank'},{'ab'[n % 2]}" for n in range(40)
    ]
    (root / "news.csv").write_text("\n".join(["body,topic", *news]))
    rows = [f"{20 + n},{'xyz'[n % 3]},{'yn'[n % 2] if n < 30 else ''}" for n in range(60)]
    (root / "table.csv").write_text("\n".join(["age,city,class", *rows]))
    (root / "other.csv").write_text(
        "\n".join(["city,age", *(f"{'xq'[n % 2]},{n}" for n in range(8))])
    )
    (root / "book.txt").write_text("It was the best of times. " * 40)
    (root / "few").mkdir()
    paint(root / "shot", {"": 6})
    (root / "shot" / "labels.csv").write_text("file,label\n0.png,a\n1.png,b\n")
    paint(root / "told", {"": 6})
    (root / "told" / "captions.csv").write_text(
        "file,caption\n0.png,a dot\n1.png,dots\n2.png,dots\n"
    )
    np.savez(root / "faces.npz", x_train=np.zeros((9, 8, 8), np.uint8))
    return root


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("photos", {"use": "images"}, "60 pictures, most of 12 pixels on the shorter side"),
        (
            "shot",
            {"use": "images", "labels": "labels.csv"},
            "6 pictures, with the classes of labels.csv",
        ),
        ("sounds", {"use": "audio", "length": 900, "sample_rate": 8000}, "12 recordings"),
        ("news.csv", {"use": "text", "field": "body", "label": "topic"}, "texts under 'body'"),
        ("table.csv", {"use": "tabular", "label": "class"}, "'class' is taken for the class"),
        ("other.csv", {"use": "tabular"}, "8 rows and 2 columns, none called a class"),
        ("book.txt", {"use": "text"}, "a text"),
        ("faces.npz", {"use": "arrays"}, "a NumPy file"),
    ],
)
def test_what_is_at_a_path(there: Path, name: str, settings: dict[str, Any], why: str) -> None:
    found = guess(str(there / name))
    assert found.settings == {**settings, "path": str(there / name)} and why in found.why


def test_what_nobody_reads_is_named(there: Path) -> None:
    with pytest.raises(UserError, match="no pictures, recordings, .* found: no files at all"):
        guess(str(there / "few"))
    with pytest.raises(UserError, match="give the folder that it is in"):
        guess(str(there / "photos" / "cat" / "cat0.png"))
    with pytest.raises(UserError, match="there is no .*nowhere.*, nor is it a data set"):
        data_for_recipe(kssl.recipe.load("vae_mnist"), "nowhere")


def test_a_recipe_keeps_what_holds_for_other_data_too(there: Path) -> None:
    def given(recipe: str, name: str, *changes: str) -> Any:
        override = data_for_recipe(kssl.recipe.load(recipe, changes), name)
        return yaml.safe_load(override.removeprefix("data="))

    photos = str(there / "photos")
    assert given("vae_mnist", photos) == {"use": "images", "path": photos}
    old = "data={use: images, path: x, size: 16, channels: 1, labels: true}"
    kept = {"use": "images", "path": photos, "size": 16, "channels": 1}
    assert given("vae_mnist", photos, old) == kept
    news = given("bert_news", str(there / "news.csv"))
    assert news["corpus"] == {"path": str(there / "news.csv"), "field": "body", "label": "topic"}
    assert news["rows"] == "pairs" and news["vocabulary"]["kind"] == "wordpiece"
    assert data_for_recipe(kssl.recipe.load("vae_mnist"), "digits") == "data=digits"
    assert data_for_recipe(kssl.recipe.load("vae_mnist"), "{use: x}") == "data={use: x}"


@pytest.mark.parametrize(
    ("name", "model", "said"),
    [
        ("photos", "simclr", ["60 pictures", "2 classes: cat 20, dog 20; 20 more without", "few"]),
        ("sounds", "denoising_autoencoder", ["12 recordings", "2 classes: a 6, b 6"]),
        ("news.csv", "bert", ["texts under 'body'", "splits: train 3", "2 classes: a 20, b 20"]),
        ("other.csv", "denoising_autoencoder", ["8 rows and 2 columns", "8 are few"]),
        ("told", "simclr", ["6 pictures with a table of captions", "most are 12 on the shorter"]),
        ("table.csv", "denoising_autoencoder", ["60 rows and 3 columns"]),
        ("book.txt", "gpt", ["a text"]),
        ("faces.npz", "autoencoder", ["a NumPy file"]),
    ],
)
def test_a_first_recipe_is_right_and_says_why(
    there: Path, tmp_path: Path, name: str, model: str, said: list[str]
) -> None:
    file = tmp_path / "mine.yaml"
    text = starter(str(there / name), file)
    file.write_text(text)
    recipe = kssl.recipe.load(file)
    recipe.check()
    assert recipe.uses("model") == [model] and f"kssl fit {file}" in text
    told = "".join(line for line in text.splitlines(keepends=True) if "#" in line)
    assert all(each in told for each in said), told
    assert ('label: "age"' in told) == (name == "other.csv")  # its last column has few values
    if name in ("photos", "sounds", "table.csv"):
        assert prepare(recipe).data.train.size > 20 or name == "sounds"


@pytest.fixture(scope="module")
def run(there: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run as it is after training, which it does without."""
    network = "{use: mlp, units: [4]}"
    changes = [
        f"data={{use: images, path: {there / 'photos'}, size: 8}}",
        f"model={{use: autoencoder, latent_dim: 3, encoder: {network}, decoder: {network}}}",
        "evaluate=[]",
    ]
    prepared = prepare(kssl.recipe.load("autoencoder_mnist", changes))
    made = Run.create(tmp_path_factory.mktemp("runs"), "photos")
    made.write_text("recipe.yaml", prepared.recipe.resolved())
    made.write_json("data.json", prepared.data.record())
    prepared.model.save(made.file("model.keras"))
    made.finish()
    return made


def test_every_file_is_a_row_with_its_name_and_class(run: Run, there: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    found = np.load(embed(run, tmp_path / "all.npz", split="all"))
    photos = there / "photos"
    files = [file.relative_to(photos).as_posix() for file in photos.rglob("*.png")]
    assert sorted(found["names"]) == sorted(files) and found["embeddings"].shape == (60, 3)
    assert found["names"][:3].tolist() == ["0.png", "1.png", "2.png"]  # by number
    classes = [str(found["class_names"][label]) if label >= 0 else "" for label in found["labels"]]
    assert classes == [name.partition("/")[0] if "/" in name else "" for name in found["names"]]
    whole = parquet.read_table(embed(run, tmp_path / "other.parquet", data=str(there / "labelled")))
    assert whole.column_names == ["embedding", "label", "class", "name", "split"]
    assert whole.num_rows == 20 and set(whole["class"].to_pylist()) == {"cat", "dog"}
    assert len(np.load(embed(run, tmp_path / "test.npz"))["names"]) == load(run).test.size


def test_the_data_of_a_run_need_not_be_there_for_other_data(
    run: Run, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["kssl.runs.load"], "prepare", lambda *_, **__: 1 / 0)
    assert load(run, data=str(there / "labelled")).test.size >= 1
    with pytest.raises(UserError, match="`image` has the shape"):
        load(run, data="digits")


def test_neighbours_of_a_file_and_of_an_example(run: Run, there: Path, tmp_path: Path) -> None:
    found = neighbours(
        run, str(there / "labelled" / "dog" / "dog3.png"), 3, output=tmp_path / "a.png"
    )
    assert [each.label for each in found] == ["dog"] * 3 and found[0].similarity > 0.99
    assert Image.open(tmp_path / "a.png").width > 300
    own = neighbours(run, "train:0.png", 60)
    assert len(own) == 59 and "0.png" not in [each.name for each in own]
    assert [each.similarity for each in own] == sorted(
        (each.similarity for each in own), reverse=True
    )
    as_file = neighbours(run, str(there / "photos" / "0.png"), 60)
    near = {each.name: each.similarity for each in own}  # in an order that rounding may change
    assert {each.name: each.similarity for each in as_file} == pytest.approx(near, abs=1e-5)
    first = neighbours(run, "train:0", 3)  # by its place
    assert first and first[0].similarity <= 1.00001
    with pytest.raises(UserError, match="the split test has no example 'x'; there are") as error:
        neighbours(run, "test:x")
    assert len(str(error.value)) < 300


def test_the_example_that_is_drawn_is_the_one_that_is_named(run: Run) -> None:
    """Files lie class by class: examples are spread for a probe, and must not be for a picture."""
    from kssl.evaluation.base import apply
    from kssl.runs.neighbours import _examples

    loaded = load(run)
    bank = embedded(loaded, "all")
    rows = list(range(0, len(bank.names), 5))
    for row, example in zip(rows, _examples(loaded, bank, rows), strict=True):
        code = apply(loaded.model, "embed", example[None])[0]
        np.testing.assert_allclose(code, bank.embeddings[row], rtol=1e-4, atol=1e-4)


def test_results_of_other_settings_and_other_data_stay(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "x")

    def write(value: float, k: int, data: str | None = None) -> None:
        asked = {"use": "knn", "k": k} | ({"data": data} if data else {})
        result = {"name": "knn", "value": value, "asked": asked}
        _write(run, [result], [], {"used": "own"} if data is None else None)

    def kept() -> list[tuple[float, int, str | None]]:
        results = run.read_json("results.json")["results"]
        return [(r["value"], r["asked"]["k"], r["asked"].get("data")) for r in results]

    for value, k, data in ((0.1, 3, None), (0.2, 1, None), (0.3, 1, "labelled"), (0.4, 1, None)):
        write(value, k, data)
    assert kept() == [(0.1, 3, None), (0.3, 1, "labelled"), (0.4, 1, None)]
    assert run.read_json("results.json")["data"] == {"used": "own"}
    content = run.read_json("results.json")
    for each in content["results"]:
        del each["asked"]  # as they were written before
    run.write_json("results.json", content)
    write(0.5, 3)
    assert kept() == [(0.5, 3, None)]


def test_recordings_of_several_parts_are_one_row(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"data={{use: audio, path: {there / 'sounds'}, length: 300}}"
    recipe = kssl.recipe.load("autoencoder_mnist", [source, "pretext=[]"])
    splits = open_splits(recipe)
    model = SimpleNamespace(modality=kssl.modalities.Audio(), example_shape={"audio": (300,)})
    parts = np.arange(60).reshape(30, 2)
    monkeypatch.setattr("kssl.evaluation.base.apply", lambda _, __, rows: parts[: len(rows)])
    found = embedded(Loaded(recipe, splits, model), "all")
    numbers = (0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11)
    assert found.names.tolist() == [f"{'ab'[n % 2]}/{n}.wav" for n in numbers]
    assert len(found.embeddings) == 12 and found.class_of(0) == "a"
    train = [row for row, split in enumerate(found.splits) if split == "train"]
    assert found.embeddings[train[0]].tolist() == [2.0, 3.0]  # the mean of its three parts


def test_a_trained_model_reads_other_data_as_its_own(there: Path, tmp_path: Path) -> None:
    run = Run.create(tmp_path, "x")
    run.write_text("vocabulary.json", "{}")

    def given(source: dict[str, Any], shape: Any, name: str) -> Any:
        recipe = kssl.recipe.load("vae_mnist", [f"data={json.dumps(source)}"])
        override = data_for_run(run, recipe, shape, str(there / name))
        return json.loads(override.removeprefix("data="))

    assert given({"use": "mnist"}, (28, 28, 1), "photos")["size"] == 28
    assert given({"use": "mnist"}, (28, 28, 1), "photos")["channels"] == 1
    words = {"use": "tokens", "corpus": "x", "vocabulary": {"kind": "words"}, "length": 9}
    text = given(words, {"tokens": (9,)}, "book.txt")
    assert text["vocabulary"] == str(run.file("vocabulary.json")) and text["length"] == 9
    table = given({"use": "tabular", "path": "a.csv", "label": "class"}, {}, "other.csv")
    assert (table["encoding"], table["label"]) == ("a.csv", "class")
    assert given({"use": "audio", "path": "x"}, {"audio": (300,)}, "sounds")["length"] == 300


def test_a_table_is_encoded_as_another_one(there: Path) -> None:
    first = {"path": str(there / "table.csv"), "label": "class"}
    fitted = kssl.data.fit_table(**first)
    other = kssl.data.tabular(
        "train", path=str(there / "other.csv"), label="class", encoding=first["path"]
    )
    (age,) = fitted.numeric
    for row, name in zip(other.as_numpy_iterator(), other.names, strict=True):
        number = int(name) - 1
        np.testing.assert_allclose(row["numeric"], [(number - age.mean) / age.std], rtol=1e-5)
        assert row["categorical"] == [1 if number % 2 == 0 else 0]  # x, and one that is not known
    own = kssl.data.tabular("train", **first)
    labels = np.array([row["label"] for row in own.as_numpy_iterator()])
    assert (labels == -1).sum() == 30  # rows without a class are trained on
    tests = [row["label"] for row in kssl.data.tabular("test", **first).as_numpy_iterator()]
    assert min(tests) >= 0
    with pytest.raises(UserError, match="has no column 'age'"):
        kssl.data.tabular("train", path=str(there / "news.csv"), encoding=first["path"])


def test_a_replay_takes_the_files_of_the_run_from_whatever_folder(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "photos", {"cat": 12, "dog": 12})  # others, of the same name
    (tmp_path / "news.csv").write_text("text,label\nother,a\n")
    network = "{use: mlp, units: [4]}"
    changes = [
        "data={use: images, path: photos, size: 8}",
        f"model={{use: autoencoder, latent_dim: 3, encoder: {network}, decoder: {network}}}",
        "evaluate=[{use: finetune_classification, path: {train: news.csv, test: missing.csv}}]",
    ]
    monkeypatch.chdir(there)
    prepared = prepare(kssl.recipe.load("autoencoder_mnist", changes))
    made = Run.create(tmp_path / "runs", "photos")
    made.write_text("recipe.yaml", prepared.recipe.resolved())
    made.write_json("data.json", prepared.data.record())
    noted = {"photos": str(there / "photos"), "news.csv": str(there / "news.csv")}
    assert made.read_json("data.json")["sources"] == noted

    monkeypatch.chdir(tmp_path)
    again = prepare(kssl.recipe.load(made.path))
    assert again.data.record()["sources"] == noted
    assert again.data.sizes == prepared.data.sizes
    assert str(there / "photos") in listed(kssl.recipe.load(made.path))[0]
    # What is asked for now is found from here.
    other = kssl.recipe.load(made.path, ["data={use: images, path: photos, size: 8}"])
    assert prepare(other).data.sources == {"photos": str(tmp_path / "photos")}
