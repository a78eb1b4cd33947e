"""What a dataset promises: named tensors, and three splits that are always the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.data.splitting import SPLITS
from kssl.errors import UserError
from kssl.testing.common import Check, make_checks, require, run_all


def dataset_checks(function: Callable[..., Any]) -> list[Check]:
    """Return the checks of a dataset.

    Args:
        function: Takes the split; `functools.partial` gives it other settings first.
    """
    functions = [
        dataset_has_dicts_of_tensors,
        dataset_is_the_same_each_time,
        dataset_splits_do_not_overlap,
        dataset_refuses_an_unknown_split,
    ]
    return make_checks(function, functions)


def check_dataset(function: Callable[..., Any]) -> None:
    """Run all of `dataset_checks`."""
    run_all(dataset_checks(function))


def dataset_has_dicts_of_tensors(function: Callable[..., Any]) -> None:
    for split in SPLITS:
        dataset = function(split)
        spec = dataset.element_spec
        named = isinstance(spec, dict) and all(isinstance(key, str) for key in spec)
        require(named, f"{split}: the elements are {spec}, not dicts of named tensors")
        require(len(_first(dataset, 1)) == 1, f"{split} is empty")


def dataset_is_the_same_each_time(function: Callable[..., Any]) -> None:
    for split in SPLITS:
        same = _first(function(split), 16) == _first(function(split), 16)
        require(same, f"{split} has other examples, or another order, the second time")


def dataset_splits_do_not_overlap(function: Callable[..., Any]) -> None:
    splits = {split: set(_first(function(split), 512)) for split in SPLITS}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        require(not splits[one] & splits[other], f"{one} and {other} share examples")


def dataset_refuses_an_unknown_split(function: Callable[..., Any]) -> None:
    try:
        function("no_such_split")
    except (UserError, ValueError) as error:
        named = "no_such_split" in str(error) and "train" in str(error)
        require(named, f"the message names neither the wrong split nor the right ones: {error}")
        return
    raise AssertionError("an unknown split is accepted")


def _first(dataset: Any, count: int) -> list[bytes]:
    """Return the first examples as bytes, to be compared."""
    examples = dataset.take(count).as_numpy_iterator()
    return [b"".join(_bytes(example[key]) for key in sorted(example)) for example in examples]


def _bytes(value: Any) -> bytes:
    held = np.asarray(value)
    # An array of strings holds where they are, and not what they are.
    return repr(held.tolist()).encode() if held.dtype == object else held.tobytes()
