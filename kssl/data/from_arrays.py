"""NumPy arrays as a dataset: held in memory where they fit, else read in blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tensorflow.data import Dataset
else:
    Dataset = Any  # importing this room does not import TensorFlow

MEMORY_BUDGET = 2**30  # bytes of one split that a source holds decoded; larger ones stream
_BLOCK = 256  # examples per read: one call into Python for that many

Change = Callable[[np.ndarray], np.ndarray]  # of a block of rows


def serve(
    arrays: Mapping[str, np.ndarray],
    rows: np.ndarray,
    changes: Mapping[str, Change],
    budget: int = MEMORY_BUDGET,
) -> Dataset:
    """Make a dataset of dicts out of arrays that share their first axis.

    Args:
        arrays: Feature -> array; memory-mapped ones are fine.
        rows: Which rows, in which order.
        changes: Feature -> what is done to a block of its rows.
        budget: What would be more bytes in total is read while it is used instead.

    Returns:
        A dataset of known size and shapes.
    """
    import tensorflow as tf

    def block(chosen: np.ndarray) -> dict[str, np.ndarray]:
        return {name: changes[name](array[chosen]) for name, array in arrays.items()}

    sample = block(rows[:1])
    if sum(array.nbytes for array in sample.values()) * len(rows) <= budget:
        return tf.data.Dataset.from_tensor_slices(block(rows))
    return _streamed(block, rows, sample)


def _streamed(
    block: Callable[[np.ndarray], dict[str, np.ndarray]],
    rows: np.ndarray,
    sample: Mapping[str, np.ndarray],
) -> Dataset:
    import tensorflow as tf

    def read(start: np.int64) -> list[np.ndarray]:
        values = block(rows[start : start + _BLOCK])
        return [values[name] for name in sample]

    def named(start: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.numpy_function(read, [start], [sample[name].dtype for name in sample])
        return {
            name: tf.ensure_shape(value, (None, *sample[name].shape[1:]))
            for name, value in zip(sample, values, strict=True)
        }

    starts = tf.data.Dataset.range(0, len(rows), _BLOCK)
    blocks = starts.map(named, num_parallel_calls=2, deterministic=True)
    return blocks.unbatch().apply(tf.data.experimental.assert_cardinality(len(rows)))
