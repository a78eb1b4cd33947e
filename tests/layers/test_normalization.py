"""Batch normalisation: Keras' numbers, by another way where the backend has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import BatchNormalization
from kssl.testing.common import array, value_and_gradient

FUSED = keras.backend.backend() == "tensorflow"
only_fused = pytest.mark.skipif(not FUSED, reason="only TensorFlow has the fused operation")

TOLERANCE = {"float32": 2e-5, "mixed_bfloat16": 0.05, "mixed_float16": 0.01}
SHAPES = [(16, 8), (4, 6, 8), (4, 5, 6, 8), (2, 3, 4, 5, 8)]


def data(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3.0, 2.0, shape).astype("float32")


def twins(shape: tuple[int, ...], **settings: Any) -> tuple[Any, Any]:
    """Return Keras' layer and ours, with the same weights that are not the usual ones."""
    pair = keras.layers.BatchNormalization(**settings), BatchNormalization(**settings)
    for layer in pair:
        layer.build(shape)
        for weight, value in zip(layer.weights, (0.5, -1.0, 0.3, 1.7), strict=False):
            width = weight.shape[0]
            weight.assign(value + np.linspace(0, 1, width))
    return pair


def operations(call: Callable[[Any], Any], inputs: np.ndarray) -> set[str]:
    """Return the kinds of operation in the TensorFlow graph of a call."""
    import tensorflow as tf

    spec = tf.TensorSpec(inputs.shape, inputs.dtype)
    graph = tf.function(call).get_concrete_function(spec).graph
    return {operation.type for operation in graph.get_operations()}


def gradient(layer: Any, inputs: np.ndarray, training: bool) -> np.ndarray:
    """Return the gradient of a function of the outputs; the weights stay as they are."""

    def total(x: Any) -> Any:
        with keras.StatelessScope():
            return ops.sum(ops.sin(ops.cast(layer(x, training=training), "float32")))

    return value_and_gradient(total, inputs)[1]


def assert_alike(found: Any, wanted: Any, tolerance: float) -> None:
    wanted = array(wanted)
    np.testing.assert_allclose(
        array(found), wanted, rtol=tolerance, atol=tolerance * max(1.0, np.abs(wanted).max())
    )


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_gradients_and_statistics_are_those_of_keras(
    shape: tuple[int, ...], precision: str
) -> None:
    # 1e-5 is the constant of our encoders: the comparison is worth nothing off the fused path.
    keras_layer, layer = twins(shape, dtype=precision, momentum=0.9, epsilon=1e-5)
    if FUSED:
        assert "FusedBatchNormV3" in operations(lambda x: layer(x, training=True), data(shape))
        found = operations(lambda x: keras_layer(x, training=True), data(shape))
        assert "FusedBatchNormV3" not in found
    tolerance = TOLERANCE[precision]
    for step in range(3):
        inputs = data(shape, step)
        for training in (True, False):
            found, wanted = (gradient(each, inputs, training) for each in (layer, keras_layer))
            assert_alike(found, wanted, tolerance)
            found, wanted = (each(inputs, training=training) for each in (layer, keras_layer))
            assert_alike(found, wanted, tolerance)
    for found, wanted in zip(layer.weights, keras_layer.weights, strict=True):
        assert_alike(found, wanted, 2e-5)


@pytest.fixture
def policy() -> Iterator[Callable[[str], None]]:
    """Sets the precision of what is made; it is put back afterwards."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def network(cls: type) -> Any:
    """Return a convolutional network with a normalisation, the same whatever its class is."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(8, 3, use_bias=False),
            cls(momentum=0.8, epsilon=1e-5),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, dtype="float32"),
        ]
    )


def trained(cls: type, jit: bool | str = "auto") -> Any:
    """Return such a network after 20 steps."""
    images, targets = data((32, 6, 6, 3)), data((32, 4), 1)
    model = network(cls)
    model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=jit)
    model.fit(images, targets, batch_size=8, epochs=5, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("jit", [True, False] if FUSED else ["auto"])
@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [("float32", 2e-5), ("mixed_bfloat16", 2e-3), ("mixed_float16", 2e-3)],
)
def test_training_moves_all_weights_as_keras_does(
    precision: str, tolerance: float, jit: bool | str, policy: Callable[[str], None]
) -> None:
    policy(precision)
    ours, theirs = trained(BatchNormalization, jit), trained(keras.layers.BatchNormalization, jit)
    start = network(BatchNormalization)
    assert ours.layers[1].compute_dtype == precision.removeprefix("mixed_")
    for found, wanted, before in zip(ours.weights, theirs.weights, start.weights, strict=True):
        assert_alike(found, wanted, tolerance)
        assert np.abs(array(wanted) - array(before)).max() > 20 * tolerance


@only_fused
@pytest.mark.parametrize(
    ("settings", "fused"),
    [
        ({}, True),
        ({"center": False}, True),
        ({"scale": False}, True),
        ({"epsilon": 1e-7}, False),
        ({"axis": 1}, False),
        ({"renorm": True}, False),
        ({"synchronized": True}, False),
        ({"dtype": "float64"}, False),
    ],
    ids=str,
)
def test_what_is_fused_and_what_takes_the_path_of_keras(settings: dict, fused: bool) -> None:
    inputs = data((4, 5, 6, 8)).astype(settings.get("dtype", "float32"))
    keras_layer, layer = twins(inputs.shape, **settings)
    kinds = operations(lambda x: layer(x, training=True), inputs)
    assert ("FusedBatchNormV3" in kinds) == fused
    for training in (True, False):
        wanted = keras_layer(inputs, training=training)
        assert_alike(layer(inputs, training=training), wanted, 2e-5)


def test_a_mask_counts_as_in_keras() -> None:
    inputs = data((4, 6, 8))
    mask = np.arange(6)[None, :] < np.array([[6], [2], [4], [1]])
    keras_layer, layer = twins(inputs.shape)
    for each in (keras_layer, layer):
        each(inputs, training=True, mask=mask)
    unmasked = twins(inputs.shape)[1]
    unmasked(inputs, training=True)
    assert_alike(layer.moving_mean, keras_layer.moving_mean, 1e-6)
    assert np.abs(array(layer.moving_mean) - array(unmasked.moving_mean)).max() > 1e-3


def test_a_frozen_layer_uses_and_keeps_its_statistics() -> None:
    keras_layer, layer = twins((4, 5, 6, 8))
    for each in (keras_layer, layer):
        each.trainable = False
    before = array(layer.moving_mean)
    inputs = data((4, 5, 6, 8))
    assert_alike(layer(inputs, training=True), keras_layer(inputs, training=True), 2e-5)
    np.testing.assert_array_equal(array(layer.moving_mean), before)


def test_a_batch_of_one_value_stays_finite() -> None:
    keras_layer, layer = twins((1, 1, 1, 8))
    for each in (keras_layer, layer):
        each(data((1, 1, 1, 8)), training=True)
    assert_alike(layer.moving_variance, keras_layer.moving_variance, 1e-6)


def test_configuration_and_weights_are_interchangeable(tmp_path: Any) -> None:
    keras_layer, layer = twins((4, 5, 6, 8), epsilon=0.01, beta_initializer="ones")
    own, other = layer.get_config(), keras_layer.get_config()
    assert {**own, "name": ""} == {**other, "name": ""}
    models = [
        keras.Sequential([keras.Input((5, 6, 8)), type(each).from_config(other)])
        for each in (keras_layer, layer)
    ]
    models[0].layers[0].set_weights(keras_layer.get_weights())
    models[0].save_weights(tmp_path / "keras.weights.h5")
    models[1].load_weights(tmp_path / "keras.weights.h5")
    assert_alike(models[1](data((4, 5, 6, 8))), models[0](data((4, 5, 6, 8))), 2e-5)


@only_fused
@pytest.mark.parametrize("precision", TOLERANCE)
def test_an_exported_model_normalises_alike(
    precision: str, tmp_path: Any, policy: Callable[[str], None]
) -> None:
    import tensorflow as tf

    policy(precision)
    ours, images = trained(BatchNormalization), data((3, 6, 6, 3), 2)
    theirs = network(keras.layers.BatchNormalization)
    theirs.set_weights(ours.get_weights())
    wanted = theirs(images)
    ours.export(tmp_path / "exported", verbose=False)
    ours.save(tmp_path / "model.keras")
    exported = tf.saved_model.load(tmp_path / "exported")
    assert_alike(exported.serve(images), wanted, TOLERANCE[precision])
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[1], BatchNormalization)
    np.testing.assert_array_equal(array(loaded(images)), array(ours(images)))
