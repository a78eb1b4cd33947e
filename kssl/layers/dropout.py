"""Dropout on JAX whose random numbers are quick on processors."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.convolution import on_processor


def dropout(self: keras.layers.Dropout, inputs: Any, training: bool = False) -> Any:
    """Return what `Dropout.call` does, by other random numbers.

    XLA makes JAX' own again in each fused loop that reads a mask, there and back: half of a step of
    BERT on two cores. These are a hash of the place and of the layer's next seed, a dozen
    operations each.
    """
    if not training or not 0 < self.rate < 1 or None in inputs.shape or not on_processor():
        return type(self).call(self, inputs, training=training)
    asked = self.noise_shape or (None,) * len(inputs.shape)
    sizes = zip(inputs.shape, asked, strict=True)
    shape = tuple(size if wanted is None else wanted for size, wanted in sizes)
    kept = keep(self.seed_generator.next(), shape, 1.0 - self.rate)
    return ops.where(kept, inputs / (1.0 - self.rate), ops.zeros_like(inputs))


def keep(seed: Any, shape: tuple[int, ...], probability: float) -> Any:
    """Return booleans of a shape that are true with a probability, from a seed of two integers."""
    first, second = (ops.cast(seed[place], "uint32") for place in (0, 1))
    start = _mixed(first + _mixed(second + _word(_GOLDEN)))
    turn = _mixed(start ^ second)
    places = ops.reshape(ops.arange(math.prod(shape), dtype="uint32"), shape)
    return _mixed(_mixed(places + start) ^ turn) < _word(round(probability * 2**32))


_GOLDEN = 0x9E3779B9


def _word(value: int) -> Any:
    return ops.convert_to_tensor(np.uint32(min(value, 2**32 - 1)))


def _mixed(x: Any) -> Any:
    """Return a permutation of all words of 32 bits in which each bit hangs on every other.

    The constants are of Chris Wellons' search for the least bias (`lowbias32`).
    """
    x = (x ^ (x >> _word(16))) * _word(0x7FEB352D)
    x = (x ^ (x >> _word(15))) * _word(0x846CA68B)
    return x ^ (x >> _word(16))
