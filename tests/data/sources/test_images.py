"""Folders of image files."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kssl.data.files.folder as folder_module
from kssl.data import SPLITS, class_names, images
from kssl.data.files.decode import Broken
from kssl.data.files.image import decode
from kssl.errors import UserError

HALVES = np.zeros((20, 40, 3), np.uint8)
HALVES[:, :20, 0] = 255  # red on the left
HALVES[:, 20:, 2] = 255  # blue on the right


def fill(folder: Path, names: Iterable[str]) -> None:
    for number, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9 + number % 3, 12), (number * 2, 0, 255)).save(file)


def labels_of(dataset: tf.data.Dataset) -> list[int]:
    return [int(example["label"]) for example in dataset]


def count(dataset: tf.data.Dataset) -> int:
    return int(dataset.cardinality())


@pytest.mark.parametrize(
    "suffix",
    ["jpg", "jpeg", "JPG", "png", "bmp", "gif", "webp", "tif", "tiff", "tga", "ppm"]
    + ["dds", "mpo", "pcx", "qoi", "sgi", "jfif", "jpx", "j2c", "avif"],
)
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    for number in range(3):
        try:
            Image.new("RGB", (30, 20), (250, 100, 10)).save(tmp_path / f"{number}.{suffix}")
        except (ValueError, OSError):
            pytest.skip(f"this Pillow writes no {suffix}")
    dataset = images("train", str(tmp_path), size=16)
    assert dataset.element_spec == {"image": tf.TensorSpec((16, 16, 3), tf.uint8)}
    image = next(iter(dataset))["image"].numpy()
    assert np.abs(image.astype(int) - [250, 100, 10]).max() < 12


def test_the_middle_is_kept_and_resized_with_antialiasing(tmp_path: Path) -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = np.indices((40, 40)).sum(0)[..., None] % 2 * 255  # a chequerboard
    Image.fromarray(wide).save(tmp_path / "a.png")
    image = decode(tmp_path / "a.png", 10, 3)
    assert np.abs(image.astype(int) - 127).max() < 40  # grey, no black borders, no moire


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(HALVES[:, 10:30]).save(tmp_path / "a.png", exif=exif)
    image = decode(tmp_path / "a.png", 8, 3)
    assert image[4, 0].tolist() == [0, 0, 255] and image[4, -1].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 80, [80, 80, 80]),
        ("1", 1, [255, 255, 255]),
        ("P", 0, None),
        ("RGBA", (10, 20, 30, 255), [10, 20, 30]),
        ("RGBA", (10, 20, 30, 0), [255, 255, 255]),
        ("LA", (0, 0), [255, 255, 255]),
        ("I;16", 65535, [255, 255, 255]),
        ("I;16", 128 * 257, [128, 128, 128]),
    ],
)
def test_modes_become_colour(
    tmp_path: Path, mode: str, colour: object, expected: list[int] | None
) -> None:
    picture = Image.new(mode, (6, 6), colour)  # type: ignore[arg-type]
    if mode == "P":
        picture.putpalette([200, 100, 50])
        expected = [200, 100, 50]
    picture.save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", 6, 3)[3, 3].tolist() == expected
    assert decode(tmp_path / "a.png", 6, 1).shape == (6, 6, 1)


def test_a_large_jpeg_is_decoded_at_a_fraction_without_losing_its_picture(tmp_path: Path) -> None:
    Image.fromarray(HALVES[:, 10:30]).resize((2000, 2000)).save(tmp_path / "a.jpg", quality=95)
    image = decode(tmp_path / "a.jpg", 16, 3).astype(int)
    assert (
        np.abs(image[8, 1] - [254, 0, 0]).max() < 9 and np.abs(image[8, -2] - [0, 0, 254]).max() < 9
    )


def test_labels_are_the_sub_folders(tmp_path: Path) -> None:
    fill(tmp_path, [f"{kind}/deep/{i}.png" for kind in ("dog", "cat") for i in range(20)])
    assert class_names(str(tmp_path)) == ["cat", "dog"]
    parts = {split: images(split, str(tmp_path)) for split in SPLITS}
    assert sum(map(count, parts.values())) == 40
    assert labels_of(parts["train"]) == sorted(labels_of(parts["train"]))
    reds = [(int(e["image"][0, 0, 0]), int(e["label"])) for e in parts["train"]]
    assert all((red < 40) == (label == 1) for red, label in reds)  # dogs were drawn first
    assert "label" not in images("train", str(tmp_path), labels=False).element_spec


def test_labels_are_left_out_where_there_are_none(tmp_path: Path) -> None:
    fill(tmp_path, ["cat/1.png", "cat/2.png", *(f"{number}.png" for number in range(8))])
    assert "label" not in images("train", str(tmp_path)).element_spec
    assert class_names(str(tmp_path)) == []
    with pytest.raises(UserError, match="8 images are in none, such as "):
        images("train", str(tmp_path), labels=True)


def test_adding_files_moves_no_other_between_splits(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(60)])
    before = folder_module.read_folder(tmp_path).splits
    fill(tmp_path, [f"more{i}.png" for i in range(60)])
    after = folder_module.read_folder(tmp_path).splits
    for split in SPLITS:
        assert set(before[split]) <= set(after[split])
    assert {split: len(files) for split, files in after.items() if len(files) < 5} == {}


@pytest.mark.parametrize("number", [3, 4, 7])
def test_in_a_tiny_folder_each_split_has_something(tmp_path: Path, number: int) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(number)])
    splits = folder_module.read_folder(tmp_path).splits
    files = [file for split in SPLITS for file in splits[split]]
    assert len(files) == len(set(files)) == number and all(splits.values())


def test_a_folder_may_be_split_already(tmp_path: Path) -> None:
    fill(tmp_path, [f"train/{k}/{i}.png" for k in "ab" for i in range(15)])
    fill(tmp_path, [f"val/{k}/{i}.png" for k in "ab" for i in range(3)])
    parts = {split: images(split, str(tmp_path)) for split in SPLITS}
    assert count(parts["validation"]) == 6 and class_names(str(tmp_path)) == ["a", "b"]
    assert count(parts["train"]) + count(parts["test"]) == 30 and count(parts["test"]) >= 1


def test_a_broken_image_is_named_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, [f"{k}/{i:02d}.jpg" for k in "ab" for i in range(40)])
    chosen = folder_module.read_folder(tmp_path).splits["train"]
    whole = count(images("train", str(tmp_path)))
    chosen[3].write_bytes(b"not a picture")
    chosen[7].write_bytes(chosen[7].read_bytes()[:300])
    with caplog.at_level(logging.WARNING, "kssl"):
        dataset = images("train", str(tmp_path), broken_fraction=0.1)
    assert count(dataset) == whole - 2 and len(labels_of(dataset)) == whole - 2
    (message,) = [record.getMessage() for record in caplog.records]
    assert f"2 of {whole} images of split 'train'" in message
    assert chosen[3].relative_to(tmp_path).as_posix() in message
    with pytest.raises(UserError, match="More than broken_fraction=0.01"):
        images("train", str(tmp_path), broken_fraction=0.01)


def test_one_broken_image_is_forgiven_unless_none_may_be(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(8)])
    chosen = folder_module.read_folder(tmp_path).splits["train"]
    chosen[0].write_bytes(b"")
    assert count(images("train", str(tmp_path))) == len(chosen) - 1
    with pytest.raises(UserError, match=f"1 of {len(chosen)}"):
        images("train", str(tmp_path), broken_fraction=0.0)


def test_a_folder_that_does_not_fit_is_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, [f"{k}/{i}.png" for k in "ab" for i in range(12)])
    (tmp_path / "a" / "torn.png").write_bytes(b"x")
    kept = images("train", str(tmp_path), size=8)
    monkeypatch.setattr(import_module("kssl.data.sources.images"), "MEMORY_BUDGET", 100)
    streamed = images("train", str(tmp_path), size=8)
    assert streamed.element_spec == kept.element_spec and count(streamed) == count(kept)
    for one, other in zip(kept, streamed, strict=True):
        np.testing.assert_array_equal(one["image"].numpy(), other["image"].numpy())
        assert int(one["label"]) == int(other["label"])


def test_hidden_files_are_passed_over_and_links_do_not_run_in_circles(tmp_path: Path) -> None:
    fill(tmp_path, [f"{i}.png" for i in range(4)])
    (tmp_path / "._0.png").write_bytes(b"a note of another system")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    splits = folder_module.read_folder(tmp_path).splits
    assert sum(map(len, splits.values())) == 4


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"no images, that is files ending in \.jpg.*1 \.txt"):
        images("train", str(tmp_path))
    with pytest.raises(UserError, match="give the folder"):
        images("train", str(tmp_path / "notes.txt"))
    with pytest.raises(UserError, match="there is no '.*photos'"):
        images("train", str(tmp_path / "photos"))
    fill(tmp_path, ["1.png", "2.png"])
    with pytest.raises(UserError, match="2 images cannot be split"):
        images("train", str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size 0"),
        ({"channels": 4}, "neither 1 .* nor 3"),
        ({"labels": 1.5}, "none of true, false, auto and the name of a table"),
        ({"broken_fraction": 2.0}, "between 0 and 1"),
        ({"fractions": [0.5]}, r"is not \[validation, test\]"),
        ({"fractions": [0.5, 0.5]}, "sum below 1"),
    ],
)
def test_wrong_settings_are_named(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        images("train", str(tmp_path), **settings)  # type: ignore[arg-type]


def deep(folder: Path, values: Iterable[float], kind: str = "uint16") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "png" if kind == "uint16" else "tif"
    for number, value in enumerate(values):
        picture = np.full((6, 6), value, kind)
        picture[0, 0] = 0
        Image.fromarray(picture).save(folder / f"{number:02d}.{suffix}")


def brightest(folder: Path, **settings: object) -> dict[str, list[int]]:
    return {
        split: [
            int(each["image"].numpy().max()) for each in images(split, str(folder), 6, **settings)
        ]
        for split in SPLITS
    }


@pytest.mark.parametrize(
    ("values", "kind", "white"),
    [
        ([250, 260, 1000], "uint16", 1023),
        ([250, 4000, 20], "uint16", 4095),
        ([250, 40_000, 20], "uint16", 65535),
        ([25_000, 100_000, 20], "int32", 2**18 - 1),
        ([0.25, 1.02, 0.5], "float32", 1),
        ([25, 255, 50], "float32", 255),
        ([0.5, 300, 4000], "float32", 4095),
    ],
)
def test_pictures_of_more_than_8_bits_have_one_white(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    values: list[float],
    kind: str,
    white: float,
) -> None:
    for part, value in zip(("train", "val", "test"), values, strict=True):
        deep(tmp_path / part, [value], kind)
    found = brightest(tmp_path)
    wanted = [min(255, round(255 * value / white)) for value in values]
    assert [found[split] for split in SPLITS] == [[each] for each in wanted]
    (message,) = [record.getMessage() for record in caplog.records]
    assert f"with values up to {max(values):g} in the 3 looked at: white is {white:g}" in message
    given = brightest(tmp_path, levels=2 * white)["train"]
    assert given == [round(255 * values[0] / (2 * white))]


def test_a_value_above_the_white_that_was_given_is_broken(tmp_path: Path) -> None:
    deep(tmp_path, [500] * 5 + [1500])
    with pytest.raises(UserError, match=r"its value 500 is above levels, 255"):
        brightest(tmp_path, levels=255)
    with pytest.raises(UserError, match="levels 0 is not the value of white"):
        images("train", str(tmp_path), levels=0)


def test_white_may_be_zero(tmp_path: Path) -> None:
    for kind, values in (("uint16", [0, 4095]), ("uint8", [0, 255])):
        stored = np.tile(np.array(values, kind), (4, 2))
        Image.fromarray(stored).save(tmp_path / "a.tif", tiffinfo={262: 0})
        if kind == "uint8":  # which Pillow inverts when it writes
            assert decode(tmp_path / "a.tif", 4, 1, 4095)[0, :2, 0].tolist() == [0, 255]
        else:
            assert decode(tmp_path / "a.tif", 4, 1, 4095)[0, :2, 0].tolist() == [255, 0]


def test_a_deep_picture_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture = np.zeros((4, 4), np.uint16)
    picture[0, 0] = 65535
    for name in ("a.png", "a.tif"):
        Image.fromarray(picture).save(tmp_path / name, exif=exif)
        assert decode(tmp_path / name, 4, 1)[..., 0].argmax() == 15


def test_the_reason_is_given_for_each_kind_of_broken_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, [f"{part}/{n:02d}.png" for part in ("train", "val", "test") for n in range(12)])
    whole = (tmp_path / "train" / "00.png").read_bytes()
    contents = [b"", b"", b"<!DOCTYPE html><p>404", b"\n<html>", whole[: len(whole) - 30]]
    contents += [b"{}", whole[:10], b"\0\0\0\x1cftypheic\0\0\0\0", b"what is this"]
    for number, content in enumerate(contents):
        (tmp_path / "train" / f"{number:02d}.png").write_bytes(content)
    Image.new("L", (400, 400)).save(tmp_path / "train" / "09.png")
    (tmp_path / "train" / "10.png").unlink()
    (tmp_path / "train" / "10.png").mkdir()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 70_000)
    assert count(images("train", str(tmp_path), broken_fraction=0.99)) == 1
    (message,) = [each.getMessage() for each in caplog.records if "cannot be used" in each.message]
    for told in (
        "10 of 11 images of split 'train' cannot be used",
        "00.png, train/01.png (2: it is empty)",
        "03.png (2: it is an HTML page, such as a download that failed)",
        "04.png (it ends early)",
        "05.png (it is text, such as JSON)",
        "06.png (it ends early or is damaged)",
        "07.png (its codec is unknown here, see its kind 'heic')",
        "08.png (it is in no format that can be read here)",
    ):
        assert told in message, message


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied"), "there is no permission to read it"),
        (FileNotFoundError(2, "No such file"), "there is no such file"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_what_the_system_refuses_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    fill(tmp_path, ["a.png"])
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Broken, match=told):
        decode(tmp_path / "a.png", 4, 3)


def test_what_is_too_large_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(Broken, match="it is too large: more pixels than Pillow decodes"):
        decode(tmp_path / "a.png", 4, 3)
