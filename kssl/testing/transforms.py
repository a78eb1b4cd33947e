"""What a transform promises: its result depends on the example and its seed alone."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kssl.testing.common import Check, make_checks, require, run_all

_FROM_KERAS = (
    "keras.src.random",
    *(f"keras.src.ops.{name}" for name in ("core", "image", "linalg", "math", "nn", "numpy")),
)


def transform_checks(
    make: Callable[[], Any], example: Mapping[str, Any], random: bool | None = None
) -> list[Check]:
    """Return the checks of a transform.

    Args:
        make: Returns the map function.
        example: A batch of at least four examples, as arrays; `label` and other keys that the
            transform does not read may be among them.
        random: Whether it draws random numbers. Left out, the map function's attribute `random`
            says so (`by_batch` sets it), and without that it may or may not.
    """
    arrays = {key: np.asarray(value) for key, value in example.items()}
    traced = functools.cache(lambda: _traced(make, arrays))
    checks = make_checks(
        make, [transform_is_the_same_in_a_pipeline, transform_has_static_shapes], arrays, traced
    )
    checks += make_checks(
        make,
        [
            transform_depends_on_seed_and_example_only,
            transform_is_the_same_in_batches_of_any_size,
            transform_takes_one_example,
            transform_works_without_seed,
            transform_uses_tensorflow_alone,
            transform_leaves_its_input_alone,
            transform_names_a_missing_key,
            transform_names_a_wrong_rank,
        ],
        arrays,
    )
    return checks + make_checks(make, [transform_draws_by_the_seed], arrays, random)


def check_transform(make: Callable[[], Any], example: Mapping[str, Any]) -> None:
    """Run all of `transform_checks`."""
    run_all(transform_checks(make, example))


def _traced(make: Callable[[], Any], example: Any) -> Any:
    """Return a data set of one batch, the transform mapped over it: what takes time is tracing."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors((example, _seeds(example))).map(make())


def transform_is_the_same_in_a_pipeline(
    make: Callable[[], Any], example: Any, traced: Callable[[], Any]
) -> None:
    wanted = make()(_tensors(example), _seeds(example))
    _same_dict(next(iter(traced())), wanted, "inside tf.data")


def transform_has_static_shapes(
    make: Callable[[], Any], example: Any, traced: Callable[[], Any]
) -> None:
    for key, spec in traced().element_spec.items():
        known = spec.shape.is_fully_defined()
        require(known, f"{key!r} has the shape {spec.shape} inside tf.data; all must be known")


def transform_depends_on_seed_and_example_only(make: Callable[[], Any], example: Any) -> None:
    seeds = _seeds(example)
    whole = make()(_tensors(example), seeds)
    order = np.arange(len(seeds))[::-1]
    _same_dict(make()(_tensors(example), seeds), whole, "the second time")
    moved = make()(_tensors(_rows(example, order)), seeds[order])
    _same_dict(moved, _rows(whole, order), "in another order")
    part = make()(_tensors(_rows(example, order[-2:])), seeds[order[-2:]])
    _same_dict(part, _rows(whole, order[-2:]), "in a batch of another size")


def transform_is_the_same_in_batches_of_any_size(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    seeds = _seeds(example)
    whole = make()(_tensors(example), seeds)
    dataset = tf.data.Dataset.from_tensor_slices((example, seeds))
    batches = list(dataset.batch(3).map(make(), num_parallel_calls=4))
    found = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    _same_dict(found, whole, "with parallel calls on batches of 3")


def transform_takes_one_example(make: Callable[[], Any], example: Any) -> None:
    seeds = _seeds(example)
    one = make()(_tensors(_rows(example, 0)), seeds[0])
    whole = _rows(make()(_tensors(example), seeds), 0)
    # TensorFlow may add up the products of a batch of one in another order.
    _same_dict(one, whole, "for one example", tolerance=1e-6)


def transform_draws_by_the_seed(
    make: Callable[[], Any], example: Any, random: bool | None = None
) -> None:
    """Other seeds, as in another epoch, give other results exactly when the transform is random."""
    if random is None:
        random = getattr(make(), "random", None)
    if random is None:
        return
    map_fn, given = make(), _tensors(example)
    first = map_fn(given, _seeds(example))
    others = (map_fn(given, _seeds(example, number)) for number in range(1, 8 if random else 2))
    differ = any(not _equal(first[key], other[key]) for other in others for key in first)
    require(differ or not random, "eight epochs are all alike, though it is said to be random")
    require(random or not differ, "epochs differ, though it is said to draw no random numbers")


def transform_works_without_seed(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    batched = tf.data.Dataset.from_tensor_slices(example).batch(2).map(make())
    require(len(list(batched)) == -(-len(_seeds(example)) // 2), "batches are lost")


def transform_uses_tensorflow_alone(make: Callable[[], Any], example: Any) -> None:
    """Keras' own operations and random numbers fail, or repeat one value, when it runs on JAX."""
    called: set[str] = set()

    def watch(frame: Any, event: str, _: Any) -> None:
        module = frame.f_globals.get("__name__") or ""
        if event == "call" and module.startswith(_FROM_KERAS):
            called.add(f"{module}.{frame.f_code.co_name}")

    map_fn, before = make(), sys.getprofile()
    sys.setprofile(watch)
    try:
        map_fn(_tensors(example), _seeds(example))
    finally:
        sys.setprofile(before)
    require(not called, f"it calls {', '.join(sorted(called))}, which not every backend allows")


def transform_leaves_its_input_alone(make: Callable[[], Any], example: Any) -> None:
    import tensorflow as tf

    given = _tensors(example) | {"of_someone_else": tf.range(len(_seeds(example)))}
    before = dict(given)
    result = make()(given, _seeds(example))
    unchanged = given.keys() == before.keys() and all(given[key] is before[key] for key in given)
    require(unchanged, "the dict that was given is changed")
    require("of_someone_else" in result, "a key that is not the transform's own is lost")


def transform_names_a_missing_key(make: Callable[[], Any], example: Any) -> None:
    others = {"of_someone_else": np.arange(len(_seeds(example)))}
    each_and_all = dict.fromkeys([*((key,) for key in example), tuple(example)])
    for missing in map(list, each_and_all):
        rest = {key: value for key, value in example.items() if key not in missing} | others
        message = _failure(make, rest)
        if message is not None:
            named = any(key in message for key in missing) and any(key in message for key in rest)
            require(
                named, f"without {missing} it must name that and the keys there, not: {message}"
            )
    require(message is not None, f"it works without any of {', '.join(example)}")


def transform_names_a_wrong_rank(make: Callable[[], Any], example: Any) -> None:
    for key, value in example.items():
        message = _failure(make, {**example, key: value[:, None, None]})
        if message is not None:
            require(key in message, f"it must name {key!r}, of wrong rank, not: {message}")


def _failure(make: Callable[[], Any], example: Mapping[str, Any]) -> str | None:
    """Return what the transform says of such data; None when it works."""
    try:
        make()(_tensors(example))
    except Exception as error:
        return str(error)
    return None


def _seeds(example: Mapping[str, Any], number: int = 0) -> np.ndarray:
    """Return a row of two numbers for each example."""
    count = len(next(iter(example.values())))
    return np.random.default_rng(number).integers(0, 2**31 - 1, (count, 2), dtype=np.int32)


def _tensors(example: Mapping[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    return {key: tf.convert_to_tensor(value) for key, value in example.items()}


def _rows(example: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    return {key: np.asarray(value)[rows] for key, value in example.items()}


def _same_dict(
    found: Mapping[str, Any], wanted: Mapping[str, Any], when: str, tolerance: float = 0.0
) -> None:
    require(found.keys() == wanted.keys(), f"{when} the keys are {sorted(found)}")
    for key, value in found.items():
        require(_equal(value, wanted[key], tolerance), f"{when} {key!r} has other values")


def _equal(one: Any, other: Any, tolerance: float = 0.0) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if tolerance and one.dtype.kind == "f" and one.shape == other.shape:
        return bool(np.allclose(one, other, rtol=0.0, atol=tolerance))
    return np.array_equal(one, other)
