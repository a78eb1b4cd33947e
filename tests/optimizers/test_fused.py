"""Adam in one operation for each weight is Keras' Adam."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from kssl import models
from kssl.optimizers import EMA, MatrixAdamW
from kssl.optimizers.fused import fuse

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the operation is TensorFlow's"
)
RANDOM = np.random.default_rng(0)
ROWS, TARGETS = RANDOM.normal(size=(64, 5)), RANDOM.normal(size=(64, 3))
Make = Callable[[], keras.optimizers.Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "matrix_adamw": lambda: MatrixAdamW(1e-2, weight_decay=0.1, global_clipnorm=1.0),
    "ema": lambda: EMA(keras.optimizers.AdamW(1e-2), 0.9),
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2)),
    "accumulation": lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2),
}


def trained(optimizer: keras.optimizers.Optimizer, **settings: bool) -> list[np.ndarray]:
    """Return weights and moments after some steps."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(7, "relu"), keras.layers.Dense(3)])
    model.compile(optimizer, "mse", **settings)
    model.fit(ROWS, TARGETS, epochs=3, batch_size=8, verbose=0, shuffle=False)
    return [np.asarray(each) for each in (*model.weights, *optimizer.variables)]


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, {"jit_compile": False}) for name in OPTIMIZERS]
    + [("matrix_adamw", {"jit_compile": True}), ("matrix_adamw", {"run_eagerly": True})],
)
def test_weights_and_moments_are_those_of_keras(name: str, settings: dict[str, bool]) -> None:
    fused = OPTIMIZERS[name]()
    fuse(fused)
    for one, other in zip(
        trained(fused, **settings), trained(OPTIMIZERS[name](), **settings), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_rows_of_an_embedding_are_updated_as_by_keras() -> None:
    def rows_of(optimizer: keras.optimizers.Optimizer) -> np.ndarray:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Embedding(9, 3), keras.layers.Flatten()])
        model.compile(optimizer, "mse", jit_compile=False)
        ids = np.arange(64).reshape(64, 1) % 5
        model.fit(ids, TARGETS, batch_size=8, epochs=2, verbose=0, shuffle=False)
        return np.asarray(model.weights[0])

    fused = keras.optimizers.Adam(1e-2)
    fuse(fused)
    np.testing.assert_allclose(rows_of(fused), rows_of(keras.optimizers.Adam(1e-2)), atol=1e-6)


def operations(optimizer: keras.optimizers.Optimizer) -> list[str]:
    """Return what a model's step is made of."""
    import tensorflow as tf

    model = models.AutoEncoder(2)
    model.compile(optimizer, jit_compile=False)
    model.build((None, 4, 4, 1))
    model.optimizer.build(model.trainable_variables)
    images = tf.zeros((2, 4, 4, 1))
    step = tf.function(lambda: model.train_step(({"image": images},)))
    return [each.type for each in step.get_concrete_function().graph.get_operations()]


def test_a_model_of_kssl_takes_it_by_itself() -> None:
    weights = 8  # kernels and biases of the default encoder and decoder
    assert operations(keras.optimizers.Adam()).count("ResourceApplyAdam") == weights
    assert "ResourceApplyAdam" not in operations(keras.optimizers.Adam(amsgrad=True))
    assert "ResourceApplyAdam" not in operations(keras.optimizers.SGD())
