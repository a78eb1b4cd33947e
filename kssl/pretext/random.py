"""Random numbers that depend on the example alone, for whole batches at a time.

Every number is a hash of (row of `seeds`, position in the row): nothing is kept between calls,
and a row gives the same numbers in a batch of any size, in any order, on any machine (`normal`
to the last bit only on the same kind of processor). Rows come from (recipe seed, epoch, example
index), so a run that is resumed sees what it would have seen.

The hash mixes a 64-bit key per row into a scrambled position with a 32-bit finaliser whose
constants C. Wellons found by search (https://nullprogram.com/blog/2018/07/31/). It is made for
augmentation and noise, not for cryptography.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.errors import UserError

_FIRST, _SECOND = 0x21F0AAAD, 0x735A2D97  # multipliers of the finaliser
_KEY_ROUNDS = (0x9E3779B9, 0x3C6EF372, 0xDAA66D2B, 0x78DDE6E4)
_FOLD_ROUNDS = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)

_VECTOR = 16  # floats in the widest vector register

Shape = Sequence[Any] | int  # whole numbers, or scalar tensors where a length is not static


def uniform(seeds: tf.Tensor, shape: Shape, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
    """Draw numbers evenly from [low, high).

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
    unit = _unit(_hash(seeds, _positions(shape)))
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
    size = _size(shape)
    # A processor's vector instructions round log, sin and cos another way than its scalar ones,
    # which finish what is left over. With whole vectors only, a row does not feel its batch.
    half = (size + 2 * _VECTOR - 1) // (2 * _VECTOR) * _VECTOR
    unit = _unit(_hash(seeds, _positions(2 * half)))  # (batch, 2 * half)
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - unit[:, :half]))  # 1 - unit is never 0
    angle = (2.0 * math.pi) * unit[:, half:]
    drawn = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)[:, :size]
    return mean + stddev * _reshape(drawn, shape)


def bernoulli(seeds: tf.Tensor, shape: Shape, probability: Any = 0.5) -> tf.Tensor:
    """Toss a coin for every position.

    Args:
        seeds: int32 `(batch, 2)`.
        shape: Shape of what one example gets, without the batch.
        probability: Chance of True: a number, or a tensor that broadcasts to `(batch, *shape)`.
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
    bits = _hash(seeds, _positions(count))
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
    size = _size(shape)
    if not replace:
        if isinstance(size, int) and isinstance(count, int) and size > count:
            raise UserError(f"choice: {size} different ones of {count} cannot be chosen")
        return _reshape(permutation(seeds, count)[:, :size], shape)
    # Multiply and shift: even up to count / 2**32, without the bias of a remainder.
    wide = tf.cast(_hash(seeds, _positions(shape)), tf.uint64) * tf.cast(count, tf.uint64)
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
    return _folded(tf.convert_to_tensor(seeds, tf.int32), tf.cast(number, tf.uint32))


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
    mixed = _mix(bits + _positions(size))
    # Sums of whole numbers: the same in whatever order they are added.
    words = [tf.reduce_sum(each, axis=1) for each in (mixed, _mix(mixed + _positions(size)))]
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


def _hash(seeds: tf.Tensor, positions: Any) -> tf.Tensor:
    """uint32 `(batch, size)`: 32 random bits for each (row, position)."""
    left, right = _key(tf.convert_to_tensor(seeds, tf.int32))
    value = left[:, None] ^ positions  # (batch, size)
    value = (value ^ _shifted(value, 16)) * np.uint32(_FIRST)
    # The second key word enters half-way: a lone 32-bit key would repeat after some 65,000 rows.
    value += right[:, None]
    value = (value ^ _shifted(value, 15)) * np.uint32(_SECOND)
    return value ^ _shifted(value, 15)


def _positions(shape: Shape) -> Any:
    """Scrambled position numbers; a constant of the graph wherever the size is static."""
    size = _size(shape)
    if isinstance(size, int):
        return tf.constant(_mix_numpy(np.arange(1, size + 1, dtype=np.uint32)))
    return _mix(tf.cast(tf.range(1, size + 1), tf.uint32))


def _mix(value: tf.Tensor) -> tf.Tensor:
    """A bijection of 32 bits in which each input bit turns half the output bits."""
    value = (value ^ _shifted(value, 16)) * np.uint32(_FIRST)
    value = (value ^ _shifted(value, 15)) * np.uint32(_SECOND)
    return value ^ _shifted(value, 15)


def _mix_numpy(value: np.ndarray) -> np.ndarray:
    """The same as `_mix`, in NumPy."""
    value = (value ^ (value >> np.uint32(16))) * np.uint32(_FIRST)
    value = (value ^ (value >> np.uint32(15))) * np.uint32(_SECOND)
    return value ^ (value >> np.uint32(15))


# Functions of the graph: forty operations that are traced once for each shape of seeds, and not
# wherever something is drawn.
@tf.function(autograph=False)
def _key(seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return _scramble(*_words(seeds), _KEY_ROUNDS)


@tf.function(autograph=False)
def _folded(seeds: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    left, right = _words(seeds)
    left ^= _mix(number + np.uint32(_FOLD_ROUNDS[0]))
    left, right = _scramble(left, right, _FOLD_ROUNDS)
    return tf.bitcast(tf.stack([left, right], axis=-1), tf.int32)


def _scramble(
    left: tf.Tensor, right: tf.Tensor, rounds: Sequence[int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """A Feistel network: a bijection of 64 bits, so that different seeds are different keys."""
    for number in range(0, len(rounds), 2):
        right ^= _mix(left + np.uint32(rounds[number]))
        left ^= _mix(right + np.uint32(rounds[number + 1]))
    return left, right


def _words(seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    words = tf.bitcast(seeds, tf.uint32)
    return words[..., 0], words[..., 1]


def _shifted(value: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(value, np.uint32(bits))


def _unit(bits: tf.Tensor) -> tf.Tensor:
    """float32 in [0, 1), a multiple of 2**-24: all that float32 can tell apart near 1."""
    return tf.cast(tf.bitcast(_shifted(bits, 8), tf.int32), tf.float32) * np.float32(2.0**-24)


def _size(shape: Shape) -> Any:
    if not isinstance(shape, Sequence | tf.TensorShape):
        return shape
    size = 1
    for length in shape:
        size = size * length
    return size


def _reshape(drawn: tf.Tensor, shape: Shape) -> tf.Tensor:
    """`(batch, size)` -> `(batch, *shape)`."""
    if not isinstance(shape, Sequence | tf.TensorShape):
        return drawn
    batch = drawn.shape[0] if drawn.shape[0] is not None else tf.shape(drawn)[0]
    return tf.reshape(drawn, [batch, *shape])
