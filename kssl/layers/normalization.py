"""Batch normalisation equal to Keras', with TensorFlow's fused kernel."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

# The least that every kernel of the fused operation takes; Keras' path takes any.
LEAST_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="kssl")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, equal but for rounding, and fused on TensorFlow.

    Ioffe and Szegedy, arXiv:1502.03167. Arguments, configuration and weights are those of Keras'
    layer, and a model's weights can be loaded from one into the other. Keras computes moments and
    normalises with element-wise operations; here the TensorFlow backend uses its fused operation.
    The other backends, and whatever the fused operation does not do as Keras does (masks, another
    axis than the last, renormalisation, synchronisation, float64, an epsilon below 1e-5), take
    Keras' own path.

    What that is worth: a training step of a ResNet-18 on 128 images of 32 x 32, on two cores, took
    a tenth less processor time than with Keras' layer, both as `compile` has it by default (XLA)
    and with `jit_compile=False`. `benchmarks/resnet_step.py` measures it on your machine.

    Args:
        **kwargs: As in `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: Tensor `(batch, …, features)`.
        mask: Tensor `(batch, …)`: which entries count for the statistics.

    Returns:
        Tensor of the same shape.

    Example:
        >>> import keras, kssl
        >>> layer = kssl.layers.BatchNormalization(epsilon=1e-5)
        >>> layer(keras.ops.ones((2, 8, 8, 4)), training=True).shape
        (2, 8, 8, 4)
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not self._can_be_fused(inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        shape = ops.shape(inputs)
        if len(shape) != 4:  # the operation knows images only: (batch, everything, 1, features)
            middle = shape[1:-1]
            known = all(isinstance(size, int) for size in middle)
            inputs = ops.reshape(inputs, (-1, math.prod(middle) if known else 1, 1, shape[-1]))
        outputs = self._fused(inputs, bool(training) and self.trainable)
        return outputs if len(shape) == 4 else ops.reshape(outputs, shape)

    def _can_be_fused(self, inputs: Any, mask: Any) -> bool:
        rank = len(inputs.shape)
        return (
            keras.backend.backend() == "tensorflow"
            and mask is None
            and rank > 1
            and self.axis in (-1, rank - 1)
            and self.compute_dtype != "float64"
            and keras.backend.standardize_dtype(inputs.dtype) == self.compute_dtype
            and self.epsilon >= LEAST_EPSILON
            and not (self.renorm or self.synchronized)
        )

    def _fused(self, inputs: Any, learning: bool) -> Any:
        import tensorflow as tf

        width = inputs.shape[-1]
        scale = tf.ones(width) if self.gamma is None else tf.cast(self.gamma, tf.float32)
        offset = tf.zeros(width) if self.beta is None else tf.cast(self.beta, tf.float32)
        empty = tf.zeros((0,))  # in training the statistics are those of the batch
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=empty if learning else tf.cast(self.moving_mean, tf.float32),
            variance=empty if learning else tf.cast(self.moving_variance, tf.float32),
            epsilon=self.epsilon,
            is_training=learning,
        )
        if learning:
            # The operation gives the unbiased variance; Keras averages the biased one.
            count = tf.cast(tf.size(inputs) // width, tf.float32)
            variance = variance * tf.maximum(count - 1.0, 1.0) / count
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        return outputs

    def _move(self, average: Any, value: Any) -> None:
        kept = ops.cast(average, "float32") * self.momentum
        average.assign(kept + ops.stop_gradient(value) * (1.0 - self.momentum))
