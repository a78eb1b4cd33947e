"""Which part of a data set of tensorflow-datasets a split is, and reading it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kssl.data.from_arrays import Dataset
from kssl.data.locate import Unavailable
from kssl.errors import UserError, nearest

_ALIASES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def instruction(
    builder: Any, split: str, splits: Mapping[str, str] | None, held_out: Mapping[str, float]
) -> str:
    """What to read for a split, in tensorflow-datasets' notation.

    Args:
        builder: The data set.
        split: `train`, `validation` or `test`.
        splits: What was given for each; None takes the data set's own.
        held_out: How much of train is validation and test where they are no splits of its own.

    Raises:
        UserError: There is none to train on, or the split is not given.
    """
    if splits is not None:
        if split not in splits:
            raise UserError(f"tfds: splits has no '{split}'{nearest(split, splits)}")
        return splits[split]
    own = own_splits(builder)
    if split != "train" and split in own:
        return own[split]
    count = builder.info.splits[own["train"]].num_examples
    cut = {kind: 0 if kind in own else _amount(kind, held_out[kind], count) for kind in held_out}
    end = count - cut["validation"]
    start = end - cut["test"]
    if start < 1:
        raise UserError(
            f"{builder.name} has {count:,} examples to train on: {cut['validation']:,} for "
            f"validation and {cut['test']:,} for test leave none"
        )
    bounds = {"train": (0, start), "test": (start, end), "validation": (end, count)}[split]
    return f"{own['train']}[{bounds[0]}:{bounds[1]}]"


def own_splits(builder: Any) -> dict[str, str]:
    """The names of the data set's own splits, by what kssl calls them.

    Raises:
        UserError: There is none to train on.
    """
    names = builder.info.splits
    found = {}
    for split, aliases in _ALIASES.items():
        own = [alias for alias in aliases if alias in names]
        if own:
            found[split] = own[0]
    if "train" not in found:
        raise UserError(
            f"{builder.name} has no split 'train'{nearest('train', names)}; say "
            "which to use: splits: {train: …, validation: …, test: …}"
        )
    return found


def count(builder: Any, wanted: str) -> int:
    """How many examples an instruction reads.

    Raises:
        UserError: There is no such split.
    """
    try:
        return int(builder.info.splits[wanted].num_examples)
    except (ValueError, KeyError, AssertionError) as error:
        raise _unreadable(builder, wanted, error) from error


def read(builder: Any, wanted: str, decoders: Any = None) -> Dataset:
    """Read a part of a data set, in the order in which it is stored.

    Args:
        builder: The data set.
        wanted: What `instruction` returned.
        decoders: Which features are decoded; all unless given.

    Raises:
        UserError: There is no such split.
        Unavailable: The prepared copy is damaged.
    """
    import tensorflow as tf
    import tensorflow_datasets

    config = tensorflow_datasets.ReadConfig(
        try_autocache=False,  # kssl's pipeline holds decoded data itself
        interleave_cycle_length=1,  # in the order of the files
        num_parallel_calls_for_decode=tf.data.AUTOTUNE,
    )
    try:
        with quiet(errors_only=True):  # it warns of its own use of what it has deprecated
            return builder.as_dataset(
                split=wanted, shuffle_files=False, read_config=config, decoders=decoders
            )
    except (ValueError, AssertionError) as error:
        raise _unreadable(builder, wanted, error) from error
    except OSError as error:
        raise Unavailable(f"{builder.name}: the prepared copy cannot be read: {error}") from error


@contextmanager
def quiet(errors_only: bool = False) -> Iterator[None]:
    """Leave out what tensorflow-datasets logs as information, or as warnings too."""
    from absl import logging as absl_logging

    before = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR if errors_only else absl_logging.WARNING)
    try:
        yield
    finally:
        absl_logging.set_verbosity(before)


def _unreadable(builder: Any, wanted: str, error: Exception) -> UserError:
    known = ", ".join(
        f"{name} ({info.num_examples:,})" for name, info in builder.info.splits.items()
    )
    return UserError(f"{builder.name}: '{wanted}' cannot be read; its splits are {known} ({error})")


def _amount(kind: str, value: float, count: int) -> int:
    """A fraction below 1, or a number of examples, as a number of examples."""
    if not value > 0 or (value >= 1 and value != int(value)):
        raise UserError(
            f"{kind}={value} must be a fraction between 0 and 1, or a whole number of examples of "
            "at least 1"
        )
    return max(1, round(count * value)) if value < 1 else int(value)
