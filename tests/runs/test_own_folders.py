"""What `kssl init` takes a folder of several kinds of files for, and what it refuses."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kssl
from kssl.cli.init import command
from kssl.data.files.folder import read_folder
from kssl.data.guess import guess
from kssl.errors import UserError
from kssl.runs import starter


def test_tables_of_a_test_split_are_not_taken_for_labels_or_captions(tmp_path: Path) -> None:
    for split, number in itertools.product(("train", "test"), range(8)):
        file = tmp_path / "shown" / split / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(file)
        with (file.parent / "metadata.jsonl").open("a") as lines:
            lines.write(json.dumps({"file_name": file.name, "text": "a photo"}) + "\n")
    found = guess(str(tmp_path / "shown")).settings  # the folder, not the table of test/
    assert found == {"use": "captions", "path": str(tmp_path / "shown")}
    for name in ("train", "test"):
        (tmp_path / "shown" / name / "metadata.jsonl").unlink()
    for name in ("sample_submission.csv", "test.csv"):
        (tmp_path / "shown" / name).write_text("id,label\ntest/1.png,a\n")
    assert "labels" not in guess(str(tmp_path / "shown")).settings
    for name in ("another.csv", "train.csv"):
        (tmp_path / "shown" / name).write_text("id,label\ntrain/1.png,a\n")
    found_with = guess(str(tmp_path / "shown"))
    assert found_with.settings["labels"] == "train.csv" and "train.csv" in found_with.why


def touch(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"text of {name}")
    return str(folder)


def test_what_accompanies_others_does_not_say_what_a_folder_holds(tmp_path: Path) -> None:
    boxes = touch(tmp_path / "boxes", *(f"train/labels/{n}.txt" for n in range(4)), "README.md")
    films = touch(tmp_path / "films", *(f"{n}.{kind}" for n in range(3) for kind in ("mp4", "jpg")))
    frames = tmp_path / "frames"
    for name in [f"train/images/{n}.png" for n in range(4)]:
        (tmp_path / "boxes" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "boxes" / name)
    for clip, number in itertools.product("abc", range(3)):
        (frames / f"clip_{clip}").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(frames / f"clip_{clip}" / f"{number}.png")
    moving = tmp_path / "moving"
    moving.mkdir()
    pages = [Image.new("L", (8, 8), shade) for shade in (0, 200)]
    pages[0].save(moving / "1.gif", save_all=True, append_images=pages[1:])
    kinds = {path: guess(str(path)).settings["use"] for path in (boxes, films, frames, moving)}
    assert list(kinds.values()) == ["images", "video", "video", "video"]
    assert guess(str(frames)).why == "3 folders of numbered frames, each taken for a film"
    book = touch(tmp_path / "book", "a.txt", "LICENSE.txt", "README.md", "requirements.txt")
    told = starter(book, Path("a.yaml"))
    assert "left out: files of other kinds (LICENSE.txt 1, README.md 1, requirements.txt 1)" in told
    assert "1 text files" in told


def test_pictures_called_frames_that_are_not_alike_are_no_films(tmp_path: Path) -> None:
    """Office-31 calls photographs of mugs frame_0001.jpg."""
    random = np.random.default_rng(0)
    for moving, kind in itertools.product((False, True), ("mug", "bike", "lamp")):
        folder = tmp_path / ("films" if moving else "photographs") / kind
        folder.mkdir(parents=True)
        first = random.integers(0, 256, (8, 8, 3), np.uint8)
        for number in range(3):
            other = random.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(first if moving else other).save(folder / f"frame_{number}.png")
    assert guess(str(tmp_path / "films")).settings["use"] == "video"
    assert guess(str(tmp_path / "photographs")).settings["use"] == "images"


def test_tables_that_are_called_texts(tmp_path: Path) -> None:
    (tmp_path / "har" / "train").mkdir(parents=True)
    numbers = "\n".join(f"  {n / 7:.4e} -1.5e-01 2.5e+00 {n}.0" for n in range(30))
    (tmp_path / "har" / "train" / "X_train.txt").write_text(numbers)
    (tmp_path / "har" / "train" / "y_train.txt").write_text(
        "\n".join(f"{n % 3}" for n in range(30))
    )
    with pytest.raises(UserError, match="X_train.txt and other files hold rows of numbers"):
        guess(str(tmp_path / "har"))
    alone = guess(str(tmp_path / "har" / "train" / "X_train.txt"))
    assert alone.settings["use"] == "tabular" and alone.settings["header"] is False
    assert alone.why == "a table of 30 rows and 4 columns without a header, none called a class"
    rows = [f"{n},tcp,http,SF,{n * n},0,{'normal' if n % 2 else 'attack'}" for n in range(30)]
    (tmp_path / "KDDTrain.txt").write_text("\n".join(rows))
    assert guess(str(tmp_path / "KDDTrain.txt")).settings["use"] == "tabular"
    docs = tmp_path / "docs"
    touch(docs, *(f"{n}.txt" for n in range(8)))
    (docs / "empty.txt").write_text("")
    (docs / "numbers.txt").write_text(numbers)  # one of ten
    assert guess(str(docs)).settings["use"] == "text"
    (tmp_path / "verse.txt").write_text(
        "\n".join(f"Line {n}, of a song, that goes" for n in range(9))
    )
    assert guess(str(tmp_path / "verse.txt")).settings["use"] == "text"


def test_names_in_a_table_of_labels_are_those_beside_it(tmp_path: Path, caplog: Any) -> None:
    rows = []
    for kind, number in itertools.product(("River", "Forest"), range(6)):
        file = tmp_path / "EuroSAT" / kind / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 9 * len(kind), 0)).save(file)
        rows.append(f"{kind}/{number}.png,{len(kind)},{kind}")
    (tmp_path / "EuroSAT" / "labels.csv").write_text("\n".join(["Filename,Label,ClassName", *rows]))
    found = guess(str(tmp_path))
    assert found.settings["labels"] == "EuroSAT/labels.csv" and not caplog.text
    assert "2 classes: Forest 6, River 6" in starter(str(tmp_path), Path("a.yaml"))
    (tmp_path / "EuroSAT" / "labels.csv").unlink()
    (tmp_path / "marks.csv").write_text("filename,crack,rust\nRiver/1.png,1,0\n")
    with pytest.raises(UserError, match="crack, rust look like a column for each class"):
        kssl.data.images("train", path=str(tmp_path), labels="marks.csv")


def test_a_table_without_a_header_may_label_folders(tmp_path: Path) -> None:
    """MURA: a study is a folder, positive or negative, in a table for each split."""
    for split, count in (("train", 6), ("valid", 3)):
        lines = []
        for study, number in itertools.product(range(count), range(2)):
            folder = f"{split}/XR_WRIST/patient{split[0]}{study}/study1_{study % 2}"
            (tmp_path / "M" / folder).mkdir(parents=True, exist_ok=True)
            picture = Image.new("RGB", (8, 8), (study, number, count))
            picture.save(tmp_path / "M" / folder / f"image{number}.png")
            lines.append(f"M/{folder}/,{study % 2}")
        lines = list(dict.fromkeys(lines))
        (tmp_path / "M" / f"{split}_studies.csv").write_text("\n".join(lines))
    folder = read_folder(tmp_path, labels="M/train_studies.csv")
    assert {split: len(files) for split, files in folder.layout.splits.items()} == {
        "train": 12,
        "validation": 6,
    }
    assert folder.told("M/train_studies.csv")[2] == "2 classes: 0 10, 1 8"


def test_texts_without_an_ending_are_data_by_a_pattern(tmp_path: Path) -> None:
    for kind, number in itertools.product(("atheism", "space"), range(6)):
        touch(tmp_path, f"{kind}/{number}")
    recipe = kssl.recipe.load("bert_news")
    override = kssl.runs.data_for_recipe(recipe, f"{tmp_path}/**/*")
    given = json.loads(override.removeprefix("data="))
    assert given["corpus"]["path"] == f"{tmp_path}/**/*" and given["use"] == "tokens"
    (tmp_path / "train.csv").write_text("id,comment\n1,a few words of it\n2,and a few more\n")
    (tmp_path / "test_labels.csv").write_text("id,toxic\n1,0\n2,1\n")
    with pytest.raises(UserError, match=r"no column 'comment'.*name those that have it: path: \{"):
        kssl.data.text("train", path=str(tmp_path), field="comment")


def test_a_refusal_writes_no_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, number in itertools.product(("train/a", "train/b", "new/a", "new/b"), range(4)):
        (tmp_path / "shot" / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "shot" / folder / f"{number}.png")
    done = CliRunner().invoke(command, ["shot", "-o", "mine.yaml"])
    assert done.exit_code == 1 and "new/ hold folders of the same names" in str(done.exception)
    assert not (tmp_path / "mine.yaml").exists()


def test_a_folder_of_several_tables_is_read_if_they_are_of_text(tmp_path: Path) -> None:
    for name in ("train", "test"):
        lines = "\n".join(f"{n}.5,{n}" for n in range(8))
        touch(tmp_path / "numbers", f"{name}.csv")
        (tmp_path / "numbers" / f"{name}.csv").write_text(f"size,age\n{lines}")
        more = ",topic" if name == "train" else ""
        rows = "\n".join("a text of several words" + more for _ in range(8))
        touch(tmp_path / "news", f"{name}.csv")
        label = ",label" if more else ""
        (tmp_path / "news" / f"{name}.csv").write_text(f"text{label}\n{rows}")
    touch(tmp_path / "news", "README.md")
    with pytest.raises(UserError, match="2 tables, test.csv, train.csv, .*train.csv. To use sev"):
        guess(str(tmp_path / "numbers"))
    found = guess(str(tmp_path / "news"))
    assert found.settings == {"use": "text", "path": str(tmp_path / "news")}
    assert "which test.csv lacks" in found.why
    (tmp_path / "numbers" / "test.csv").unlink()
    assert guess(str(tmp_path / "numbers")).settings["path"].endswith("train.csv")
    others = touch(tmp_path / "others", "1", "2")
    with pytest.raises(UserError, match=r"If they are texts, kssl init '.*/others/\*\*/\*' reads"):
        guess(others)
    assert guess(f"{others}/**/*").settings == {"use": "text", "path": f"{others}/**/*"}


def test_a_table_that_names_other_files_is_not_taken_for_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(6):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "a.csv").write_text("file,label\nx.png,1\n")
    (tmp_path / "b.csv").write_text("file,label\n1.png,1\n2.png,2\n")
    assert guess(str(tmp_path)).settings["labels"] == "b.csv"
    assert "a.csv: none of its names is one of the 6 files" in caplog.text


def test_the_table_named_as_a_cure_is_none_of_a_split_that_is_held_out(tmp_path: Path) -> None:
    for split in ("test", "train"):
        touch(tmp_path, f"split={split}/part.csv")
        (tmp_path / f"split={split}" / "part.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(UserError, match="such as .*split=train/part.csv"):
        guess(str(tmp_path))


def test_tables_of_text_without_a_header_are_read_by_the_number_of_a_column(tmp_path: Path) -> None:
    for name in ("train", "test"):
        touch(tmp_path, f"{name}.csv")
        rows = [f'{n % 2},"some words of {name} {n}"' for n in range(8)]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    by_number = {"use": "text", "field": 1, "label": 0}
    assert guess(str(tmp_path)).settings == by_number | {"path": str(tmp_path)}
    assert "train 7 (train)" in starter(str(tmp_path), Path("a.yaml"))
    alone = str(tmp_path / "train.csv")
    assert guess(alone).settings == by_number | {"path": alone}
    written = starter(alone, Path("a.yaml"))
    assert "classes in column 0" in written and "2 classes: 0 4, 1 4" in written
