"""A folder of image files as a data set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np

from kssl.data.finding import MEMORY_BUDGET, Dataset, check_shares, check_split, find_file
from kssl.data.folder import Folder, read_folder
from kssl.data.pixels import decode
from kssl.errors import UserError

_THREADS = 8  # PIL lets go of Python's lock while it decodes and resizes


def images(
    split: str,
    path: str,
    size: int = 32,
    channels: Literal[1, 3] = 3,
    labels: bool | Literal["auto"] = "auto",
    broken_share: float = 0.05,
    shares: Sequence[float] = (0.1, 0.1),
) -> Dataset:
    """A folder of image files, with its sub-folders.

    JPEG, PNG, BMP, GIF (first frame), WebP and TIFF. Each image is turned as its EXIF note says,
    put on white where it is transparent, resized with antialiasing so that its shorter side is
    `size`, and cut to the square in the middle.

    Which split a file is in follows from its name alone, so that adding files moves no other
    (but in folders so small that a split would be empty). A folder with `train`, `validation`
    (or `val`, …) and `test` sub-folders is split by them.

    Args:
        split: `train`, `validation` or `test`.
        path: The folder; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`.
        size: Height and width of the result, in pixels.
        channels: 3 for colour, 1 for grey.
        labels: Whether the sub-folder's name is the class; `auto`: if every image is in one,
            and there are at least two.
        broken_share: A file that cannot be decoded is named in a warning and left out; it is an
            error when more than this share of a split are (one is always forgiven, unless 0).
        shares: Shares of the files for validation and for test.

    Returns:
        A dataset of `{"image": uint8 (size, size, channels)}`, with `"label": int64 ()` if there
        are labels; `class_names(path)` says which class a number is. In the order of the names.
        A split that takes less than 1 GiB is held in memory, a larger one is read as it goes.

    Raises:
        UserError: There is no such folder, it has no images, or too many are broken.

    Example:
        >>> dataset = images("train", "photos/", size=64)
    """
    import tensorflow as tf

    check_split(split)
    _check(size, channels, labels, broken_share, shares)
    folder = read_folder(find_file(path), (shares[0], shares[1]))
    chosen = folder.splits[split]
    classes = folder.classes(labels)

    def load(file: Path) -> np.ndarray:
        return decode(file, size, channels)

    in_memory = len(chosen) * size * size * channels <= MEMORY_BUDGET
    pictures, good = _decode_all(chosen, load, keep=in_memory)
    _report_broken(chosen, good, broken_share, folder, split)
    files = [file for file, fine in zip(chosen, good, strict=True) if fine]
    features = {}
    if classes is not None:
        numbers = {name: number for number, name in enumerate(classes)}
        features["label"] = np.array([numbers[folder.class_of(file)] for file in files], np.int64)
    if in_memory:
        features = {"image": np.stack([p for p in pictures if p is not None]), **features}
        return tf.data.Dataset.from_tensor_slices(features)
    return _streamed(files, features, load, (size, size, channels))


def class_names(path: str, labels: bool | Literal["auto"] = "auto") -> list[str]:
    """The classes of a folder of images, in the order of their numbers; none without labels.

    Args:
        path: The folder, as `images` takes it.
        labels: As `images` takes it.

    Example:
        >>> class_names("animals/")
        ['cat', 'dog']
    """
    return read_folder(find_file(path)).classes(labels) or []


def _check(
    size: int, channels: int, labels: object, broken_share: float, shares: Sequence[float]
) -> None:
    if size < 1:
        raise UserError(f"images: size {size} is not 1 or more")
    if channels not in (1, 3):
        raise UserError(f"images: channels {channels} is neither 1 (grey) nor 3 (colour)")
    if labels not in (True, False, "auto"):
        raise UserError(f"images: labels {labels!r} is none of true, false and auto")
    if not 0 <= broken_share <= 1:
        raise UserError(f"images: broken_share {broken_share} is not between 0 and 1")
    if len(shares) != 2:
        raise UserError(f"images: shares {list(shares)} is not [validation, test]")
    check_shares(validation=shares[0], test=shares[1])


def _decode_all(
    files: list[Path], load: Callable[[Path], np.ndarray], keep: bool
) -> tuple[list[np.ndarray | None], list[bool]]:
    """Decode every file once; the pictures (if kept), and which could be decoded."""

    def attempt(file: Path) -> tuple[np.ndarray | None, bool]:
        try:
            picture = load(file)
        except Exception:  # a damaged file makes decoders fail in any way
            return None, False
        return (picture if keep else None), True

    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(pool.map(attempt, files))
    return [picture for picture, _ in results], [good for _, good in results]


def _report_broken(
    files: list[Path], good: list[bool], broken_share: float, folder: Folder, split: str
) -> None:
    broken = [folder.name_of(file) for file, fine in zip(files, good, strict=True) if not fine]
    if not broken:
        return
    names = ", ".join(broken[:5]) + (", …" if len(broken) > 5 else "")
    said = f"{len(broken)} of {len(files)} images of split '{split}' cannot be decoded: {names}"
    allowed = max(1, int(broken_share * len(files))) if broken_share else 0
    if len(broken) > allowed or len(broken) == len(files):
        raise UserError(
            f"{folder.path}: {said}. More than broken_share={broken_share} are broken: mend or "
            "remove them, or raise it"
        )
    logging.getLogger("kssl").warning("%s: %s; left out", folder.path, said)


def _streamed(
    files: list[Path],
    features: dict[str, np.ndarray],
    load: Callable[[Path], np.ndarray],
    shape: tuple[int, int, int],
) -> Dataset:
    import tensorflow as tf

    def read(name: bytes) -> np.ndarray:
        return load(Path(name.decode()))

    def add_image(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        rest = dict(example)
        picture = tf.numpy_function(read, [rest.pop("file")], tf.uint8)
        return {"image": tf.ensure_shape(picture, shape), **rest}

    names = tf.data.Dataset.from_tensor_slices({"file": [str(file) for file in files], **features})
    return names.map(add_image, num_parallel_calls=_THREADS, deterministic=True)
