"""What the checks of every kind share."""

from __future__ import annotations

import inspect
import json
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

    if keras.backend.standardize_dtype(tensor.dtype) in ("bfloat16", "float16"):
        tensor = keras.ops.cast(tensor, "float32")
    return np.asarray(keras.ops.convert_to_numpy(tensor))


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


def same_config(found: Any, wanted: Any, when: str) -> None:
    """Require two objects to have one configuration; JSON knows no tuples."""
    one, other = (json.dumps(each.get_config(), sort_keys=True) for each in (found, wanted))
    require(one == other, f"{when} the configuration is {one}, not {other}")


def keeps_its_settings(part: Any) -> None:
    """Require that the configuration of a part tells it from one made with defaults.

    A `keras.Model` without a `get_config` of its own saves the defaults, whatever it was given.
    """
    config = part.get_config()
    parameters = inspect.signature(type(part).__init__).parameters.values()
    own = [each for each in parameters if each.name != "self" and each.kind is not each.VAR_KEYWORD]
    absent = [each.name for each in own if each.name not in config]
    require(not absent, f"get_config lacks {', '.join(absent)}")
    different = any(config[each.name] != each.default for each in own)
    require(
        different or not own,
        "get_config has only defaults: it loses what was given, or `make` gives nothing else",
    )


def saved_and_loaded(model: Any) -> Any:
    """Return the model after a round trip through a `.keras` file."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        return keras.models.load_model(file)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by the backend; torch runs eagerly, as it does in Keras."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)  # type: ignore[no-any-return]
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def value_and_gradient(
    function: Callable[[Any], Any], at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a scalar function's value and its gradient, with the backend's own means."""
    import keras

    backend = keras.backend.backend()
    point = keras.ops.convert_to_tensor(at)
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(point)
            value = function(point)
        return array(value), array(tape.gradient(value, point))
    if backend == "jax":
        import jax

        value, gradient = jax.value_and_grad(function)(point)
        return array(value), array(gradient)
    point.requires_grad_(True)
    value = function(point)
    value.backward()
    return array(value.detach()), array(point.grad)
