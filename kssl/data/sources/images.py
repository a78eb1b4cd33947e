"""A folder of image files as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kssl.data.builders.built import Built
from kssl.data.builders.examples import Reading, fitted
from kssl.data.builders.place import Place, opened, refuse_settings
from kssl.data.description import described
from kssl.data.files.decode import Block, Files, check_broken_fraction, read_files
from kssl.data.files.folder import Folder, Labels, read_folder, readable
from kssl.data.files.image import decode
from kssl.data.files.levels import check_levels, levels_of
from kssl.data.from_arrays import MEMORY_BUDGET, Dataset
from kssl.data.locate import find_file
from kssl.data.splitting import check_split, check_two_fractions
from kssl.errors import UserError
from kssl.moved import renamed


@renamed(broken_share="broken_fraction", shares="fractions")
def images(
    split: str,
    path: Place,
    size: int = 32,
    channels: Literal[1, 3] = 3,
    labels: Labels = "auto",
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
    levels: float | None = None,
) -> Dataset:
    """A folder of image files, with its sub-folders.

    JPEG, PNG, BMP, GIF (first frame), WebP, TIFF, PNM, TGA, and AVIF and JPEG 2000 where Pillow
    has them; other files are counted. Each image is turned as its EXIF note says, put on white
    where it is transparent, resized with antialiasing so that its shorter side is `size`, and cut
    to the square in the middle.

    Which split a file is in follows from its name alone, so that adding files moves no other
    (but in folders so small that a split would be empty). A folder with `train`, `validation`
    (or `val`, `dev`, …) and `test` sub-folders is split by them; what lies beside them is left
    out. What was understood is under `found` of `kssl.data.describe`.

    Args:
        split: `train`, `validation` or `test`.
        path: The folder; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`. Or a data set of tensorflow-datasets, `{tfds: oxford_flowers102}`: the
            feature that is an image, and `label`, or what `keys: {image: …, label: …}` names.
        size: Height and width of the result, in pixels.
        channels: 3 for colour, 1 for grey.
        labels: Whether the sub-folder's name is the class; `auto`: if there are at least two. Or a
            table, such as `labels.csv`, with the columns `file` and `label`. Images without a
            class, and those in a folder called `unlabeled`, are in the training split with the
            label -1, which means none; probes see only those that have one. With `auto`, fewer than
            5 % in no class are left out, and fewer than 5 % in classes are no labels.
        broken_fraction: A file that cannot be decoded is named in a warning and left out; it is an
            error when more than this fraction of a split are (one is always forgiven, unless 0).
        fractions: Fractions of the files for validation and for test.
        levels: Which value is white in pictures of more than 8 bits, grey or in colour: 65535 for
            16 bits, 4095 for 12, 1.0 for floats. Without it the highest value of 8, 10, 12, … bits
            that holds the brightest of up to 256 pictures, one for all splits, said in a warning.
            A picture with a value above it is broken.

    Returns:
        A dataset of `{"image": uint8 (size, size, channels)}`, with `"label": int64 ()` if there
        are labels; `class_names(path)` says which class a number is. In the order of the names.
        A split that takes less than 1 GiB is held in memory, a larger one is read as it goes.

    Raises:
        UserError: There is no such folder, it has no images, it is not clear which are to be
            trained on, or too many are broken.

    Example:
        >>> dataset = images("train", "photos/", size=64)
    """
    check_split(split)
    _check(size, channels, labels, broken_fraction, fractions)
    check_levels("images", levels)
    place = opened(path, "images")
    if isinstance(place, Built):
        refuse_settings("images", place, labels=labels, levels=levels)
        two, used = (fractions[0], fractions[1]), labels is not False
        reading = Reading(place, split, "images", two, broken_fraction, used)
        return _of_builder(place, reading, size, channels)
    folder = _listed(place, labels, fractions)
    chosen = folder.splits[split]
    every = sorted(file for files in folder.splits.values() for file in files)
    white = levels_of(folder.path, every, levels)

    def load(item: int) -> Block:
        return {"image": decode(chosen[item], size, channels, white)[None]}

    files = Files(
        names=[folder.name_of(file) for file in chosen],
        load=load,
        features=folder.labels_of(chosen, labels),
        where=str(folder.path),
        what="images",
        split=split,
    )
    found, names = folder.told(labels), folder.classes(labels)
    dataset = read_files(files, broken_fraction, MEMORY_BUDGET)
    return described(dataset, class_names=names, found=found)


def _of_builder(place: Built, reading: Reading, size: int, channels: int) -> Dataset:
    """The images of a data set of tensorflow-datasets."""
    place.check_keys(("image", "label"))
    wanted = {"image": place.of_kind("image", ("image",))}
    return reading.dataset(wanted, lambda each: {"image": fitted(each["image"], size, channels)})


def list_images(
    path: str, labels: Labels = "auto", fractions: Sequence[float] = (0.1, 0.1)
) -> Folder:
    """The image files of a folder with their splits and classes; none is opened."""
    return _listed(find_file(path), labels, fractions)


def _listed(place: Path, labels: Labels, fractions: Sequence[float]) -> Folder:
    return read_folder(place, (fractions[0], fractions[1]), readable(), labels=labels)


def class_names(path: str, labels: Labels = "auto") -> list[str]:
    """The classes of a folder of images, in the order of their numbers; none without labels.

    Args:
        path: The folder, as `images` takes it.
        labels: As `images` takes it.

    Example:
        >>> class_names("animals/")
        ['cat', 'dog']
    """
    return list_images(path, labels).classes(labels) or []


def _check(
    size: int, channels: int, labels: object, broken_fraction: float, fractions: Sequence[float]
) -> None:
    if size < 1:
        raise UserError(f"images: size {size} is not 1 or more")
    if channels not in (1, 3):
        raise UserError(f"images: channels {channels} is neither 1 (grey) nor 3 (colour)")
    if not isinstance(labels, (bool, str)):
        told = f"images: labels {labels!r} is none of true, false, auto and the name of a table"
        raise UserError(told)
    check_broken_fraction("images", broken_fraction)
    check_two_fractions("images", fractions)
