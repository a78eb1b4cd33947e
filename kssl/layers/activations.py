"""Activations of transformers, with a gradient of one pass on TensorFlow."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
_CUBE = 0.044715


def gelu_approximate(x: Any) -> Any:
    """Return GELU by its tanh, as BERT and GPT-2 have it, in fewer steps.

    `x/2 · (1 + tanh(u))` with `u = √(2/π) (x + 0.044715 x³)` is `x · σ(2u)`.

    Reference:
        Hendrycks and Gimpel, Gaussian Error Linear Units, arXiv:1606.08415.

    Example:
        >>> import keras
        >>> from kssl.layers.activations import gelu_approximate
        >>> round(float(gelu_approximate(keras.ops.array(1.0))), 4)
        0.8412
    """
    return x * ops.sigmoid(x * (_SLOPE + _SLOPE * _CUBE * ops.square(x)))


def for_training(activation: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an activation with the same values and gradients that is quicker to train with.

    GELU is a dozen passes over the widest features of a transformer, there and back. In graphs of
    TensorFlow XLA makes it two. Others are returned as they are.
    """
    slope = _SLOPES.get(activation)
    if activation is keras.saving.get_registered_object("keras_hub>gelu_approximate"):
        slope = _slope_of_approximate
    if slope is None or keras.backend.backend() != "tensorflow":
        return activation
    import tensorflow as tf

    if tf.executing_eagerly() or tf.distribute.has_strategy():
        return activation
    return _compiled(activation, slope)


@functools.cache
def _compiled(activation: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    import tensorflow as tf

    forward = tf.function(activation, jit_compile=True)
    backward = tf.function(lambda x, wanted: wanted * slope(x), jit_compile=True)

    @tf.custom_gradient
    def apply(x: Any) -> Any:
        return forward(x), lambda wanted: backward(x, wanted)

    return apply


def _slope_of_gelu(x: Any) -> Any:
    density = ops.exp(-0.5 * ops.square(x)) / math.sqrt(2.0 * math.pi)
    return 0.5 * (1.0 + ops.erf(x / math.sqrt(2.0))) + x * density


def _slope_of_approximate(x: Any) -> Any:
    square = ops.square(x)
    chance = ops.sigmoid(x * (_SLOPE + _SLOPE * _CUBE * square))
    return chance + x * chance * (1.0 - chance) * (_SLOPE + 3.0 * _SLOPE * _CUBE * square)


_SLOPES = {
    keras.activations.gelu: _slope_of_gelu,
    gelu_approximate: _slope_of_approximate,
}
