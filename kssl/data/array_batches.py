"""Arrays in memory as batches for Keras' `fit` and `predict`, as evaluations need them.

The batches of a run's training are made in `kssl.data.pipeline`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError


def fed(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Make batches ahead of their use.

    Without tf.data's own tuning: its thread sleeps ever longer, up to a minute, and the end of an
    iterator, and so of `fit`, waits until it wakes (TensorFlow 2.21).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def for_model(batches: tf.data.Dataset, labels: bool) -> tf.data.Dataset:
    """Return batches of what a model may see: numbers, and `label` only where it is asked for.

    Raises:
        UserError: Nothing is left.
    """
    # A method without labels must not be able to see them; text ids and the like stay behind too.
    spec = batches.element_spec
    kept = [key for key in spec if spec[key].dtype != tf.string and (labels or key != "label")]
    if not kept:
        raise UserError(
            f"of the keys {', '.join(spec)} none is left for a model, which reads numbers that are "
            "no labels: put a transform that makes some in front, such as tokenize for text"
        )
    return batches.map(lambda example: {key: example[key] for key in kept})


def shuffled(arrays: Any, batch_size: int, steps: int, seed: int) -> tf.data.Dataset:
    """Return batches of one size, in which every example is as often as any other.

    Arrays given to `fit` itself, or a generator, would be fed with tf.data's tuning on.

    Args:
        arrays: One, or a tuple or dict of them, as the batches shall be; examples first.
        batch_size: Examples of a batch; there may be fewer examples than that.
        steps: Number of batches.
        seed: Of the order, which is another in each pass over the examples.

    Example:
        >>> import numpy as np
        >>> batches = shuffled(np.arange(3), batch_size=2, steps=3, seed=0)
        >>> sorted(np.concatenate(list(batches.as_numpy_iterator())).tolist())
        [0, 0, 1, 1, 2, 2]
    """
    columns = _columns(arrays)
    count = len(tf.nest.flatten(columns)[0])
    random, wanted = np.random.default_rng(seed), steps * batch_size
    passes = [random.permutation(count) for _ in range(math.ceil(wanted / count))]
    order = np.concatenate(passes)[:wanted].reshape(steps, batch_size)
    return fed(tf.data.Dataset.from_tensor_slices(order).map(lambda rows: _taken(columns, rows)))


def in_order(arrays: Any, batch_size: int) -> tf.data.Dataset:
    """Return all examples once, in their order; the last batch may be smaller.

    Args:
        arrays: As in `shuffled`.
        batch_size: Examples of a batch.
    """
    return fed(tf.data.Dataset.from_tensor_slices(_columns(arrays)).batch(batch_size))


def _columns(arrays: Any) -> Any:
    def column(array: Any) -> tf.Tensor:
        # As Keras does with arrays: NumPy's float64 is seldom meant.
        return tf.convert_to_tensor(
            np.asarray(array, np.float32) if array.dtype == np.float64 else array
        )

    with tf.device("cpu"):  # where tf.data gathers, whatever else there is
        return tf.nest.map_structure(column, arrays)


def _taken(columns: Any, rows: tf.Tensor) -> Any:
    return tf.nest.map_structure(lambda column: tf.gather(column, rows), columns)
