"""AdamW that leaves biases and gains alone."""

from __future__ import annotations

import keras
import numpy as np

from kssl.optimizers import MatrixAdamW


def after_a_step_without_gradient(optimizer: keras.optimizers.Optimizer) -> dict[str, float]:
    shapes = {"kernel": (2, 3), "bias": (2, 3), "gamma": (3,), "embeddings": (4, 2)}
    weights = [keras.Variable(np.ones(shape), name=name) for name, shape in shapes.items()]
    optimizer.build(weights)
    optimizer.apply([keras.ops.zeros(shape) for shape in shapes.values()], weights)
    return {
        each.name: round(float(np.mean(keras.ops.convert_to_numpy(each))), 4) for each in weights
    }


def test_kernels_and_embeddings_decay_and_nothing_else():
    left = after_a_step_without_gradient(MatrixAdamW(0.1, weight_decay=0.5))
    assert left == {"kernel": 0.95, "bias": 1, "gamma": 1, "embeddings": 0.95}


def test_is_keras_own_but_for_that():
    keras_own = after_a_step_without_gradient(keras.optimizers.AdamW(0.1, weight_decay=0.5))
    assert set(keras_own.values()) == {0.95}
    own = MatrixAdamW(0.1, weight_decay=0.5, global_clipnorm=1.0)
    again = MatrixAdamW.from_config(own.get_config())
    assert again.get_config() == own.get_config()
