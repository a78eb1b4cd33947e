"""What all layouts of boxes become: images, and boxes in fractions of their sides, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kssl.data.description import warn_once
from kssl.data.files.decode import Broken
from kssl.data.files.image import decode_whole, size_of
from kssl.errors import UserError, nearest

_BEYOND = 1.0  # pixels: tools count from 0 or from 1, and round


@dataclasses.dataclass(frozen=True)
class Object:
    """A thing on an image.

    Attributes:
        name: Its class.
        corners: `left, top, right, bottom` in pixels from the image's corner: right and bottom are
            where the object ends, so that the box of one pixel is 1 wide.
        ignored: Whether it is neither to be found nor wrong to find: difficult, or a crowd.
    """

    name: str
    corners: tuple[float, float, float, float]
    ignored: bool = False


@dataclasses.dataclass(frozen=True)
class Annotation:
    """What a file says of one image.

    Attributes:
        image: The image.
        source: The file that says it, for messages; with the line, or the number, of many in one.
        objects: What is on the image; nothing is an image of background alone.
        size: Width and height that the file says, or None.
    """

    image: Path
    source: str
    objects: tuple[Object, ...]
    size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The images of a split with what is on them; nothing is decoded yet.

    Attributes:
        where: The file or folder.
        files: The images.
        upright: Which images are to be turned as their EXIF note says, bool `(images,)`.
        boxes: Of each image `(objects, 4)` float32: left, top, right, bottom in fractions of the
            width and the height, so that they hold at any size that the image is brought to.
        classes: Of each image `(objects,)`: places in `names`.
        ignored: Of each image `(objects,)` bool: what is neither to be found nor wrong to find.
        names: The classes.
    """

    where: str
    files: Sequence[Path]
    upright: np.ndarray
    boxes: Sequence[np.ndarray]
    classes: Sequence[np.ndarray]
    ignored: Sequence[np.ndarray]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.files)

    def image(self, row: int, height: int, width: int, channels: int) -> np.ndarray:
        """Return an image as uint8 `(height, width, channels)`, each side stretched by itself.

        Raises:
            UserError: It cannot be decoded.
        """
        file = self.files[row]
        try:
            return decode_whole(file, height, width, channels, bool(self.upright[row]))
        except Broken as error:
            raise UserError(f"{file} cannot be read: {error}; take it out of the data") from None


def checked(
    where: str, annotations: Sequence[Annotation], names: Sequence[str] | None = None
) -> Boxes:
    """Check what files say of images, and bring boxes to fractions of the images' sides.

    A box may reach a pixel beyond its image, since some tools count pixels from 0 and some from 1;
    it is cut there. One without any area is left out, with a warning.

    Args:
        where: The file or folder, for messages.
        annotations: Of each image.
        names: The classes that there may be; None takes those that there are.

    Raises:
        UserError: There is no box at all, an image cannot be read or is of another size than the
            file says, a box is outside of its image, or a class is not among `names`.
    """
    own = sorted({each.name for one in annotations for each in one.objects})
    if not own:
        raise UserError(
            f"{where}: there is no box in {len(annotations)} images: give annotations of objects"
        )
    number = {name: place for place, name in enumerate(own if names is None else names)}
    empty: list[str] = []
    rows = [_row(each, number, empty) for each in annotations]
    if empty:
        few = ", ".join(empty[:3]) + ", …" * (len(empty) > 3)
        warn_once(f"{where}: {len(empty)} boxes without width or height are left out: {few}")
    upright, boxes, classes, ignored, thin = zip(*rows, strict=True)
    if sum(thin):
        warn_once(
            f"{where}: {sum(thin)} boxes are a pixel wide or high; perhaps they were clicks. They "
            "are kept, and hardly ever found"
        )
    files = [each.image for each in annotations]
    return Boxes(where, files, np.array(upright), boxes, classes, ignored, list(number))


def _row(
    annotation: Annotation, number: dict[str, int], empty: list[str]
) -> tuple[bool, np.ndarray, np.ndarray, np.ndarray, int]:
    """Whether it is turned, boxes, classes, what is ignored, how many boxes are a pixel thin."""
    (width, height), upright = _size(annotation)
    scale = np.array([width, height, width, height], np.float64)
    boxes, classes, ignored, thin = [], [], [], 0
    for each in annotation.objects:
        if each.name not in number:
            raise UserError(
                f"{annotation.source}: an object is of class {each.name!r}, which no training "
                "image has: correct the name, add images of it to train, or take the object out"
                f"{nearest(each.name, number)}"
            )
        corners = _cut(annotation, each, width, height)
        sides = corners[2:] - corners[:2]
        if sides.min() <= 0:
            empty.append(f"{each.name} in {annotation.source}")
            continue
        thin += bool(sides.min() <= 1 < min(width, height))
        boxes.append(corners / scale)
        classes.append(number[each.name])
        ignored.append(each.ignored)
    found = np.array(boxes, np.float32).reshape(-1, 4)
    return upright, found, np.array(classes, np.int64), np.array(ignored, bool), thin


def _cut(annotation: Annotation, each: Object, width: int, height: int) -> np.ndarray:
    left, top, right, bottom = each.corners
    said = (
        f"{annotation.source}: the box of {each.name!r}, pixels {left:g} to {right:g} across and "
        f"{top:g} to {bottom:g} down,"
    )
    if right < left or bottom < top:
        raise UserError(f"{said} ends before it begins: correct it, or take the object out")
    most = max(-left, -top, right - width, bottom - height)
    if not most <= _BEYOND:  # nor is a number that is none
        raise UserError(
            f"{said} is outside of its image {annotation.image.name}, {width} x {height} pixels: "
            "correct it, or take the object out"
        )
    return np.clip(np.array(each.corners, np.float64), 0, [width, height, width, height])


def _size(annotation: Annotation) -> tuple[tuple[int, int], bool]:
    """Width and height of the image that the boxes are of, and whether that is the turned one."""
    try:
        stored, turned = size_of(annotation.image)
    except Broken as error:
        raise UserError(
            f"{annotation.source}: its image {annotation.image} cannot be read: {error}"
        ) from None
    told = annotation.size or turned
    if told not in (stored, turned):
        raise UserError(
            f"{annotation.source}: it is of an image of {told[0]} x {told[1]} pixels, and "
            f"{annotation.image} has {stored[0]} x {stored[1]}: give the image that the boxes were "
            "drawn on, or scale them and correct the size"
        )
    return told, told == turned
