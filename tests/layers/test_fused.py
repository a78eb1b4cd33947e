"""Fused layers are Keras' layers: values, gradients, masks, and what stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import kssl
from kssl.layers.activations import for_training, gelu_approximate
from kssl.layers.fused import fuse

TENSORFLOW = keras.backend.backend() == "tensorflow"
fuses = pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch has its own")
only_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="fused on TensorFlow alone")
RANDOM = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return RANDOM.normal(1.0, 2.0, shape).astype("float32")


class OwnWay(keras.layers.Dense):
    def call(self, inputs: Any, training: Any = None) -> Any:
        return 2.0 * super().call(inputs)


LAYERS: dict[str, tuple[Callable[[], keras.layers.Layer], tuple[int, ...]]] = {
    "dense": (lambda: keras.layers.Dense(5, "relu"), (3, 7, 4)),
    "dense of images, without bias": (
        lambda: keras.layers.Dense(5, use_bias=False),
        (2, 3, 3, 4),
    ),
    "gelu": (lambda: keras.layers.Dense(5, "gelu"), (3, 7, 4)),
    "gelu by its tanh": (lambda: keras.layers.Dense(5, gelu_approximate), (3, 7, 4)),
    "an activation over rows": (lambda: keras.layers.Dense(5, "softmax"), (3, 7, 4)),
    "heads": (
        lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"),
        (3, 7, 4),
    ),
    "heads joined": (
        lambda: keras.layers.EinsumDense("abcd,cde->abe", (None, 3), bias_axes="e"),
        (3, 7, 2, 4),
    ),
    "another equation": (
        lambda: keras.layers.EinsumDense("abc,cd->adb", (5, 7), bias_axes="d"),
        (3, 7, 4),
    ),
    "layer normalisation": (lambda: keras.layers.LayerNormalization(epsilon=1e-6), (3, 7, 8)),
    "without a shift": (lambda: keras.layers.LayerNormalization(center=False), (3, 7, 8)),
    "over two axes": (lambda: keras.layers.LayerNormalization((1, 2)), (3, 7, 8)),
    "group normalisation": (lambda: keras.layers.GroupNormalization(4), (3, 6, 5, 8)),
    "one group": (lambda: keras.layers.GroupNormalization(1, epsilon=1e-5), (3, 6, 8)),
    "convolution": (lambda: keras.layers.Conv2D(5, 3, padding="same"), (2, 6, 5, 4)),
    "convolution of another shape": (
        lambda: keras.layers.Conv2D(5, (5, 3), padding="same", use_bias=False),
        (2, 6, 5, 4),
    ),
    "convolution of single places": (
        lambda: keras.layers.Conv2D(5, 1, padding="same"),
        (2, 6, 5, 4),
    ),
    "strides": (lambda: keras.layers.Conv2D(5, 3, strides=2, padding="same"), (2, 6, 5, 4)),
    "groups": (lambda: keras.layers.Conv2D(4, 3, groups=2, padding="same"), (2, 6, 5, 4)),
    "a way of its own": (lambda: OwnWay(5), (3, 7, 4)),
}


def outputs_and_gradients(layer: keras.layers.Layer, call: Callable[..., Any]) -> list[np.ndarray]:
    """Return outputs and the gradients of the weights, compiled as in `fit`."""

    def loss_of(outputs: Any) -> Any:
        waves = ops.cos(ops.arange(outputs.shape[-1], dtype="float32"))
        return ops.sum(ops.cast(outputs, "float32") * waves)

    if keras.backend.backend() == "jax":
        import jax

        def loss(weights: list[Any]) -> Any:
            pairs = zip(layer.trainable_variables, weights, strict=True)
            with keras.StatelessScope(state_mapping=pairs):
                outputs = call(layer)
            return loss_of(outputs), outputs

        weights = [each.value for each in layer.trainable_variables]
        gradients, outputs = jax.jit(jax.grad(loss, has_aux=True))(weights)
        return [np.asarray(each, "float32") for each in (outputs, *gradients)]

    @tf.function
    def run() -> Any:
        with tf.GradientTape() as tape:
            outputs = call(layer)
            loss = loss_of(outputs)
        weights = [each.value for each in layer.trainable_variables]
        return outputs, tape.gradient(loss, weights)

    outputs, gradients = run()
    return [np.asarray(each, "float32") for each in (outputs, *gradients)]


def both(make: Callable[[], keras.layers.Layer], shape: Any, call: Callable[..., Any]) -> Any:
    """Return the results of Keras' layer and of the fused one with the same weights."""
    keras.utils.set_random_seed(0)
    layer = make()
    if isinstance(layer, keras.layers.MultiHeadAttention):
        layer.build(shape, shape)
    else:
        layer.build(shape)
    layer.set_weights([each + 0.3 * drawn(*each.shape) for each in layer.get_weights()])
    plain = outputs_and_gradients(layer, call)
    return plain, outputs_and_gradients(fuse(layer), call)


@fuses
@pytest.mark.parametrize("name", LAYERS)
def test_a_fused_layer_has_the_values_and_gradients_of_keras(name: str) -> None:
    make, shape = LAYERS[name]
    inputs = ops.convert_to_tensor(drawn(*shape))
    for one, other in zip(
        *both(make, shape, lambda each: each(inputs, training=True)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-4)


@fuses
@pytest.mark.parametrize(
    "name", ["gelu", "layer normalisation", "group normalisation", "convolution"]
)
def test_the_gradient_of_the_inputs_is_that_of_keras(name: str) -> None:
    make, shape = LAYERS[name]
    inputs = ops.convert_to_tensor(drawn(*shape))

    def two() -> keras.layers.Layer:
        return keras.Sequential([keras.layers.Dense(shape[-1]), make()])

    results = both(two, shape, lambda each: ops.sin(each(inputs, training=True)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


MASKS: dict[str, dict[str, Any]] = {
    "none": {},
    "causal": {"use_causal_mask": True},
    "padding": {"attention_mask": np.arange(6)[None, None] < np.array([6, 4, 1])[:, None, None]},
    "both": {
        "attention_mask": np.arange(6)[None, None] < np.array([6, 4, 1])[:, None, None],
        "use_causal_mask": True,
    },
}


@fuses
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("name", MASKS)
def test_attention_attends_to_what_keras_attends_to(name: str, dropout: float) -> None:
    inputs = ops.convert_to_tensor(drawn(3, 6, 8))

    def call(layer: keras.layers.Layer) -> Any:
        return layer(inputs, inputs, training=False, **MASKS[name])

    results = both(lambda: keras.layers.MultiHeadAttention(2, 4, dropout=dropout), (3, 6, 8), call)
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-4)


class Shifted(keras.layers.MultiHeadAttention):
    """Attention whose keys are not of what it is given as such."""

    def call(self, query: Any, value: Any, key: Any = None, **settings: Any) -> Any:
        return super().call(query, value, 2.0 * query, **settings)


@fuses
@pytest.mark.parametrize(
    ("make", "other"),
    [
        (lambda: keras.layers.MultiHeadAttention(2, 4, value_dim=3, dropout=0.1), False),
        (lambda: keras.layers.MultiHeadAttention(2, 4, use_bias=False), False),
        (lambda: keras.layers.MultiHeadAttention(2, 4), True),
        (lambda: Shifted(2, 4), False),
    ],
)
def test_one_product_of_the_same_tokens_and_three_of_others(make: Any, other: bool) -> None:
    query, value = (ops.convert_to_tensor(drawn(3, 6, 8)) for _ in range(2))

    def call(layer: keras.layers.Layer) -> Any:
        return layer(query, value if other else query, training=False)

    for one, two in zip(*both(make, (3, 6, 8), call), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=3e-4)


@fuses
def test_after_a_call_the_layers_of_attention_are_their_own_again() -> None:
    layer = keras.layers.MultiHeadAttention(2, 4)
    layer.build((3, 6, 8), (3, 6, 8))
    inputs, others = drawn(3, 6, 8), drawn(3, 6, 8)
    expected = np.asarray(fuse(layer)._key_dense(others))
    layer(inputs, inputs)
    np.testing.assert_array_equal(layer._key_dense(others), expected)


@fuses
def test_scores_of_attention_can_still_be_asked_for() -> None:
    layer = keras.layers.MultiHeadAttention(2, 4)
    layer.build((3, 6, 8), (3, 6, 8))
    inputs = drawn(3, 6, 8)
    asked = {"return_attention_scores": True, "use_causal_mask": True}
    expected = layer(inputs, inputs, **asked)
    for one, other in zip(expected, fuse(layer)(inputs, inputs, **asked), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@fuses
def test_half_precision_stays_half_precision() -> None:
    layer = kssl.layers.Transformer(8, 1, 2, dtype="mixed_bfloat16")  # fused when it is built
    layer.build((2, 5, 8))
    assert keras.backend.standardize_dtype(layer(drawn(2, 5, 8)).dtype) == "bfloat16"


@fuses
def test_an_adapter_is_not_left_out() -> None:
    layer = keras.layers.Dense(5)
    layer.build((3, 7, 4))
    fuse(layer).enable_lora(2)
    layer.lora_kernel_a.assign(drawn(4, 2))
    layer.lora_kernel_b.assign(drawn(2, 5))
    inputs = drawn(3, 7, 4)
    np.testing.assert_allclose(layer(inputs), inputs @ np.asarray(layer.kernel), atol=1e-4)


@fuses
def test_a_copy_computes_with_its_own_weights() -> None:
    layer = keras.layers.Dense(5, use_bias=False)
    layer.build((3, 7, 4))
    twin = copy.deepcopy(fuse(layer))
    twin.kernel.assign(np.zeros((4, 5)))
    assert np.abs(layer(drawn(3, 7, 4))).max() > 0
    np.testing.assert_array_equal(twin(drawn(3, 7, 4)), np.zeros((3, 7, 5)))


def test_what_a_layer_saves_is_what_it_saved_before() -> None:
    network = keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(3, "gelu")])
    before = network.get_config()
    assert fuse(network).get_config() == before
    assert ("call" in vars(network.layers[0])) == (keras.backend.backend() != "torch")


@only_tensorflow
def test_other_activations_are_left_alone() -> None:
    assert for_training(keras.activations.relu) is keras.activations.relu
    assert for_training(keras.activations.gelu) is keras.activations.gelu  # outside a graph


def test_xla_is_taken_by_itself_where_steps_gain_by_it() -> None:
    model = kssl.models.VAE(latent_dim=2)
    model.compile("adam")
    gains = keras.backend.backend() == "jax" or bool(tf.config.list_logical_devices("GPU"))
    assert bool(model.jit_compile) == gains
    if TENSORFLOW:
        model.compile("adam", jit_compile=True)
        assert model.jit_compile is True
