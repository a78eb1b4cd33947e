"""Images with captions."""

from __future__ import annotations

import json
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssl.data import SPLITS, captions
from kssl.errors import UserError


def pictures(folder: Path, count: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (12, 10), (number, 0, 0)).save(folder / f"{number}.png")
    return [f"{number}.png" for number in range(count)]


def table(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def examples(dataset: Any) -> list[dict[str, Any]]:
    return list(dataset.as_numpy_iterator())


def test_each_image_has_its_captions(tmp_path: Path) -> None:
    rows = [
        {"file_name": name, "captions": [f"{name} {n}" for n in range(1 + number % 3)]}
        for number, name in enumerate(pictures(tmp_path, 12))
    ]
    path = table(tmp_path / "a.jsonl", rows)
    seen = []
    for split in SPLITS:
        for each in examples(captions(split, path, size=8)):
            number = int(each["image"][0, 0, 0])
            wanted = [text.encode() for text in rows[number]["captions"]]
            assert each["captions"].tolist() == wanted + [b""] * (3 - len(wanted))
            seen.append(number)
    assert sorted(seen) == list(range(12))
    pairs = [
        each for split in SPLITS for each in examples(captions(split, path, size=8, every=True))
    ]
    assert len(pairs) == sum(len(row["captions"]) for row in rows)
    assert all(each["text"].startswith(b"%d.png" % each["image"][0, 0, 0]) for each in pairs)


@pytest.mark.parametrize("every", [True, False])
def test_images_that_do_not_fit_are_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: bool
) -> None:
    rows = [{"image": name, "caption": ["é", name]} for name in pictures(tmp_path, 12)]
    path = table(tmp_path / "a.jsonl", rows)
    kept = captions("train", path, size=8, every=every)
    monkeypatch.setattr(import_module("kssl.data.files.items"), "MEMORY_BUDGET", 100)
    streamed = captions("train", path, size=8, every=every)
    assert streamed.element_spec == kept.element_spec
    assert streamed.cardinality() == kept.cardinality()
    for one, other in zip(examples(kept), examples(streamed), strict=True):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_csv_with_several_lines_for_an_image(tmp_path: Path, suffix: str) -> None:
    names = pictures(tmp_path / "pictures", 4)
    comma = {"csv": ",", "tsv": "\t"}[suffix]
    lines = [f'{name}{comma}"{name}, {n}"' for name in names for n in range(2)]
    path = tmp_path / f"a.{suffix}"
    path.write_text("\n".join([f'"image"{comma}"caption"', *lines]))
    (one,) = examples(captions("test", str(path), str(tmp_path / "pictures"), size=8))
    name = b"%d.png" % one["image"][0, 0, 0]
    assert one["captions"].tolist() == [name + b", 0", name + b", 1"]


def test_splits_of_the_table(tmp_path: Path) -> None:
    names = pictures(tmp_path, 12)
    splits = ["train"] * 8 + ["val"] * 4
    rows = [{"image": n, "text": "x", "split": s} for n, s in zip(names, splits, strict=True)]
    path = table(tmp_path / "a.jsonl", rows)
    numbers = {
        split: {int(each["image"][0, 0, 0]) for each in examples(captions(split, path, size=8))}
        for split in SPLITS
    }
    assert numbers["validation"] == {8, 9, 10, 11}
    assert numbers["test"] and numbers["train"] | numbers["test"] == set(range(8))
    assert not numbers["train"] & numbers["test"]


def test_what_is_broken_is_named_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = pictures(tmp_path, 20)
    rows: list[Any] = [{"image": n, "text": f"t{n}", "split": "train"} for n in names]
    rows += [
        {"image": n, "text": "x", "split": s} for n, s in (("0v.png", "val"), ("0t.png", "test"))
    ]
    for name in ("0v.png", "0t.png"):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    lines = [json.dumps(row) for row in rows]
    lines += [
        '{"image": "a',
        '["list"]',
        '{"image": "b.png", "text": " "}',
        '{"image": "", "text": "c"}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "3.png").write_bytes(b"no picture")
    (tmp_path / "4.png").unlink()
    with caplog.at_level(logging.WARNING, "kssl"):
        left = examples(captions("train", str(tmp_path / "a.jsonl"), size=8, broken_fraction=0.2))
    assert len(left) == 18
    first, second = (record.getMessage() for record in caplog.records)
    assert "4 of 26 lines cannot be used" in first
    for told in ("line 23 (no JSON)", "(no JSON object)", "(no caption)", "(no image)"):
        assert told in first
    assert "2 of 20 images of split 'train' cannot be used: 3.png (it is in no format" in second
    assert "4.png (there is no such file)" in second
    with pytest.raises(UserError, match="More than broken_fraction=0.05"):
        captions("train", str(tmp_path / "a.jsonl"), size=8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no lines"),
        ('{"picture": "0.png", "text": "x"}', "must be called image, .*; there is: picture, text"),
        ('{"image": "0.png", "note": "x"}', "must be called captions, .*; there is: image, note"),
        ('{"image": "0.png", "text": "x"}', "1 image cannot be split"),
    ],
)
def test_a_table_that_is_not_understood(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(UserError, match=message):
        captions("train", str(tmp_path / "a.jsonl"))


def test_another_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match="is not a table: give a .jsonl, .json, .csv or .tsv file"):
        captions("train", str(tmp_path / "a.txt"))


def test_coco(shared_data: Path, tmp_path: Path) -> None:
    stored = np.load(shared_data / "captions" / "coco_mini_96.npz")
    offsets = stored["offsets"]
    for number, name in enumerate(stored["name"]):
        jpeg = stored["jpeg"][offsets[number] : offsets[number + 1]]
        (tmp_path / Path(name.decode()).name).write_bytes(jpeg.tobytes())
    path = str(shared_data / "captions" / "coco_mini_captions.jsonl")
    sizes = {}
    for split in SPLITS:
        dataset = captions(split, path, str(tmp_path), size=32)
        sizes[split] = int(dataset.cardinality())
        assert dataset.element_spec["captions"].shape == (5,)
    assert sizes["validation"] == 79 and sizes["train"] + sizes["test"] == 80


def test_commas_and_quotes_of_a_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = pictures(tmp_path, 5)
    lines = ["image,caption", *(f"{name},A dog, a cat and {name}" for name in names)]
    (tmp_path / "a.csv").write_text("\n".join([*lines, '0.png,"open', "1.png", "2.png,two"]))
    texts = {
        each["text"].decode()
        for split in SPLITS
        for each in examples(
            captions(split, str(tmp_path / "a.csv"), size=8, every=True, broken_fraction=0.5)
        )
    }
    assert texts == {"two", *(f"A dog, a cat and {name}" for name in names)}
    assert "line 7 (a quote that is not closed), line 8 (1 fields instead of 2)" in caplog.text
    (tmp_path / "b.csv").write_text("image,caption,split\n" + "0.png,A dog, a cat,train\n" * 3)
    with pytest.raises(UserError, match="3 of 3 lines .* instead of 3|3: 4 fields instead of 3"):
        captions("train", str(tmp_path / "b.csv"))


def test_utf_16_and_a_json_array(tmp_path: Path) -> None:
    names = pictures(tmp_path, 3)
    (tmp_path / "a.csv").write_bytes("".join(["image,caption\n", *(f"{n},Jürgen\n" for n in names)])
                                     .encode("utf-16"))  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps([{"image": n, "text": "Jürgen"} for n in names]))
    for file in ("a.csv", "a.json"):
        (one,) = examples(captions("test", str(tmp_path / file), size=8, every=True))
        assert one["text"].decode() == "Jürgen"
    (tmp_path / "a.csv").write_bytes("image,caption\n0.png,Jürgen".encode("latin-1"))
    with pytest.raises(UserError, match="no UTF-8 text, see the byte 0xfc"):
        captions("test", str(tmp_path / "a.csv"))
