"""NumPy files as data sets: `.npz` and `.npy`, never pickles."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.builders.built import Built
from kssl.data.builders.examples import found
from kssl.data.builders.place import Place, opened
from kssl.data.description import described
from kssl.data.files.array_names import Table, table_of
from kssl.data.from_arrays import Change, Dataset, serve
from kssl.data.sources.tfds import read_features
from kssl.data.splitting import check_split, piece, shuffled, sizes
from kssl.errors import UserError
from kssl.system.memory import require

_BLOCK = 4096  # examples that are looked at at a time


_CHANNELS = (1, 2, 3, 4)


def arrays(
    split: str,
    path: Place,
    keys: Mapping[str, Any] | None = None,
    packed_shape: Sequence[int] | None = None,
    validation: float = 0.1,
    test: float = 0.1,
) -> Dataset:
    """Arrays from a `.npz` or `.npy` file; the first axis counts the examples.

    Which array is what is read off the names: `train`, `valid` or `test` in a name says which
    split, `x`, `images`, `y`, `labels` and the like say which feature (`x_train`, `test_labels`,
    `valid_packed`). A lone array is the image. `keys` says it where the names do not:

    - `{train: a, validation: b, test: c}`: the image array of each split;
    - `{train: {image: a, label: b}, test: {…}}`: the arrays of each split by feature;
    - `{image: a, label: b}`: arrays by feature, not split in the file.

    Splits that the file does not have are cut from its train split, or from all of it, in an
    order that is random but always the same. A `.npy` file of more than 1 GiB is mapped and read as
    it goes; a `.npz` file must fit in memory.

    Args:
        split: `train`, `validation` or `test`.
        path: The file; a relative path is tried in the current folder, then in `KSSL_DATA_DIR`.
            With `{file: …, tfds: binarized_mnist}` it may be lacking: then the data set of
            tensorflow-datasets is read, as `tfds` reads it, and `keys` and `packed_shape`, which
            are of the file, do not matter.
        keys: Which array is what; see above.
        packed_shape: Shape of one image when its row holds bits packed by `numpy.packbits`, such
            as `[28, 28, 1]`. Bits become uint8 0 and 255, so that `to_float` makes 0.0 and 1.0.
        validation: Fraction of the examples for validation, where the file has no such split.
        test: Fraction for test, where the file has no such split.

    Returns:
        A dataset of `{"image": …, "label": int64 ()}`, with other features if `keys` names any,
        and without `label` if there is none. Images of `(n, height, width)` get a channel axis;
        bool becomes uint8 0 and 255; other types are not changed.

    Raises:
        UserError: The file is missing, unreadable or pickled; an array is missing, or lengths
            disagree, or values are not finite. The message names the arrays that are there.

    Example:
        >>> np.savez("faces.npz", images=np.zeros((50, 32, 32), np.uint8))
        >>> arrays("train", "faces.npz").cardinality().numpy().item()
        40
    """
    check_split(split)
    file = opened(path, "arrays")
    if isinstance(file, Built):
        return _of_built(file, split, (validation, test))
    with _Opened(file) as content:
        table = table_of(content.names(), keys, file.name, packed=packed_shape is not None)
        names = table.get(split) or table.get("train") or table["all"]
        found = {feature: content.read(name) for feature, name in names.items()}
    _check_lengths(found, names, file)
    fractions = {"validation": validation, "test": test}
    rows = _rows(len(found["image"]), table, split, fractions)
    changes = {}
    for feature, array in found.items():
        where = f"{file}: the array '{names[feature]}'" if names[feature] else f"{file}"
        _check(feature, array, packed_shape, where)
        _check_finite(array, where)
        if feature == "image" and packed_shape is None:
            _check_axes(array.shape[1:], where, split)
        changes[feature] = _change(feature, packed_shape)
    return described(serve(found, rows, changes), names=[str(row) for row in rows])


def _of_built(built: Built, split: str, held_out: tuple[float, float]) -> Dataset:
    built.check_keys(("image", "label"))
    label = built.label()
    keys = {"image": built.of_kind("image", ("image",))} | ({"label": label} if label else {})
    instructions = built.instructions(held_out)
    dataset = read_features(built.builder, instructions[split], keys, built.where)
    return described(dataset, found=found(built, "images", tuple(instructions.items()), label))


class _Opened:
    """A NumPy file, whose arrays are read one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: Any = None

    def __enter__(self) -> _Opened:
        try:
            mode = "r" if self.path.suffix == ".npy" else None
            self.content = np.load(self.path, mmap_mode=mode, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{self.path} cannot be read: {_why(error)}") from error
        except Exception as error:  # zipfile has its own errors for damaged archives
            raise UserError(f"{self.path} is damaged: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.content, np.lib.npyio.NpzFile):
            self.content.close()

    def names(self) -> list[str]:
        """What the file holds; a `.npy` file holds one array without a name."""
        return [""] if isinstance(self.content, np.ndarray) else list(self.content.files)

    def read(self, name: str) -> np.ndarray:
        if isinstance(self.content, np.ndarray):
            return self.content
        self._require_memory(name)
        try:
            array: np.ndarray = self.content[name]
        except Exception as error:  # damaged archives fail in many ways
            message = f"{self.path}: the array '{name}' cannot be read: {_why(error)}"
            raise UserError(message) from error
        if not isinstance(array, np.ndarray):
            raise UserError(f"{self.path}: '{name}' is not a NumPy array")
        return array

    def _require_memory(self, name: str) -> None:
        parts = {part.filename: part.file_size for part in self.content.zip.infolist()}
        require(
            parts.get(f"{name}.npy", parts.get(name, 0)),
            f"{self.path}: the array '{name}', which a .npz file holds as a whole (an array in a "
            ".npy file of its own is read in blocks),",
        )


def _why(error: Exception) -> str:
    text = str(error)
    if "pickle" in text:
        return (
            "it holds Python objects, which kssl does not load because that can run any code; "
            "save plain arrays of one type and shape"
        )
    return text or type(error).__name__


def _rows(count: int, table: Table, split: str, fractions: dict[str, float]) -> np.ndarray:
    """Which rows of the arrays that were read are the split's."""
    if split != "train" and split in table:
        return np.arange(count)
    parts = sizes(count, **{name: fractions[name] for name in fractions if name not in table})
    return piece(shuffled(count), parts, split)


def _check_lengths(found: dict[str, np.ndarray], names: dict[str, str], file: Path) -> None:
    lengths = {feature: len(array) if array.ndim else -1 for feature, array in found.items()}
    if len(set(lengths.values())) > 1 or min(lengths.values()) < 1:
        given = ", ".join(f"'{names[f]}' {found[f].shape}" for f in found)
        raise UserError(
            f"{file}: the arrays of a split must have the same number of examples, at least 1, "
            f"along their first axis, but there is {given}"
        )


def _check(feature: str, array: np.ndarray, packed_shape: Sequence[int] | None, where: str) -> None:
    given = f"but it has the type {array.dtype} and the shape {array.shape}"
    if array.dtype.kind not in "buif":
        raise UserError(f"{where} must hold numbers, {given}")
    if feature == "label":
        flat = array.ndim == 1 or array.shape[1:] == (1,)
        if not flat or (array.dtype.kind == "f" and not bool(np.all(np.mod(array, 1) == 0))):
            raise UserError(
                f"{where} is used as labels, which are one whole number per example, {given}; "
                "name other arrays with keys"
            )
    if feature == "image" and packed_shape is not None:
        bits = math.prod(packed_shape)
        width = -(-bits // 8)
        if array.dtype != np.uint8 or array.shape[1:] != (width,):
            raise UserError(
                f"{where} must be (n, {width}) uint8, {given}: packed_shape {list(packed_shape)} "
                f"is {bits} bits, which are {width} bytes"
            )


def _check_axes(shape: tuple[int, ...], where: str, split: str) -> None:
    """Refuse pictures whose channels come first; warn of pictures that are rows of numbers."""
    if len(shape) == 3 and shape[0] in _CHANNELS and min(shape[1:]) > max(_CHANNELS):
        raise UserError(
            f"{where} has pictures of the shape {shape}, with the channels first: kssl reads "
            "(height, width, channels), which numpy.moveaxis(array, 1, -1) makes of it"
        )
    sides = [(math.isqrt(math.prod(shape) // each), each) for each in (1, 3)]
    side = [(side, each) for side, each in sides if shape == (side * side * each,) and side >= 8]
    if side and split == "train":
        logging.getLogger("kssl").warning(
            "%s has rows of numbers: if they are pictures, array.reshape(-1, %d, %d, %d) says so",
            where,
            side[0][0],
            *side[0],
        )


def _change(feature: str, packed_shape: Sequence[int] | None) -> Change:
    """How a block of a feature's rows is converted."""
    if feature == "label":
        return lambda rows: rows.reshape(len(rows)).astype(np.int64)
    if feature != "image":
        return lambda rows: rows
    if packed_shape is None:
        return _with_channels
    return lambda rows: _unpacked(rows, packed_shape)


def _with_channels(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.bool_:
        images = images.astype(np.uint8) * np.uint8(255)
    return images[..., None] if images.ndim == 3 else images  # (n, height, width, channels)


def _unpacked(rows: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Bits `(n, bytes)` -> uint8 0 and 255, `(n, *shape)`."""
    bits = np.unpackbits(rows, axis=1, count=math.prod(shape))
    bits *= np.uint8(255)
    return bits.reshape(len(rows), *shape)


def _check_finite(array: np.ndarray, where: str) -> None:
    if array.dtype.kind != "f":
        return
    for start in range(0, len(array), _BLOCK):
        bad = ~np.isfinite(array[start : start + _BLOCK])
        if bad.any():
            first = start + int(np.argwhere(bad)[0][0])
            raise UserError(
                f"{where} has NaN or infinite values, the first in example {first}: fill them or "
                "leave those examples out"
            )
