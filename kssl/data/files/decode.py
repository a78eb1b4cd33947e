"""Files that are decoded one by one: what is broken is named, counted and left out."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from kssl.data.description import described
from kssl.data.from_arrays import Dataset
from kssl.errors import UserError, first_line

_THREADS = 8  # decoders let go of Python's lock while they work

Block = dict[str, np.ndarray]  # feature -> (examples, …)


class Broken(Exception):
    """A file cannot be used: the message says why, in words for the one who has it."""


@dataclass(frozen=True)
class Files:
    """What a source reads, item by item.

    Attributes:
        names: How each item is spoken of.
        load: Returns the examples of an item, by its number: each feature `(examples, …)`, of
            the same shape and type for every item but for the number of examples.
        features: What is known of each item without reading it, such as `label`: `(items,)`.
        where: The folder or file, for messages.
        what: What the items are, in the plural, for messages: `images`.
        split: The split that they belong to.
    """

    names: Sequence[str]
    load: Callable[[int], Block]
    features: Mapping[str, np.ndarray]
    where: str
    what: str
    split: str


def read_files(files: Files, broken_fraction: float, budget: int) -> Dataset:
    """Decode every item once, leave out what is broken, and make a dataset of the rest.

    Args:
        files: What is read.
        broken_fraction: Largest fraction of the items that may be broken (one is always forgiven,
            unless 0).
        budget: Bytes up to which the examples are held in memory; more are decoded again each
            time they are used.

    Returns:
        A dataset of dicts of known shapes and size, in the order of the items.

    Raises:
        UserError: More than the fraction, or all, are broken.
    """
    attempts = _Attempts(files.load, budget)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(attempts, range(len(files.names))))
    broken = [(files.names[item], why) for item, why in sorted(attempts.broken.items())]
    what = f"{files.what} of split '{files.split}'"
    report_broken(files.where, what, broken, len(files.names), broken_fraction)
    good = [item for item in range(len(files.names)) if item not in attempts.broken]
    names = [files.names[item] for item in good for _ in range(attempts.counts[item])]
    make = _held if attempts.bytes <= budget else _streamed
    return described(make(files, good, attempts), names=names)


def check_broken_fraction(name: str, broken_fraction: float) -> None:
    """Raise a UserError unless this is a fraction."""
    if not 0 <= broken_fraction <= 1:
        raise UserError(f"{name}: broken_fraction {broken_fraction} is not between 0 and 1")


def report_broken(
    where: str, what: str, broken: Sequence[tuple[str, str]], count: int, broken_fraction: float
) -> None:
    """Warn of what is broken, by kinds, or raise when it is too much.

    Args:
        where: The folder or file.
        what: What the items are, in the plural.
        broken: How each broken item is spoken of, and why it is broken.
        count: How many items there are in all.
        broken_fraction: Largest fraction that may be broken; one always may, unless it is 0.

    Raises:
        UserError: More than the fraction, or all, are broken.
    """
    if not broken:
        return
    names = _by_kind(broken)
    said = f"{len(broken)} of {count} {what} cannot be used"
    allowed = max(1, int(broken_fraction * count)) if broken_fraction else 0
    if len(broken) > allowed or len(broken) == count:
        raise UserError(
            f"{where}: {said}: {names}. More than broken_fraction={broken_fraction} are broken: "
            "repair or remove them, or raise it"
        )
    logging.getLogger("kssl").warning("%s: %s: %s; left out", where, said, names)


def _by_kind(broken: Sequence[tuple[str, str]], most: int = 8) -> str:
    """A few names of each kind, with the reason and how many there are; the commonest first."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, why in broken:
        kinds.setdefault(re.sub(r"\d[\d,.]*", "0", why), []).append((name, why))
    ordered = sorted(kinds.values(), key=len, reverse=True)
    told = []
    for each in ordered[:most]:
        names, reasons = [name for name, _ in each], {why for _, why in each}
        head = f"{len(each)}{', the first' * (len(reasons) > 1)}: " * (len(each) > 1)
        few = ", ".join(names[:3]) + ", …" * (len(names) > 3)
        told.append(f"{few} ({head}{each[0][1]})")
    return ", ".join(told) + ", …" * (len(ordered) > most)


class _Attempts:
    """Loads items and keeps them as long as they fit; safe to call from several threads."""

    def __init__(self, load: Callable[[int], Block], budget: int) -> None:
        self.load = load
        self.budget = budget
        self.bytes = 0
        self.blocks: dict[int, Block] = {}
        self.counts: dict[int, int] = {}
        self.broken: dict[int, str] = {}
        self.lock = threading.Lock()

    def __call__(self, item: int) -> None:
        try:
            block = self.load(item)
        except Broken as error:
            self.broken[item] = str(error)
        except UserError:
            raise
        except Exception as error:  # a damaged file makes decoders fail in any way
            self.broken[item] = first_line(error)
        else:
            self._keep(item, block)

    def _keep(self, item: int, block: Block) -> None:
        with self.lock:
            self.bytes += sum(array.nbytes for array in block.values())
            self.counts[item] = len(next(iter(block.values())))
            if self.bytes <= self.budget or not self.blocks:
                self.blocks[item] = block
            elif len(self.blocks) > 1:  # one stays, for its shapes
                self.blocks = dict([next(iter(self.blocks.items()))])


def _with_features(files: Files, item: int, block: Block) -> Block:
    count = len(next(iter(block.values())))
    known = {name: np.repeat(column[item], count) for name, column in files.features.items()}
    return {**block, **known}


def _held(files: Files, good: list[int], attempts: _Attempts) -> Dataset:
    import tensorflow as tf

    blocks = [_with_features(files, item, attempts.blocks[item]) for item in good]
    return tf.data.Dataset.from_tensor_slices(
        {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    )


def _streamed(files: Files, good: list[int], attempts: _Attempts) -> Dataset:
    import tensorflow as tf

    kept, block = next(iter(attempts.blocks.items()))
    sample = _with_features(files, kept, block)

    def read(item: np.int64) -> list[np.ndarray]:
        block = _with_features(files, int(item), files.load(int(item)))
        return [block[name] for name in sample]

    def examples(item: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.numpy_function(read, [item], [_type(array) for array in sample.values()])
        return {
            name: tf.ensure_shape(value, (None, *array.shape[1:]))
            for (name, array), value in zip(sample.items(), values, strict=True)
        }

    items = tf.data.Dataset.from_tensor_slices(np.array(good, np.int64))
    blocks = items.map(examples, num_parallel_calls=_THREADS, deterministic=True)
    count = sum(attempts.counts[item] for item in good)
    return blocks.unbatch().apply(tf.data.experimental.assert_cardinality(count))


def _type(array: np.ndarray) -> Any:
    return "string" if array.dtype.kind in "OSU" else array.dtype
