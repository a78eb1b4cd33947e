"""Which layout a folder of images with boxes has, and which of them are to train and to test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kssl.data.boxes.coco import is_coco, read_coco, split_of
from kssl.data.boxes.marked import Annotation, Boxes, checked
from kssl.data.boxes.tiny_imagenet import is_tiny_imagenet, read_tiny_imagenet
from kssl.data.boxes.voc import read_voc
from kssl.data.files.folder import cut_names
from kssl.data.files.walk import find
from kssl.data.locate import find_file
from kssl.errors import UserError

Paths = str | Mapping[str, str]
_TEST_FRACTION = 0.2  # of the images, where nothing says the splits

_KNOWN = (
    "an XML file for each image (Pascal VOC), a JSON file of instances (COCO), or "
    "train/<class>/<class>_boxes.txt and val/val_annotations.txt (Tiny ImageNet)"
)


class BoxSplits(NamedTuple):
    """Images with boxes of two splits.

    Attributes:
        train: To train on.
        test: To test on; its classes are those of `train`.
    """

    train: Boxes
    test: Boxes


def read_boxes(path: Paths) -> BoxSplits:
    """Read images with boxes in the layout of Pascal VOC, COCO or Tiny ImageNet.

    Test is the split that is called so, else validation; a validation split beside a test split is
    not read. Where nothing says the splits, a fifth of the images, by a hash of their names, is the
    test split.

    Args:
        path: A folder, or a JSON file of COCO; or one of these for each of `train` and `test`,
            which are then read whole. Looked for as `kssl.data.find_file` does.

    Raises:
        UserError: There is no such folder, it has no boxes, or something in it is wrong; the
            message names the file.

    Example:
        >>> splits = read_boxes("cells")  # doctest: +SKIP
        >>> splits.train.names  # doctest: +SKIP
        ['Platelets', 'RBC', 'WBC']
    """
    if isinstance(path, Mapping):
        if set(path) != {"train", "test"}:
            raise UserError(f"boxes: path has {', '.join(path)}; give train and test")
        folders = {split: find_file(each) for split, each in path.items()}
        parts = {
            split: [each for found in _read(place).values() for each in found]
            for split, place in folders.items()
        }
        where = {split: str(place) for split, place in folders.items()}
    else:
        place = find_file(path)
        parts = _to_train_and_test(place, _read(place))
        where = {split: f"{place}, {split}" for split in parts}
    train = checked(where["train"], parts["train"])
    return BoxSplits(train, checked(where["test"], parts["test"], train.names))


def _read(place: Path) -> dict[str, list[Annotation]]:
    """Read all splits that there are; `{"": …}` where nothing says them."""
    if place.is_file():
        if place.suffix.lower() != ".json":
            raise UserError(f"{place}: boxes are in a folder, or in a JSON file of COCO")
        return {"": read_coco(place)}
    if is_tiny_imagenet(place):
        return read_tiny_imagenet(place)
    found = find(place, (".json", ".xml"))
    tables = [file for file in found.files if file.suffix.lower() == ".json" and is_coco(file)]
    if tables:
        return _of_tables(place, tables)
    if files := [file for file in found.files if file.suffix.lower() == ".xml"]:
        return read_voc(place, files)
    there = ", ".join(f"{count} {suffix}" for suffix, count in found.others.most_common(5))
    raise UserError(f"{place}: there are no boxes, that is {_KNOWN}; found: {there or 'no files'}")


def _of_tables(place: Path, tables: list[Path]) -> dict[str, list[Annotation]]:
    """Of several files of one split those of instances are meant, not captions or keypoints."""
    instances = [file for file in tables if file.stem.startswith("instances")]
    by_split: dict[str, list[Path]] = {}
    for file in instances or tables:
        by_split.setdefault(split_of(place, file), []).append(file)
    for split, files in by_split.items():
        if len(files) > 1:
            told = " and ".join(str(file.relative_to(place)) for file in files)
            raise UserError(
                f"{place}: {told} may be {split or 'the boxes'}: say which, "
                "path: {train: …, test: …}"
            )
    if len(by_split) > 1 and "" in by_split:
        raise UserError(
            f"{place}: it is not clear which split {by_split[''][0].name} is: say so, "
            "path: {train: …, test: …}"
        )
    return {split: read_coco(files[0]) for split, files in by_split.items()}


def _to_train_and_test(
    place: Path, splits: dict[str, list[Annotation]]
) -> dict[str, list[Annotation]]:
    whole = splits.get("") or ([] if len(splits) > 1 else splits.get("train", []))
    if whole:
        root = place if place.is_dir() else place.parent
        named = {os.path.relpath(each.image, root): each for each in whole}
        cut = cut_names(str(place), list(named), ("train", "test"), (0.0, _TEST_FRACTION), "images")
        return {split: [named[name] for name in names] for split, names in cut.items()}
    test = splits.get("test") or splits.get("validation")
    if "train" not in splits or not test:
        raise UserError(
            f"{place}: boxes need images to train on and to test on; there is "
            f"{' and '.join(sorted(splits))}: say which they are, path: {{train: …, test: …}}"
        )
    return {"train": splits["train"], "test": test}
