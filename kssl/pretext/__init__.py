"""Pretext transforms: map functions for `tf.data` that make the task out of the data.

Each is a factory, `factory(**settings) -> map_fn(example, seed=None) -> example`, in pure
TensorFlow, so that it works with every Keras backend. The map function takes a dict of named
tensors, a batch or one example, and returns a new dict.

Example:
    >>> import kssl
    >>> dataset = kssl.data.digits("test").map(kssl.pretext.to_float())
    >>> dataset.batch(64).map(kssl.pretext.binarize()).element_spec["image"].shape
    TensorShape([None, 28, 28, 1])
"""

from __future__ import annotations

from kssl.pretext import random
from kssl.pretext.batching import by_batch
from kssl.pretext.noise import noise
from kssl.pretext.scale import binarize, flatten, to_float

__all__ = ["binarize", "by_batch", "flatten", "noise", "random", "to_float"]
