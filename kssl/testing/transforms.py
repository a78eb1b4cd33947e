"""What a transform promises: its result depends on the example and its seed alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kssl.testing.common import Check, make_checks, require, run_all


def transform_checks(make: Callable[[], Any], example: Mapping[str, Any]) -> list[Check]:
    """Return the checks of a transform.

    Args:
        make: Returns the map function.
        example: A batch of at least four examples, as arrays.
    """
    return make_checks(
        make,
        [
            transform_is_the_same_in_a_pipeline,
            transform_depends_on_seed_and_example_only,
            transform_takes_one_example,
            transform_works_without_seed,
            transform_leaves_its_input_alone,
            transform_has_static_shapes,
        ],
        {key: np.asarray(value) for key, value in example.items()},
    )


def check_transform(make: Callable[[], Any], example: Mapping[str, Any]) -> None:
    """Run all of `transform_checks`."""
    run_all(transform_checks(make, example))


def transform_is_the_same_in_a_pipeline(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    seeds = _seeds(example)
    dataset = tf.data.Dataset.from_tensors((example, seeds)).map(make())
    _same_dict(next(iter(dataset)), make()(_tensors(example), seeds), "inside tf.data")


def transform_depends_on_seed_and_example_only(make: Callable[[], Any], example: Any) -> None:
    seeds = _seeds(example)
    whole = make()(_tensors(example), seeds)
    order = np.arange(len(seeds))[::-1]
    _same_dict(make()(_tensors(example), seeds), whole, "the second time")
    moved = make()(_tensors(_rows(example, order)), seeds[order])
    _same_dict(moved, _rows(whole, order), "in another order")
    part = make()(_tensors(_rows(example, order[-2:])), seeds[order[-2:]])
    _same_dict(part, _rows(whole, order[-2:]), "in a batch of another size")


def transform_takes_one_example(make: Callable[[], Any], example: Any) -> None:
    seeds = _seeds(example)
    one = make()(_tensors(_rows(example, 0)), seeds[0])
    _same_dict(one, _rows(make()(_tensors(example), seeds), 0), "for one example")


def transform_works_without_seed(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    batched = tf.data.Dataset.from_tensor_slices(example).batch(2).map(make())
    require(len(list(batched)) == -(-len(_seeds(example)) // 2), "batches are lost")


def transform_leaves_its_input_alone(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    given = _tensors(example) | {"of_someone_else": tf.range(len(_seeds(example)))}
    before = dict(given)
    result = make()(given, _seeds(example))
    unchanged = given.keys() == before.keys() and all(given[key] is before[key] for key in given)
    require(unchanged, "the dict that was given is changed")
    require("of_someone_else" in result, "a key that is not the transform's own is lost")


def transform_has_static_shapes(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((example, _seeds(example)))
    for key, spec in dataset.batch(2, drop_remainder=True).map(make()).element_spec.items():
        known = spec.shape.is_fully_defined()
        require(known, f"{key!r} has the shape {spec.shape} inside tf.data; all must be known")


def _seeds(example: Mapping[str, Any]) -> np.ndarray:
    """Return a row of two numbers for each example."""
    count = len(next(iter(example.values())))
    return np.random.default_rng(0).integers(0, 2**31 - 1, (count, 2), dtype=np.int32)


def _tensors(example: Mapping[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    return {key: tf.convert_to_tensor(value) for key, value in example.items()}


def _rows(example: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    return {key: np.asarray(value)[rows] for key, value in example.items()}


def _same_dict(found: Mapping[str, Any], wanted: Mapping[str, Any], when: str) -> None:
    require(found.keys() == wanted.keys(), f"{when} the keys are {sorted(found)}")
    for key, value in found.items():
        same = np.array_equal(np.asarray(value), np.asarray(wanted[key]))
        require(same, f"{when} {key!r} has other values")
