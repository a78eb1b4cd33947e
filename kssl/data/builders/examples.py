"""Examples of a data set of tensorflow-datasets, made what a source of that kind gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kssl.data.builders.built import Built, Example
from kssl.data.description import UNLABELLED, described
from kssl.data.files.decode import Block, Broken, report_broken
from kssl.data.files.image import fit
from kssl.data.files.tell import classes_line, splits_line
from kssl.data.from_arrays import MEMORY_BUDGET, Dataset
from kssl.data.splitting import SPLITS
from kssl.errors import UserError


@dataclass(frozen=True)
class Reading:
    """What is read of a data set, and how.

    Attributes:
        built: The data set.
        split: Which split.
        what: How the examples are called, in the plural.
        fractions: For validation and for test, where they are no splits of its own.
        broken_fraction: Largest fraction of the examples that may be unusable.
        with_label: Whether labels are read, if there are any.
    """

    built: Built
    split: str
    what: str
    fractions: tuple[float, float]
    broken_fraction: float
    with_label: bool = True

    def dataset(self, wanted: Mapping[str, str], load: Callable[[Example], Block]) -> Dataset:
        """Read every example once; hold them if they fit, else read them as they are used.

        Args:
            wanted: Key -> feature of what `load` takes, without the label.
            load: Makes examples of one of the data set, as those of a file are made.

        Raises:
            UserError: Too many are broken, or a feature is not what it should be.
        """
        label = self.built.label() if self.with_label else None
        features = {**wanted, **({"label": label} if label else {})}
        instructions = self.built.instructions(self.fractions)
        blocks = _Blocks(self, instructions[self.split], features, load)
        first = blocks.look()
        names = self.built.class_names(label)
        dataset = blocks.held() if blocks.bytes <= MEMORY_BUDGET else blocks.streamed(first)
        return described(
            dataset,
            class_names=names,
            names=[f"number {number}" for number, count in blocks.counts for _ in range(count)],
            found=found(self.built, self.what, tuple(instructions.items()), label),
        )


@functools.lru_cache(maxsize=1)  # for the three splits of a recipe
def found(
    built: Built, what: str, parts: tuple[tuple[str, str], ...], label: str | None
) -> tuple[str, str, str]:
    """What was found, in three lines, as of files: what there is, the splits, the classes.

    Args:
        built: The data set.
        what: How its examples are called.
        parts: What is read for each split.
        label: The feature of classes.
    """
    instructions = dict(parts)
    sizes = {split: built.count(instructions[split]) for split in SPLITS}
    names = built.class_names(label) or ()
    classes = {
        split: [_name(number, names) for number in _numbers(built, instructions[split], label)]
        for split in SPLITS
    }
    left = built.unused(instructions.values())
    return (
        f"{sum(sizes.values()):,} {what} in {built.where}"
        + f"; left out: its splits {', '.join(left)}" * bool(left),
        splits_line(sizes, {split: [each] for split, each in instructions.items()}, ""),
        classes_line(classes) if label else "no labels: it has no feature 'label'",
    )


def _numbers(built: Built, instruction: str, label: str | None) -> Iterator[int]:
    if label is not None:
        for example in built.read(instruction, {"label": label}):
            yield int(example["label"])


def _name(number: int, names: Any) -> str:
    if number == UNLABELLED and names:
        return ""
    return names[number] if names else str(number)


class _Blocks:
    """The examples of a split, block by block; a broken one is left out."""

    def __init__(
        self,
        reading: Reading,
        instruction: str,
        features: Mapping[str, str],
        load: Callable[[Example], Block],
    ) -> None:
        self.reading, self.instruction = reading, instruction
        self.features, self.load = features, load
        self.bytes = 0
        self.kept: list[Block] = []
        self.counts: list[tuple[int, int]] = []  # number of an example, and what was made of it
        self.broken: list[tuple[int, str]] = []

    def look(self) -> Block:
        """Read everything once, and return the first block.

        Raises:
            UserError: Too many are broken.
        """
        total, first = 0, None
        for number, example in self._examples():
            total += 1
            try:
                block = self._block(example)
            except Broken as error:
                self.broken.append((number, str(error)))
                continue
            first = first or block
            self.bytes += sum(array.nbytes for array in block.values())
            self.counts.append((number, len(next(iter(block.values())))))
            self.kept.append(block)
            if self.bytes > MEMORY_BUDGET:
                self.kept.clear()
        where, what = (
            self.reading.built.where,
            f"{self.reading.what} of split '{self.reading.split}'",
        )
        named = [(f"number {number}", why) for number, why in self.broken]
        report_broken(where, what, named, total, self.reading.broken_fraction)
        if first is None:
            raise UserError(f"{where}: its split '{self.instruction}' has no {self.reading.what}")
        return first

    def held(self) -> Dataset:
        """All that was read, in memory."""
        import tensorflow as tf

        columns = {key: np.concatenate([each[key] for each in self.kept]) for key in self.kept[0]}
        with tf.device("cpu"):
            return tf.data.Dataset.from_tensor_slices(columns)

    def streamed(self, first: Block) -> Dataset:
        """Read again each time."""
        import tensorflow as tf

        without = {number for number, _ in self.broken}

        def blocks() -> Iterator[Block]:
            return (self._block(each) for number, each in self._examples() if number not in without)

        signature = {
            key: tf.TensorSpec((None, *array.shape[1:]), _type(array))
            for key, array in first.items()
        }
        dataset = tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch()
        count = sum(made for _, made in self.counts)
        return dataset.apply(tf.data.experimental.assert_cardinality(count))

    def _examples(self) -> Iterator[tuple[int, Example]]:
        return enumerate(self.reading.built.read(self.instruction, self.features))

    def _block(self, example: Example) -> Block:
        label = example.pop("label", None)
        block = self.load(example)
        if label is not None:
            block["label"] = np.full(len(next(iter(block.values()))), label, np.int64)
        return block


def bytes_of(pixels: np.ndarray) -> np.ndarray:
    """The pixels of a picture or film, if they are bytes, in 1 or 3 channels.

    Raises:
        UserError: They are something else.
    """
    if pixels.dtype != np.uint8 or pixels.shape[-1] not in (1, 3):
        raise UserError(
            f"pictures of tensorflow-datasets are read as uint8 with 1 or 3 channels, but these "
            f"are {pixels.dtype} with {pixels.shape[-1]}: read them with use: tfds"
        )
    return pixels


def fitted(pixels: np.ndarray, size: int, channels: int) -> np.ndarray:
    """A picture as a square, made as `kssl.data.images` makes it: `(1, size, size, channels)`."""
    from PIL import Image

    given = bytes_of(pixels)
    image = Image.fromarray(given[..., 0] if given.shape[-1] == 1 else given)
    return fit(image, size, size, channels)[None]


def _type(array: np.ndarray) -> Any:
    return "string" if array.dtype.kind in "OSU" else array.dtype
