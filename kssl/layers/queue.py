"""A queue of the features of earlier batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer
from kssl.losses.batch import unit


@keras.saving.register_keras_serializable(package="kssl")
class FeatureQueue(Layer):
    """A queue of the features of the last batches: negatives, or neighbours, beyond this batch.

    He et al., Momentum Contrast, arXiv:1911.05722; Dwibedi et al., With a Little Help from My
    Friends, arXiv:2104.14548. A call returns what was stored *before* it, so that no example is
    its own negative; when training, the new features then replace the oldest. It starts with
    random features of norm 1. Features are stored as they come: normalise them first.

    On several TensorFlow replicas each would store its own batch: use it on one, or on JAX,
    where the batch is the global one.

    Args:
        size: Features that are remembered, at least as many as a batch has.
        seed: Seed of the random features at the start.

    Call arguments:
        inputs: Features `(batch, dim)`.

    Returns:
        Tensor `(size, dim)` without a gradient.

    Raises:
        ValueError: If `size` is smaller than the batch.

    Example:
        >>> import keras, kssl
        >>> queue = kssl.layers.FeatureQueue(1024)
        >>> queue(keras.ops.ones((64, 128)), training=True).shape
        (1024, 128)
    """

    def __init__(self, size: int = 65536, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"size must be at least 1; got {size}")
        self.size = size
        self.seed = seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        options = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.features = self.add_weight(
            shape=(self.size, input_shape[-1]),
            initializer=self._random_features,
            name="features",
            **options,
        )
        self.position = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", name="position", **options
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        batch = inputs.shape[0]
        if batch is not None and batch > self.size:
            raise ValueError(f"a queue of {self.size} cannot hold a batch of {batch}: raise size")
        # A copy: on torch, an assignment changes the tensor that was read before it.
        stored = ops.copy(ops.convert_to_tensor(self.features))  # (size, dim)
        if training:
            self._store(ops.stop_gradient(inputs))
        return ops.cast(ops.stop_gradient(stored), self.compute_dtype)

    def nearest(self, inputs: Any) -> Any:
        """Return for each row of `inputs` `(batch, dim)` the stored one with the largest product.

        The positives of NNCLR, without a gradient.
        """
        stored = ops.convert_to_tensor(self.features)
        similarity = ops.matmul(ops.cast(inputs, stored.dtype), ops.transpose(stored))
        places = ops.argmax(similarity, axis=-1)  # (batch,)
        return ops.cast(ops.stop_gradient(ops.take(stored, places, axis=0)), self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (self.size, input_shape[-1])

    def _store(self, features: Any) -> None:
        count = ops.shape(features)[0]
        position = ops.convert_to_tensor(self.position)
        places = (position + ops.arange(count, dtype="int32")) % self.size  # (batch,)
        old = ops.convert_to_tensor(self.features)
        new = ops.cast(features, old.dtype)
        self.features.assign(ops.scatter_update(old, ops.expand_dims(places, 1), new))
        self.position.assign((position + ops.cast(count, "int32")) % self.size)

    def _random_features(self, shape: Sequence[int], dtype: Any = None) -> Any:
        values = keras.random.normal(shape, dtype=dtype, seed=self.seed)
        return ops.cast(unit(values), values.dtype)
