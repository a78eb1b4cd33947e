"""Tiny ImageNet: a box for each image in lines of text, pixels from 0, the last one included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kssl.data.boxes.marked import Annotation, Object
from kssl.errors import UserError

VALIDATION = "val/val_annotations.txt"


def is_tiny_imagenet(folder: Path) -> bool:
    """Whether a folder is laid out as Tiny ImageNet."""
    return (folder / VALIDATION).is_file() and any(folder.glob("train/*/*_boxes.txt"))


def read_tiny_imagenet(folder: Path) -> dict[str, list[Annotation]]:
    """Read `train/<class>/<class>_boxes.txt` and `val/val_annotations.txt`, by split.

    The images of its test split have no boxes.

    Raises:
        UserError: A line cannot be read, or its image is not there.
    """
    train = []
    for table in sorted(folder.glob("train/*/*_boxes.txt")):
        name = table.parent.name
        for source, line in _lines(table, 5):
            train.append(_annotation(table.parent / "images" / line[0], source, name, line[1:]))
    table = folder / VALIDATION
    validation = [
        _annotation(table.parent / "images" / line[0], source, line[1], line[2:])
        for source, line in _lines(table, 6)
    ]
    return {"train": train, "validation": validation}


def _lines(table: Path, count: int) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(table.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        if len(parts := line.split()) != count:
            raise UserError(
                f"{table}, line {number} has {len(parts)} fields, and Tiny ImageNet's have {count}"
            )
        yield f"{table}, line {number}", parts


def _annotation(image: Path, source: str, name: str, said: list[str]) -> Annotation:
    if not image.is_file():
        raise UserError(f"{source}: there is no image {image}: add it, or take the line out")
    try:
        left, top, right, bottom = map(float, said)
    except ValueError as error:
        raise UserError(f"{source}: a box is four numbers, got {' '.join(said)}") from error
    return Annotation(image, source, (Object(name, (left, top, right + 1, bottom + 1)),))
