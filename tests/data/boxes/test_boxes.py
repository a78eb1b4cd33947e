"""Boxes beside images: each layout that people have, and each thing that can be wrong in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssl.data.boxes import BoxSplits, read_boxes
from kssl.data.files.image import decode_whole
from kssl.errors import UserError

WIDTH, HEIGHT = 40, 20
Voc = Callable[..., Path]


def picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def sides(splits: BoxSplits, split: str, row: int) -> list[list[float]]:
    return getattr(splits, split).boxes[row].astype(float).round(4).tolist()


def test_voc_beside_images_is_cut_by_names(tmp_path: Path, write_voc: Voc) -> None:
    for number in range(20):
        picture(tmp_path / f"{number}.png")
        write_voc(tmp_path / f"{number}.xml", [("cell", (1, 1, 20, 10))], (WIDTH, HEIGHT))
    splits = read_boxes(str(tmp_path))
    assert len(splits.train) + len(splits.test) == 20 and 1 <= len(splits.test) <= 8
    assert not set(splits.train.files) & set(splits.test.files)
    assert splits.train.names == splits.test.names == ["cell"]
    assert sides(splits, "train", 0) == [[0.0, 0.0, 0.5, 0.5]]  # from 1, the last one included
    moved = tmp_path.rename(tmp_path.with_name("elsewhere"))
    again = read_boxes(str(moved))
    assert [file.name for file in again.test.files] == [file.name for file in splits.test.files]


def test_voc_with_lists(tmp_path: Path, write_voc: Voc) -> None:
    lists = tmp_path / "VOC2007" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for split, names in {"train": "ab", "val": "c", "test": "de", "trainval": "abc"}.items():
        (lists / f"{split}.txt").write_text("".join(f"{name}  1\n" for name in names))
    (lists / "cat_train.txt").write_text("a 1\nb -1\n")  # of a class
    for number, name in enumerate("abcde"):
        picture(tmp_path / "VOC2007" / "JPEGImages" / f"{name}.jpg")
        picture(tmp_path / "VOC2007" / "SegmentationClass" / "masks" / f"{name}.png")
        objects = [("cat", (1, 1, 2 + number, 4)), ("dog", (11, 6, 40, 20), True)]
        write_voc(tmp_path / "VOC2007" / "Annotations" / f"{name}.xml", objects, (WIDTH, HEIGHT))
    with pytest.raises(UserError, match="its image may be .*a.jpg and .*a.png: leave one, or say"):
        read_boxes(str(tmp_path))
    for name in "abcde":
        (tmp_path / "VOC2007" / "SegmentationClass" / "masks" / f"{name}.png").unlink()
    splits = read_boxes(str(tmp_path))
    assert [file.stem for file in splits.train.files] == ["a", "b"]
    assert [file.stem for file in splits.test.files] == ["d", "e"]
    assert splits.test.names == ["cat", "dog"]
    assert splits.test.classes[0].tolist() == [0, 1]
    assert splits.test.ignored[0].tolist() == [False, True]
    assert sides(splits, "test", 0) == [[0.0, 0.0, 0.125, 0.2], [0.25, 0.25, 1.0, 1.0]]
    for name in ("train", "test"):
        (lists / f"{name}.txt").unlink()
    splits = read_boxes(str(tmp_path))  # of trainval without val
    assert [file.stem for file in splits.train.files] == ["a", "b"]
    assert [file.stem for file in splits.test.files] == ["c"]
    (lists / "test.txt").write_text("d\nf\n")
    with pytest.raises(UserError, match=r"test.txt names f, and there is no f.xml: add it"):
        read_boxes(str(tmp_path))


def test_voc_in_folders_of_splits(tmp_path: Path, write_voc: Voc, caplog: Any) -> None:
    for split, count in {"train": 3, "valid": 1}.items():
        for number in range(count):
            picture(tmp_path / split / f"{number}.png")
            write_voc(tmp_path / split / f"{number}.xml", [("a", (3, 3, 9, 9))], (WIDTH, HEIGHT))
    picture(tmp_path / "train" / "bare.png")
    (tmp_path / "train" / "project.xml").write_text("<project/>")
    with caplog.at_level(logging.WARNING):
        splits = read_boxes(str(tmp_path))
    assert (len(splits.train), len(splits.test)) == (3, 1)
    assert "1 images have no XML file and are left out, such as bare.png" in caplog.text
    assert "1 XML files are no annotations, such as project.xml" in caplog.text
    given = {"train": str(tmp_path / "valid"), "test": str(tmp_path / "train")}
    assert (len(read_boxes(given).train), len(read_boxes(given).test)) == (1, 3)
    with pytest.raises(UserError, match="boxes: path has train; give train and test"):
        read_boxes({"train": "x"})
    write_voc(tmp_path / "loose.xml", [], (WIDTH, HEIGHT), filename="bare.png")
    picture(tmp_path / "loose.png")
    with pytest.raises(UserError, match="1 XML files are in no folder of a split, such as .*loose"):
        read_boxes(str(tmp_path))


def coco(file: Path, images: list[dict], annotations: list[dict]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    categories = [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(content))
    return file


def listed(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}


def noted(number: int, image: int, box: list[float], **other: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": 7, "bbox": box, **other}


def test_coco_as_it_is_downloaded(tmp_path: Path, caplog: Any) -> None:
    for split, name in (("train", "a.jpg"), ("val", "b.jpg")):
        picture(tmp_path / f"{split}2017" / name)
        picture(tmp_path / f"{split}2017" / f"empty_{name}")
        notes = [
            noted(1, 5, [10, 5, 20.0, 10.0]),
            noted(2, 5, [0, 0, 40, 20], category_id=3, iscrowd=1),
            noted(3, 5, [4, 4, 0, 3]),
        ]
        images = [listed(5, name), listed(6, f"empty_{name}")]
        coco(tmp_path / "annotations" / f"instances_{split}2017.json", images, notes)
        (tmp_path / "annotations" / f"captions_{split}2017.json").write_text("{}")
    with caplog.at_level(logging.WARNING):
        splits = read_boxes(str(tmp_path))
    assert [file.name for file in splits.test.files] == ["b.jpg", "empty_b.jpg"]
    assert splits.test.names == ["cat", "dog"]
    assert sides(splits, "test", 0) == [[0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 1.0, 1.0]]
    assert splits.test.ignored[0].tolist() == [False, True]
    assert splits.test.boxes[1].shape == (0, 4)  # background alone
    assert "1 boxes without width or height are left out: cat in" in caplog.text


def test_coco_as_one_file_and_in_folders_of_splits(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        picture(tmp_path / split / "a.png")
        note = [noted(1, 1, [0, 0, 10, 10])]
        coco(tmp_path / split / "_annotations.coco.json", [listed(1, "a.png")], note)
    splits = read_boxes(str(tmp_path))
    assert splits.train.files[0].parent.name == "train"
    assert splits.test.files[0].parent.name == "valid"
    names = [f"{number}.png" for number in range(10)]
    for name in names:
        picture(tmp_path / "one" / "images" / name)
    one = coco(
        tmp_path / "one" / "mine.json",
        [listed(number, name) for number, name in enumerate(names)],
        [noted(number, number, [1, 1, 4, 4]) for number in range(10)],
    )
    splits = read_boxes(str(one))
    assert len(splits.train) + len(splits.test) == 10 and len(splits.test)


def test_what_is_wrong_in_coco_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    file = tmp_path / "instances.json"
    for images, note, message in [
        ([listed(1, "b.png")], noted(1, 1, [0, 0, 9, 9]), "there is no image b.png; looked in"),
        ([listed(1, "a.png")], noted(8, 2, [0, 0, 9, 9]), "annotation 8 has image_id 2, which is"),
        ([listed(1, "a.png")], noted(8, 1, [0, 0, 9, 9], category_id=4), "category_id 4, which is"),
        ([listed(1, "a.png")], noted(1, 1, [0, 0, 9]), "not in COCO's form, an object of images"),
        ([listed(1, "a.png")], {"id": 1}, "not in COCO's form.*KeyError"),
        (
            [{**listed(1, "a.png"), "width": 80}],
            noted(1, 1, [0, 0, 9, 9]),
            "is of an image of 80 x 20 pixels, and .*a.png has 40 x 20",
        ),
    ]:
        coco(file, images, [note])
        with pytest.raises(UserError, match=message) as raised:
            read_boxes({"train": str(file), "test": str(file)})
        assert "instances.json" in str(raised.value)
    file.write_text("[1, 2]")
    with pytest.raises(UserError, match="not in COCO's form"):
        read_boxes({"train": str(file), "test": str(file)})


def tiny(folder: Path) -> None:
    for name in ("n01", "n02"):
        for number in range(2):
            picture(folder / "train" / name / "images" / f"{name}_{number}.JPEG", (64, 64))
        lines = [f"{name}_{number}.JPEG\t0\t16\t63\t{31 + number}" for number in range(2)]
        (folder / "train" / name / f"{name}_boxes.txt").write_text("\n".join(lines))
    picture(folder / "val" / "images" / "val_0.JPEG", (64, 64))
    (folder / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\t16\t0\t31\t15\n")


def test_tiny_imagenet(tmp_path: Path) -> None:
    tiny(tmp_path)
    splits = read_boxes(str(tmp_path))
    assert len(splits.train) == 4 and splits.train.names == ["n01", "n02"]
    assert sides(splits, "train", 0) == [[0.0, 0.25, 1.0, 0.5]]  # from 0, the last one included
    assert sides(splits, "test", 0) == [[0.25, 0.0, 0.5, 0.25]]
    assert splits.test.classes[0].tolist() == [1]
    table = tmp_path / "val" / "val_annotations.txt"
    for line, message in [
        ("val_0.JPEG\tn02\t16\t0\t31", "line 1 has 5 fields, and Tiny ImageNet's have 6"),
        ("val_1.JPEG\tn02\t16\t0\t31\t15", "line 1: there is no image .*val_1.JPEG: add it"),
        ("val_0.JPEG\tn02\t16\ta\t31\t15", "line 1: a box is four numbers, got 16 a 31 15"),
        ("val_0.JPEG\tn03\t16\t0\t31\t15", "line 1: an object is of class 'n03', which no train"),
        ("val_0.JPEG\tn02\t16\t0\t70\t15", "line 1: the box of 'n02', pixels 16 to 71 .* outside"),
    ]:
        table.write_text(line)
        with pytest.raises(UserError, match=message):
            read_boxes(str(tmp_path))


def one(folder: Path, write_voc: Voc, *objects: Any, **settings: Any) -> dict[str, str]:
    """A folder of one image, to train on and to test on."""
    picture(folder / "1.png")
    write_voc(folder / "1.xml", objects, settings.pop("size", (WIDTH, HEIGHT)), **settings)
    return {"train": str(folder), "test": str(folder)}


def test_a_box_outside_of_its_image_is_named(tmp_path: Path, write_voc: Voc) -> None:
    for corners in [(1, 1, 42, 20), (-1, 1, 9, 9), (1, 1, 9, 22), (50, 1, 60, 9)]:
        given = one(tmp_path, write_voc, ("RBC", corners))
        with pytest.raises(UserError, match=r"1.xml: the box of 'RBC', .* outside of its image 1"):
            read_boxes(given)
    given = one(tmp_path, write_voc, ("RBC", (0, 0, 41, 21)))  # counted from 0, and rounded
    assert sides(read_boxes(given), "train", 0) == [[0.0, 0.0, 1.0, 1.0]]
    given = one(tmp_path, write_voc, ("RBC", (9, 1, 5, 9)))
    with pytest.raises(UserError, match="across and 0 to 9 down, ends before it begins: correct"):
        read_boxes(given)
    given = one(tmp_path, write_voc, ("RBC", ("nan", 1, 5, 9)))
    with pytest.raises(UserError, match="outside of its image"):
        read_boxes(given)


def test_a_box_of_a_pixel_is_kept_and_said(tmp_path: Path, write_voc: Voc, caplog: Any) -> None:
    given = one(tmp_path, write_voc, ("RBC", (5, 5, 5, 5)), ("RBC", (1, 1, 9, 9)))
    with caplog.at_level(logging.WARNING):
        splits = read_boxes(given)
    assert len(splits.train.boxes[0]) == 2
    assert "1 boxes are a pixel wide or high; perhaps they were clicks" in caplog.text


def test_what_is_wrong_in_voc_is_named(tmp_path: Path, write_voc: Voc) -> None:
    given = one(tmp_path, write_voc)
    with pytest.raises(UserError, match="there is no box in 1 images: give annotations of obj"):
        read_boxes(given)
    given = one(tmp_path, write_voc, ("a", (1, 1, 5, 5)), size=(80, 20))
    with pytest.raises(UserError, match="is of an image of 80 x 20 pixels, and .*1.png has 40"):
        read_boxes(given)
    one(tmp_path, write_voc, ("a", (1, 1, 5, 5)), size=(0, 0))  # it does not say
    assert sides(read_boxes(given), "test", 0) == [[0.0, 0.0, 0.125, 0.25]]
    (tmp_path / "1.png").unlink()
    with pytest.raises(UserError, match="1.xml: there is no image 1.* beside it or in a folder"):
        read_boxes(given)
    (tmp_path / "1.png").write_text("no picture")
    with pytest.raises(UserError, match="1.xml: its image .*1.png cannot be read"):
        read_boxes(given)
    picture(tmp_path / "1.png")
    for text, message in [
        ("<annotation>", "1.xml is no XML"),
        ("<annotation><object><name>a</name></object></annotation>", "'a' cannot be read: it has"),
        ("<annotation><object/></annotation>", "object '' cannot be read: it has no name"),
        (
            "<annotation><object><name>a</name><bndbox><xmin>x</xmin><ymin>1</ymin><xmax>1</xmax>"
            "<ymax>1</ymax></bndbox></object></annotation>",
            "object 'a' cannot be read: could not convert",
        ),
    ]:
        (tmp_path / "1.xml").write_text(text)
        with pytest.raises(UserError, match=message):
            read_boxes(given)


def test_a_class_that_is_not_trained_on_is_named(tmp_path: Path, write_voc: Voc) -> None:
    given = one(tmp_path / "a", write_voc, ("Platelets", (1, 1, 5, 5)))
    given["test"] = one(tmp_path / "b", write_voc, ("platelets", (1, 1, 5, 5)))["test"]
    with pytest.raises(UserError, match="'platelets', which no training .* mean 'Platelets'"):
        read_boxes(given)


def test_a_folder_without_boxes_says_what_is_there(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    (tmp_path / "1.txt").write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(
        UserError, match="there are no boxes, that is an XML .*found: 1 .txt, 1 .png"
    ):
        read_boxes(str(tmp_path))
    with pytest.raises(UserError, match="boxes are in a folder, or in a JSON file of COCO"):
        read_boxes(str(tmp_path / "1.png"))
    with pytest.raises(UserError, match="there is no"):
        read_boxes(str(tmp_path / "none"))


@pytest.mark.parametrize("told", [(HEIGHT, WIDTH), (WIDTH, HEIGHT)])
def test_a_turned_photograph_is_read_as_its_boxes_were_drawn(
    tmp_path: Path, write_voc: Voc, told: tuple[int, int]
) -> None:
    """The note of a camera says to turn it; tools show it turned, or do not."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, : WIDTH // 4] = 255  # the left quarter as it is stored, the upper one turned by 6
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "1.png", exif=exif)
    upright = told == (HEIGHT, WIDTH)
    corners = (1, 1, HEIGHT, WIDTH // 4) if upright else (1, 1, WIDTH // 4, HEIGHT)
    write_voc(tmp_path / "1.xml", [("bright", corners)], told)
    splits = read_boxes({"train": str(tmp_path), "test": str(tmp_path)})
    left, top, right, bottom = (splits.train.boxes[0][0] * 16).astype(int)
    found = splits.train.image(0, 16, 16, 1)
    inside = np.zeros((16, 16), bool)
    inside[top:bottom, left:right] = True
    assert found[inside].mean() > 200 and found[~inside].mean() < 20


def test_a_whole_image_is_stretched(tmp_path: Path) -> None:
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:10, 20:] = 200
    Image.fromarray(pixels).save(tmp_path / "1.png")
    found = decode_whole(tmp_path / "1.png", 8, 8, 1)
    assert found.shape == (8, 8, 1)
    assert abs(int(found[1, 6, 0]) - 200) < 3 and found[6, 1, 0] == 0 == found[1, 1, 0]


def test_the_cells_of_bccd(bccd: Path, shared_data: Path) -> None:
    splits = read_boxes(str(bccd))
    with np.load(shared_data / "images" / "bccd.npz") as stored:
        owner, kinds, boxes = (stored[f"object_{key}"] for key in ("image", "class", "box"))
        names, files, parts = (
            stored[key].astype(str) for key in ("class_names", "name", "split_names")
        )
        split, part = stored["split"], {name: number for number, name in enumerate(parts)}
    assert (len(splits.train), len(splits.test)) == (205, 72)
    assert splits.train.names == sorted(names.tolist())
    for split_name, own in (("train", splits.train), ("test", splits.test)):
        wanted = np.flatnonzero(split == part[split_name])
        assert [file.stem for file in own.files] == [Path(files[n]).stem for n in wanted]
        for row, number in enumerate(wanted):
            here = owner == number
            expected = (boxes[here] - [1, 1, 0, 0]) / [640, 480, 640, 480]
            np.testing.assert_allclose(own.boxes[row], expected, atol=1e-6)
            assert [own.names[each] for each in own.classes[row]] == names[kinds[here]].tolist()


def test_the_boxes_of_tiny_imagenet(tiny_imagenet: Path, shared_data: Path) -> None:
    splits = read_boxes(str(tiny_imagenet))
    assert (len(splits.train), len(splits.test)) == (400, 100)
    assert len(splits.train.names) == 20
    with np.load(shared_data / "images" / "tiny_imagenet_20_64.npz") as stored:
        names = stored["name"].astype(str).tolist()
        by_file = dict(zip(names, stored["box"].tolist(), strict=True))
    for own in splits:
        for file, found in zip(own.files, own.boxes, strict=True):
            expected = (np.array(by_file[file.name]) + [0, 0, 1, 1]) / 64
            np.testing.assert_allclose(found, [expected], atol=1e-6)
        assert own.image(0, 64, 64, 3).shape == (64, 64, 3)
