"""Seeds, and random numbers that follow from them alone, for whole batches at a time.

Every number is a hash of (row of `seeds`, position in the row): nothing is kept between calls,
and a row gives the same numbers in a batch of any size, in any order, on any machine (`normal`
to the last bit only on the same kind of processor). `example_seeds` derives the rows from (recipe
seed, example index, epoch), to which `Pipeline` in `kssl.data.pipeline` adds the place of the
transform: a run that is resumed sees what it would have seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.hashing import Shape, folded, hashed, mix, scrambled_positions, shifted, size_of

_VECTOR = 16  # floats in the widest vector register


def example_seeds(seed: int, index: tf.Tensor, epoch: Any) -> tf.Tensor:
    """Derive the seeds of examples from the seed of the recipe, their indices and the epoch.

    Args:
        seed: Of the recipe.
        index: Number of each example in its split, int32 `(batch,)`.
        epoch: Number of the epoch, a whole number or a scalar tensor.

    Returns:
        int32 `(batch, 2)`; each transform folds its place in, see `fold_in`.

    Example:
        >>> example_seeds(0, tf.range(8), epoch=3).shape
        TensorShape([8, 2])
    """
    rows = tf.stack([tf.fill(tf.shape(index), seed), index], axis=1)  # (batch, 2)
    return fold_in(rows, epoch)


def uniform(seeds: tf.Tensor, shape: Shape, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
    """Draw numbers uniformly from [low, high).

    Args:
        seeds: int32 `(batch, 2)`, one row per example.
        shape: Shape of what one example gets, without the batch.
        low: Smallest value.
        high: Upper bound, not reached when `low` is 0 and `high` 1.

    Returns:
        float32 `(batch, *shape)`.

    Example:
        >>> uniform(tf.constant([[0, 1], [0, 2]]), (28, 28)).shape
        TensorShape([2, 28, 28])
    """
    unit = _unit(hashed(seeds, scrambled_positions(shape)))
    drawn = unit if (low, high) == (0.0, 1.0) else low + (high - low) * unit
    return _reshape(drawn, shape)


def normal(seeds: tf.Tensor, shape: Shape, mean: float = 0.0, stddev: float = 1.0) -> tf.Tensor:
    """Draw from a normal distribution (Box and Muller 1958).

    Args:
        seeds: int32 `(batch, 2)`.
        shape: Shape of what one example gets, without the batch.
        mean: Mean.
        stddev: Standard deviation.

    Returns:
        float32 `(batch, *shape)`; no value is further than 5.8 standard deviations away.
    """
    size = size_of(shape)
    # A processor's vector instructions round log, sin and cos another way than its scalar ones,
    # which finish what is left over. With whole vectors only, a row does not feel its batch.
    half = (size + 2 * _VECTOR - 1) // (2 * _VECTOR) * _VECTOR
    unit = _unit(hashed(seeds, scrambled_positions(2 * half)))  # (batch, 2 * half)
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - unit[:, :half]))  # 1 - unit is never 0
    angle = (2.0 * math.pi) * unit[:, half:]
    drawn = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)[:, :size]
    return mean + stddev * _reshape(drawn, shape)


def bernoulli(seeds: tf.Tensor, shape: Shape, probability: Any = 0.5) -> tf.Tensor:
    """Draw a Bernoulli variable, True or False, for every position.

    Args:
        seeds: int32 `(batch, 2)`.
        shape: Shape of what one example gets, without the batch.
        probability: Of True: a number, or a tensor that broadcasts to `(batch, *shape)`.
            0 is never and 1 is always True.

    Returns:
        bool `(batch, *shape)`.
    """
    return uniform(seeds, shape) < tf.cast(probability, tf.float32)


def permutation(seeds: tf.Tensor, count: int) -> tf.Tensor:
    """Put 0 … count - 1 into random order, one order per example.

    Args:
        seeds: int32 `(batch, 2)`.
        count: How many things are ordered; may be a scalar tensor.

    Returns:
        int32 `(batch, count)`.
    """
    bits = hashed(seeds, scrambled_positions(count))
    return tf.argsort(tf.bitcast(bits, tf.int32), axis=-1, stable=True)


def choice(seeds: tf.Tensor, shape: Shape, count: int, replace: bool = True) -> tf.Tensor:
    """Choose among 0 … count - 1, each as likely as the other.

    Args:
        seeds: int32 `(batch, 2)`.
        shape: Shape of what one example gets, without the batch.
        count: How many there are to choose from.
        replace: Whether one can be chosen more than once; if not, `shape` may hold at most `count`.

    Returns:
        int32 `(batch, *shape)`.

    Raises:
        UserError: `replace` is False and more are asked for than there are.
    """
    size = size_of(shape)
    if not replace:
        if isinstance(size, int) and isinstance(count, int) and size > count:
            raise UserError(f"choice: {size} different ones of {count} cannot be chosen")
        return _reshape(permutation(seeds, count)[:, :size], shape)
    # Multiply and shift: even up to count / 2**32, without the bias of a remainder.
    wide = tf.cast(hashed(seeds, scrambled_positions(shape)), tf.uint64) * tf.cast(count, tf.uint64)
    chosen = tf.cast(tf.bitwise.right_shift(wide, tf.constant(32, tf.uint64)), tf.int32)
    return _reshape(chosen, shape)


def fold_in(seeds: tf.Tensor, number: Any) -> tf.Tensor:
    """Make other seeds out of seeds: one set for each thing that is drawn.

    Two draws from the same seeds are the same numbers; `fold_in(seeds, 0)` and
    `fold_in(seeds, 1)` are unrelated.

    Args:
        seeds: int32 `(batch, 2)`, or `(2,)` for one example.
        number: Which one: a whole number, or an integer tensor with one value per example.

    Returns:
        int32, shaped like `seeds`.

    Example:
        >>> seeds = draw_seeds(8)
        >>> angle, flip = uniform(fold_in(seeds, 0), ()), bernoulli(fold_in(seeds, 1), ())
    """
    if isinstance(number, int):
        number = number % 2**32
    return folded(tf.convert_to_tensor(seeds, tf.int32), tf.cast(number, tf.uint32))


def content_seeds(values: tf.Tensor) -> tf.Tensor:
    """Make seeds out of what an example holds: the same content has the same seeds, always.

    For what must be drawn once for each example and stay, whatever the epoch, the order or the
    run; no index is needed for it. Two examples that are equal get equal seeds.

    Args:
        values: float32 or int32 `(batch, …)`.

    Returns:
        int32 `(batch, 2)`.

    Example:
        >>> seeds = content_seeds(tf.constant([[0.5, 1.0], [1.0, 0.5], [0.5, 1.0]])).numpy()
        >>> bool((seeds[0] == seeds[2]).all()), bool((seeds[0] == seeds[1]).all())
        (True, False)
    """
    static = values.shape[1:].num_elements()
    size = tf.reduce_prod(tf.shape(values)[1:]) if static is None else static
    bits = tf.reshape(tf.bitcast(values, tf.uint32), [-1, size])  # (batch, size)
    mixed = mix(bits + scrambled_positions(size))
    # Sums of whole numbers: the same in whatever order they are added.
    words = [
        tf.reduce_sum(each, axis=1) for each in (mixed, mix(mixed + scrambled_positions(size)))
    ]
    return tf.bitcast(tf.stack(words, axis=-1), tf.int32)


class SeedSource:
    """Draws fresh seeds, eagerly or in a dataset, for whoever has none to give.

    In a dataset it keeps a counter, because TensorFlow's own random functions start again with
    each pass over the data once `tf.random.set_seed` (or `keras.utils.set_random_seed`) was
    called: every epoch would see the same noise.
    """

    def __init__(self) -> None:
        self._generator: tf.random.Generator | None = None

    def __call__(self, count: Any) -> tf.Tensor:
        """Return int32 seeds `(count, 2)`, other ones at each call and each pass."""
        if tf.executing_eagerly():
            return _any_integers((count, 2))
        if self._generator is None:
            # Outside of the dataset's own graph, and where datasets run.
            with tf.init_scope(), tf.device("CPU:0"):
                self._generator = tf.random.Generator.from_seed(int(_any_integers(())))
        return self._generator.uniform_full_int((count, 2), tf.int32)


_seed_source = SeedSource()


def draw_seeds(count: Any) -> tf.Tensor:
    """Draw fresh seeds, for whoever has none to give.

    Args:
        count: How many examples; may be a scalar tensor.

    Returns:
        int32 `(count, 2)`, different at each call, also in each pass over a dataset; after
        `tf.random.set_seed` a program draws the same ones again.
    """
    return _seed_source(count)


def _any_integers(shape: Any) -> tf.Tensor:
    return tf.random.uniform(shape, tf.int32.min, tf.int32.max, tf.int32)


def _unit(bits: tf.Tensor) -> tf.Tensor:
    """float32 in [0, 1), a multiple of 2**-24: all that float32 can tell apart near 1."""
    return tf.cast(tf.bitcast(shifted(bits, 8), tf.int32), tf.float32) * np.float32(2.0**-24)


def _reshape(drawn: tf.Tensor, shape: Shape) -> tf.Tensor:
    """`(batch, size)` -> `(batch, *shape)`."""
    if not isinstance(shape, Sequence | tf.TensorShape):
        return drawn
    batch = drawn.shape[0] if drawn.shape[0] is not None else tf.shape(drawn)[0]
    return tf.reshape(drawn, [batch, *shape])
