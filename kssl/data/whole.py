"""A data set as a whole: how many examples it has, whether they fit, and all of them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from kssl.errors import UserError
from kssl.system.progress import working

if TYPE_CHECKING:  # evaluations count examples where there may be no TensorFlow
    import tensorflow as tf


def count(dataset: tf.data.Dataset) -> int:
    """Return the number of examples of a data set, reading it where it does not know.

    Raises:
        UserError: It has none, or never ends.
    """
    import tensorflow as tf

    size = int(dataset.cardinality())
    if size == tf.data.INFINITE_CARDINALITY:
        raise UserError("the data set never ends; bound it with .take(examples)")
    if size == tf.data.UNKNOWN_CARDINALITY:
        size = sum(1 for _ in dataset)
    if size == 0:
        raise UserError("the data set has no examples")
    return size


def fits(dataset: tf.data.Dataset, size: int, budget: int) -> bool:
    """Whether so many examples, decoded, take no more bytes than the budget."""
    import tensorflow as tf

    specs = list(dataset.element_spec.values())
    if any(spec.dtype == tf.string or not spec.shape.is_fully_defined() for spec in specs):
        return False
    example = sum(math.prod(spec.shape) * spec.dtype.size for spec in specs)
    return size * example <= budget


def read_all(dataset: tf.data.Dataset) -> dict[str, tf.Tensor]:
    """Return every example, in order, as one tensor for each key."""
    import tensorflow as tf

    batches = []
    size = int(dataset.cardinality())
    with working("reading the data", size if size > 0 else None) as advance:
        for batch in dataset.batch(1024).as_numpy_iterator():
            batches.append(batch)
            advance(len(next(iter(batch.values()))))
    with tf.device("cpu"):
        return {
            key: tf.constant(np.concatenate([batch[key] for batch in batches]))
            for key in batches[0]
        }


def told_by(error: tf.errors.OpError) -> str:
    """What TensorFlow says of data that cannot be read, in a line, with the cure if it is known."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    told = next((line for line in lines if "assertion failed" in line), lines[0])
    shapes = re.search(r"different shapes.*?(\[.*?\]).*?(\[.*?\])", told)
    if shapes is None:
        return told
    return (
        f"its examples have several shapes, {shapes[1]} and {shapes[2]}. The sources images, "
        "audio and video make them one, of files and of path: {tfds: …}"
    )
