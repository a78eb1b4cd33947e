"""What the checks of every kind share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Check:
    """One check of one part; calling it raises an AssertionError when the part fails it."""

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        self.run()


def parametrize_checks(*checks: Iterable[Check]) -> Any:
    """Return a pytest decorator that runs a test once for each check, as its argument `check`.

    Args:
        *checks: What `loss_checks`, `model_checks` and the others return.
    """
    import pytest

    every = [check for group in checks for check in group]
    return pytest.mark.parametrize("check", every, ids=[check.name for check in every])


def make_checks(
    subject: Any, functions: Iterable[Callable[..., None]], *arguments: Any
) -> list[Check]:
    """Return one check for each function, called with the subject and the other arguments."""
    name = name_of(subject)
    return [
        Check(f"{name}-{each.__name__}", partial(each, subject, *arguments)) for each in functions
    ]


def name_of(subject: Any) -> str:
    """Return how a subject is called in test ids: a file, a class, or what a lambda calls."""
    if isinstance(subject, (str, Path)):
        return Path(subject).stem
    function = subject.func if isinstance(subject, partial) else subject
    if function.__name__ == "<lambda>":
        return next(iter(function.__code__.co_names), "part")
    return str(function.__name__)


def run_all(checks: Iterable[Check]) -> None:
    """Run checks one after the other."""
    for check in checks:
        check()


def require(condition: Any, message: str) -> None:
    """Raise an AssertionError unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def array(tensor: Any) -> np.ndarray:
    """Return a tensor of any backend as NumPy; half precision becomes float32."""
    import keras

    values = keras.ops.convert_to_numpy(tensor)
    return values.astype("float32") if values.dtype.name in ("bfloat16", "float16") else values


def equal(found: Any, wanted: Any, when: str, tolerance: float = 1e-5) -> None:
    """Require two tensors to be the same up to rounding."""
    found, wanted = array(found), array(wanted)
    same = found.shape == wanted.shape
    require(same, f"{when} the shape is {found.shape}, not {wanted.shape}")
    close = np.allclose(found, wanted, rtol=tolerance, atol=tolerance)
    require(close, f"{when} the values differ, by up to {np.abs(found - wanted).max():.3g}")


def same_tree(found: Any, wanted: Any, when: str) -> None:
    """Require two structures of tensors to be the same up to rounding."""
    import keras

    pairs = zip(keras.tree.flatten(found), keras.tree.flatten(wanted), strict=True)
    for one, other in pairs:
        equal(one, other, when)


def saved_and_loaded(model: Any) -> Any:
    """Return the model after a round trip through a `.keras` file."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        return keras.models.load_model(file)
