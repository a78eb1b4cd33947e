"""What a loss promises: a function of two batches that trains anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import (
    Check,
    array,
    compiled,
    equal,
    make_checks,
    require,
    run_all,
    saved_and_loaded,
    value_and_gradient,
)


def loss_checks(
    make: Callable[[], Any],
    inputs: tuple[Any, Any] | None = None,
    per_example: bool = True,
    large: float | None = 1e4,
) -> list[Check]:
    """Return the checks of a loss.

    Args:
        make: Returns the loss, with settings that are not all defaults.
        inputs: A batch for each of its two arguments; random values in [0, 1) without it.
        per_example: False for a loss that is defined on the batch only.
        large: The second argument times this must give a finite loss in half precision, too; None
            for a loss that is infinite there by definition (an exponential of it, say).
    """
    values = np.random.default_rng(0).random((2, 8, 6), dtype=np.float32)
    first, second = inputs if inputs is not None else values
    functions: list[Callable[..., None]] = [
        loss_is_finite_with_gradient,
        loss_is_finite_in_half_precision,
        loss_is_finite_when_all_examples_are_equal,
        loss_ignores_the_order_of_examples,
        loss_is_the_same_compiled,
        loss_takes_two_examples,
        loss_says_whether_it_spans_the_batch,
        loss_comes_back_from_its_config,
        loss_comes_back_in_a_compiled_model,
    ]
    if per_example:
        functions = [loss_is_per_example, loss_takes_sample_weights, *functions]
    arrays = (np.asarray(first), np.asarray(second))
    checks = make_checks(make, functions, *arrays)
    if large is not None:
        checks += make_checks(make, [loss_is_finite_for_large_values], *arrays, large)
    return checks


def check_loss(make: Callable[[], Any], *args: Any, **options: Any) -> None:
    """Run all of `loss_checks`."""
    run_all(loss_checks(make, *args, **options))


def loss_is_per_example(make: Callable[[], Any], first: Any, second: Any) -> None:
    shape = tuple(make().call(first, second).shape)
    require(shape == (len(first),), f"call gives {shape}, not one value per example")


def loss_is_finite_with_gradient(make: Callable[[], Any], first: Any, second: Any) -> None:
    value, gradient = value_and_gradient(lambda prediction: make()(first, prediction), second)
    require(np.isfinite(value).all(), f"the loss is {value}")
    require(np.isfinite(gradient).all(), "the gradient is not finite")
    require(np.abs(gradient).max() > 0, "the gradient is zero everywhere")


def loss_is_finite_in_half_precision(make: Callable[[], Any], first: Any, second: Any) -> None:
    from keras import ops

    for dtype in ("float16", "bfloat16"):
        halves = [ops.cast(each, dtype) for each in (first, second)]
        value = array(make().call(*halves))
        require(np.isfinite(value).all(), f"not finite for {dtype} inputs")


def loss_is_finite_for_large_values(
    make: Callable[[], Any], first: Any, second: Any, large: float
) -> None:
    loss_is_finite_in_half_precision(make, first, second * large)
    value, gradient = value_and_gradient(lambda each: make()(first, each), second * large)
    require(np.isfinite(value).all(), f"the loss of values times {large:g} is {value}")
    require(np.isfinite(gradient).all(), f"the gradient at values times {large:g} is not finite")


def loss_is_finite_when_all_examples_are_equal(
    make: Callable[[], Any], first: Any, second: Any
) -> None:
    equal_second = np.repeat(second[:1], len(second), axis=0)
    for target in (first, np.repeat(first[:1], len(first), axis=0)):
        value, gradient = value_and_gradient(
            lambda each, target=target: make()(target, each), equal_second
        )
        require(np.isfinite(value).all(), f"the loss of equal examples is {value}")
        require(np.isfinite(gradient).all(), "the gradient at equal examples is not finite")


def loss_takes_sample_weights(make: Callable[[], Any], first: Any, second: Any) -> None:
    loss = make()
    whole = array(loss(first, second))
    ones = np.ones(len(first), np.float32)
    equal(loss(first, second, ones), whole, "with weights of 1")
    if loss.reduction in ("sum_over_batch_size", "mean", "sum"):
        weights = np.random.default_rng(2).random(len(first), dtype=np.float32)
        parts = [array(loss(first, second, each)) for each in (weights, ones - weights)]
        equal(parts[0] + parts[1], whole, "with weights that add up to 1")
        require(not np.allclose(parts[0], whole), "sample weights change nothing")


def loss_ignores_the_order_of_examples(make: Callable[[], Any], first: Any, second: Any) -> None:
    order = np.random.default_rng(1).permutation(len(first))
    equal(make()(first[order], second[order]), make()(first, second), "in another order")


def loss_is_the_same_compiled(make: Callable[[], Any], first: Any, second: Any) -> None:
    equal(compiled(make())(first, second), make()(first, second), "when compiled")


def loss_takes_two_examples(make: Callable[[], Any], first: Any, second: Any) -> None:
    value, gradient = value_and_gradient(lambda each: make()(first[:2], each), second[:2])
    require(np.isfinite(value).all(), f"the loss of two examples is {value}")
    require(np.isfinite(gradient).all(), "the gradient of two examples is not finite")


def loss_says_whether_it_spans_the_batch(make: Callable[[], Any], first: Any, second: Any) -> None:
    loss = make()
    if getattr(loss, "spans_batch", False) or loss.reduction not in ("sum_over_batch_size", "mean"):
        return
    middle = len(first) // 2
    halves = [
        array(loss(first[part], second[part]))
        for part in (slice(0, middle), slice(middle, 2 * middle))
    ]
    whole = loss(first[: 2 * middle], second[: 2 * middle])
    equal(np.mean(halves, axis=0), whole, "for two half batches (or set spans_batch = True)")


def loss_comes_back_from_its_config(make: Callable[[], Any], first: Any, second: Any) -> None:
    loss = make()
    again = type(loss).from_config(loss.get_config())
    equal(again(first, second), loss(first, second), "after get_config and from_config")


def loss_comes_back_in_a_compiled_model(make: Callable[[], Any], first: Any, second: Any) -> None:
    import keras

    loss = make()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss)
    again = saved_and_loaded(model).loss
    require(type(again) is type(loss), f"after loading a model the loss is {again!r}")
    equal(again(first, second), loss(first, second), "after saving and loading a model")
