"""32 random bits for each pair of a seed and a position.

The hash mixes a 64-bit key per row into a scrambled position with a 32-bit finaliser whose
constants C. Wellons found by search (https://nullprogram.com/blog/2018/07/31/). It is made for
augmentation and noise, not for cryptography.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_FIRST, _SECOND = 0x21F0AAAD, 0x735A2D97  # multipliers of the finaliser
_KEY_ROUNDS = (0x9E3779B9, 0x3C6EF372, 0xDAA66D2B, 0x78DDE6E4)
_FOLD_ROUNDS = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)


Shape = Sequence[Any] | int  # whole numbers, or scalar tensors where a length is not static


def hashed(seeds: tf.Tensor, positions: Any) -> tf.Tensor:
    """uint32 `(batch, size)`: 32 random bits for each (row, position)."""
    left, right = _key(tf.convert_to_tensor(seeds, tf.int32))
    value = left[:, None] ^ positions  # (batch, size)
    value = (value ^ shifted(value, 16)) * np.uint32(_FIRST)
    # The second key word enters half-way: a lone 32-bit key would repeat after some 65,000 rows.
    value += right[:, None]
    value = (value ^ shifted(value, 15)) * np.uint32(_SECOND)
    return value ^ shifted(value, 15)


def scrambled_positions(shape: Shape) -> Any:
    """Scrambled position numbers; a constant of the graph wherever the size is static."""
    size = size_of(shape)
    if isinstance(size, int):
        return tf.constant(_mix_numpy(np.arange(1, size + 1, dtype=np.uint32)))
    return mix(tf.cast(tf.range(1, size + 1), tf.uint32))


def mix(value: tf.Tensor) -> tf.Tensor:
    """A bijection of 32 bits in which each input bit turns half the output bits."""
    value = (value ^ shifted(value, 16)) * np.uint32(_FIRST)
    value = (value ^ shifted(value, 15)) * np.uint32(_SECOND)
    return value ^ shifted(value, 15)


def _mix_numpy(value: np.ndarray) -> np.ndarray:
    """The same as `mix`, in NumPy."""
    value = (value ^ (value >> np.uint32(16))) * np.uint32(_FIRST)
    value = (value ^ (value >> np.uint32(15))) * np.uint32(_SECOND)
    return value ^ (value >> np.uint32(15))


# Functions of the graph: forty operations that are traced once for each shape of seeds, and not
# wherever something is drawn.
@tf.function(autograph=False)
def _key(seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return _scramble(*_words(seeds), _KEY_ROUNDS)


@tf.function(autograph=False)
def folded(seeds: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    left, right = _words(seeds)
    left ^= mix(number + np.uint32(_FOLD_ROUNDS[0]))
    left, right = _scramble(left, right, _FOLD_ROUNDS)
    return tf.bitcast(tf.stack([left, right], axis=-1), tf.int32)


def _scramble(
    left: tf.Tensor, right: tf.Tensor, rounds: Sequence[int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """A Feistel network: a bijection of 64 bits, so that different seeds are different keys."""
    for number in range(0, len(rounds), 2):
        right ^= mix(left + np.uint32(rounds[number]))
        left ^= mix(right + np.uint32(rounds[number + 1]))
    return left, right


def _words(seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    words = tf.bitcast(seeds, tf.uint32)
    return words[..., 0], words[..., 1]


def shifted(value: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(value, np.uint32(bits))


def size_of(shape: Shape) -> Any:
    if not isinstance(shape, Sequence | tf.TensorShape):
        return shape
    size = 1
    for length in shape:
        size = size * length
    return size
