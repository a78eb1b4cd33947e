"""COCO: one JSON file of a split, with images, annotations and categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kssl.data.boxes.marked import Annotation, Object
from kssl.data.splitting import SPLIT_WORDS, words_of
from kssl.errors import UserError


def is_coco(file: Path) -> bool:
    """Whether a JSON file may be one of COCO's by its name: of instances, or of annotations."""
    return "instances" in words_of(file.stem) or "annotations" in words_of(file.stem)


def split_of(root: Path, file: Path) -> str:
    """The split that a JSON file is of, by its name or the folders below `root`; or ""."""
    folders = file.relative_to(root).parts[:-1]
    words = [*words_of(file.stem), *(word for part in reversed(folders) for word in words_of(part))]
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "")


def read_coco(file: Path) -> list[Annotation]:
    """Read the images of a JSON file; boxes of crowds are ignored objects.

    Images are looked for beside the file, in `images`, and in the folder that the file is called
    after: `train2017` of `instances_train2017.json`, beside `annotations` too.

    Raises:
        UserError: The file is not of that form, an image is not there, or an annotation is of an
            image or a category that is not listed.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
        names = {each["id"]: str(each["name"]) for each in content["categories"]}
        images = {each["id"]: each for each in content["images"]}
        objects: dict[Any, list[Object]] = {each: [] for each in images}
        for each in content["annotations"]:
            objects[_listed(file, each, "image_id", images)].append(_object(file, each, names))
        folders = [each for each in _folders(file) if each.is_dir()]
        return [
            Annotation(
                _image(file, str(each["file_name"]), folders),
                f"{file}, image {number}",
                tuple(objects[number]),
                _size(each),
            )
            for number, each in images.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} is not in COCO's form, an object of images, annotations and categories: "
            f"{error!r}"
        ) from error


def _object(file: Path, each: dict[str, Any], names: dict[Any, str]) -> Object:
    name = names[_listed(file, each, "category_id", names)]
    left, top, width, height = (float(number) for number in each["bbox"])
    corners = left, top, left + width, top + height
    return Object(name, corners, bool(each.get("iscrowd", 0)))


def _listed(file: Path, each: dict[str, Any], key: str, known: dict[Any, Any]) -> Any:
    if each[key] not in known:
        what = "images" if key == "image_id" else "categories"
        raise UserError(
            f"{file}: annotation {each.get('id')} has {key} {each[key]!r}, which is not among the "
            f"{len(known)} {what} of the file: add it there, or take the annotation out"
        )
    return each[key]


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    width, height = int(image.get("width") or 0), int(image.get("height") or 0)
    return (width, height) if min(width, height) > 0 else None


def _folders(file: Path) -> list[Path]:
    called = file.stem.partition("_")[2] or file.stem  # instances_train2017
    above = file.parent.parent
    return [
        file.parent,
        file.parent / "images",
        above / called,
        above / "images" / called,
        above / "images",
        file.parent / called,
        above,
    ]


def _image(file: Path, name: str, folders: list[Path]) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(str(folder) for folder in folders)
    raise UserError(
        f"{file}: there is no image {name}; looked in {looked}: put it there, or take it out of "
        "the file"
    )
