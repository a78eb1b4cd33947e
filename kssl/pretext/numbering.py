"""The number of each example in its split."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from kssl.pretext.batching import MapFunction, by_batch


def number(key: str = "target", index: str = "index") -> MapFunction:
    """Write the number of each example: for methods that remember something of each of them.

    Such as the clusters of M. Caron et al., "Deep clustering for unsupervised learning of visual
    features", arXiv:1807.05520. The number is that of the example in its split, whatever order the
    data are shuffled to.

    Args:
        key: Where it is written.
        index: Key of each example's number in its split. `kssl.data.Pipeline`, and so a recipe,
            supplies it; elsewhere `dataset.enumerate()` has it.

    Returns:
        A map function; `key` is an int32 scalar.

    Example:
        >>> batch = {"image": tf.zeros((3, 32, 32, 3)), "index": tf.range(3)}
        >>> number()(batch)["target"].numpy().tolist()
        [0, 1, 2]
    """

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {key: tf.cast(batch[index], tf.int32)}

    return by_batch("number", change, {index: 0}, adds=True)
