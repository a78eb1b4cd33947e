"""Transforms written for batches; a single example is taken as a batch of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.random import SeedSource
from kssl.pretext.task import Task

Example = dict[str, Any]
MapFunction = Callable[..., Example]


def by_batch(
    name: str,
    change: Callable[..., Mapping[str, Any]],
    reads: Mapping[str, int | None],
    random: bool = False,
    optional: Mapping[str, int | None] | None = None,
    task: Task | None = None,
    adds: bool = False,
) -> MapFunction:
    """Turn a function of a batch into a transform.

    Args:
        name: The transform's name, for its errors.
        change: Gets a dict of the tensors in `reads`, each with a batch dimension, and, when
            `random`, int32 seeds `(batch, 2)`; returns the tensors to write, with a batch
            dimension too, and None under a key that is to be left out.
        reads: For each key that is read, the number of dimensions of one example (image 3,
            tokens 1, video 4), or None where any will do.
        random: Whether `change` draws random numbers.
        optional: Keys as in `reads` that are read where the example has them; `change` gets them
            only then. An example must have at least one key of both.
        task: For a transform that makes a pretext task, what there is to say of it.
        adds: Whether it only adds keys, which probes of the example itself do without: there it is
            left out.

    Returns:
        `map_fn(example, seed=None)`: a new dict in which what `change` wrote is replaced or
        added. It takes a batch or one example. `seed` is int32, `(batch, 2)` or `(2,)`; without
        one, seeds are drawn. Its attributes `reads` (the keys) and `random` tell what it needs;
        `task` and `adds` are those.

    Example:
        >>> from kssl.pretext import random
        >>> def brighter(batch, seeds):
        ...     return {"image": batch["image"] + random.uniform(seeds, (1, 1, 1))}
        >>> brightness = by_batch("brightness", brighter, {"image": 3}, random=True)
        >>> brightness({"image": tf.zeros((8, 28, 28, 1))})["image"].shape
        TensorShape([8, 28, 28, 1])
    """

    draw_seeds = SeedSource()

    # AutoGraph would only wrap the errors in a trace of its own.
    @tf.autograph.experimental.do_not_convert
    def map_fn(example: Example, seed: tf.Tensor | None = None) -> Example:
        ranks = _ranks(name, example, reads, optional or {})
        tensors = {key: _read(name, example, key) for key in ranks}
        single = _is_single(name, tensors, ranks, seed)
        if single:
            tensors = {key: tensor[None] for key, tensor in tensors.items()}
        if random:
            seeds = (
                _checked(name, tensors, seed) if seed is not None else draw_seeds(_size(tensors))
            )
            written = dict(change(tensors, seeds))
        else:
            written = dict(change(tensors))
        if single:
            written = {key: None if made is None else made[0] for key, made in written.items()}
        return {key: value for key, value in {**example, **written}.items() if value is not None}

    map_fn.__name__ = name
    map_fn.reads, map_fn.random = tuple(reads or optional or ()), random
    map_fn.task, map_fn.adds = task, adds
    return map_fn


def _ranks(
    name: str,
    example: Example,
    reads: Mapping[str, int | None],
    optional: Mapping[str, int | None],
) -> dict[str, int | None]:
    """What is read of this example: all of `reads`, and what there is of `optional`."""
    if not isinstance(example, Mapping):
        raise UserError(
            f"{name} takes a dict of named tensors, not {type(example).__name__}: "
            "map the dataset to {'image': …} first"
        )
    found = {key: rank for key, rank in optional.items() if key in example}
    if not reads and not found:
        first, *others = optional
        raise UserError(
            f"{name} reads {' or '.join(map(repr, (first, *others)))}, and the example has neither"
            f"{nearest(first, example)}"
        )
    return {**reads, **found}


def _read(name: str, example: Example, key: str) -> tf.Tensor:
    if key not in example:
        raise UserError(
            f"{name} reads '{key}', which the example lacks{nearest(key, example)}; give it key=… "
            "where it has one, or leave it out"
        )
    tensor = tf.convert_to_tensor(example[key])
    if tensor.shape.rank is None:
        raise UserError(
            f"{name} needs to know how many dimensions '{key}' has: give it a shape with "
            "tf.ensure_shape"
        )
    return tensor


def _is_single(
    name: str,
    tensors: Mapping[str, tf.Tensor],
    reads: Mapping[str, int | None],
    seed: tf.Tensor | None,
) -> bool:
    """Whether these are the tensors of one example; what is read must agree on it."""
    found = {_extra(name, key, tensors[key], rank) for key, rank in reads.items()} - {None}
    if seed is not None:
        found.add(tf.convert_to_tensor(seed).shape.rank - 1)
    if len(found) > 1:
        shapes = ", ".join(f"{key} {tensor.shape}" for key, tensor in tensors.items())
        given = "" if seed is None else f", seed {tf.convert_to_tensor(seed).shape}"
        raise UserError(
            f"{name} got a mixture of one example and a batch: {shapes}{given}; "
            "a batch needs seeds of shape (batch, 2), one example (2,)"
        )
    return found == {0}


def _extra(name: str, key: str, tensor: tf.Tensor, rank: int | None) -> int | None:
    """0 for one example, 1 for a batch, None when the rank says nothing."""
    if rank is None:
        return None
    extra: int = tensor.shape.rank - rank
    if extra not in (0, 1):
        raise UserError(
            f"{name} takes '{key}' with {rank} dimension{'s' * (rank != 1)} (or {rank + 1} with "
            f"the batch), but it has the shape {tensor.shape}; if that is right, say so with "
            "rank=… where the transform has it"
        )
    return extra


def _size(tensors: Mapping[str, tf.Tensor]) -> tf.Tensor:
    return tf.shape(next(iter(tensors.values())))[0]


def _checked(name: str, tensors: Mapping[str, tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
    first = next(iter(tensors.values()))
    seeds = tf.reshape(tf.cast(seed, tf.int32), [-1, 2])
    if not seeds.shape[:1].is_compatible_with(first.shape[:1]):
        raise UserError(
            f"{name} got {seeds.shape[0]} seeds for {first.shape[0]} examples; "
            "each example needs one row"
        )
    return seeds
