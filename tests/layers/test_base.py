"""The configuration that layers have from the signature of their constructor."""

from __future__ import annotations

import inspect
import json

import keras
import numpy as np
import pytest

import kssl
from kssl import signature
from kssl.layers.base import Layer
from kssl.testing.common import array


class Scaled(Layer):
    """A layer of somebody else, with an argument of each sort."""

    def __init__(self, inner, sizes=(2, 3), rate=0.5, mode=None, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.sizes = tuple(sizes)
        self.rate = rate
        self.mode = mode

    def call(self, inputs):
        return self.rate * self.inner(inputs)


def test_a_configuration_is_plain_data_that_makes_an_equal_layer() -> None:
    layer = Scaled(keras.layers.Dense(3), (4, 5), 0.25, name="mine", dtype="mixed_bfloat16")
    config = json.loads(json.dumps(layer.get_config()))
    assert config["sizes"] == [4, 5] and config["rate"] == 0.25 and config["mode"] is None
    again = Scaled.from_config(config)
    assert (again.sizes, again.name, again.dtype_policy.name) == ((4, 5), "mine", "mixed_bfloat16")
    assert isinstance(again.inner, keras.layers.Dense) and again.inner.units == 3
    assert again.inner is not layer.inner


def test_a_configuration_is_not_changed_by_reading_it() -> None:
    config = Scaled(keras.layers.Dense(3)).get_config()
    before = json.dumps(config)
    Scaled.from_config(config)
    assert json.dumps(config) == before


def test_a_custom_layer_within_another_is_found_among_the_custom_objects() -> None:
    config = kssl.layers.LatentEncoder(Scaled(keras.layers.Dense(3)), 2).get_config()
    with keras.saving.custom_object_scope({"Scaled": Scaled}):
        again = kssl.layers.LatentEncoder.from_config(config)
    assert isinstance(again.encoder, Scaled)


def test_the_arguments_are_those_of_the_constructor() -> None:
    assert signature.arguments(Scaled) == ["inner", "sizes", "rate", "mode"]
    assert signature.arguments(kssl.layers.GatedActivation) == []


@pytest.mark.parametrize("name", kssl.layers.__all__)
def test_no_layer_of_kssl_writes_its_configuration_by_hand(name: str) -> None:
    found = getattr(kssl.layers, name)
    if not inspect.isclass(found) or not issubclass(found, Layer):
        pytest.skip("a function, or Keras' own configuration")
    assert "from_config" not in vars(found)
    # `LatentEncoder.heads` is a number in the configuration and a list of layers in the layer.
    assert "get_config" not in vars(found) or name == "LatentEncoder"


@pytest.mark.parametrize("name", ["ProjectionHead", "PredictionHead", "Prototypes"])
@pytest.mark.parametrize("built_with", [2, 3, 4])
def test_a_head_takes_any_rank_whatever_it_was_built_with(name: str, built_with: int) -> None:
    layer = getattr(kssl.layers, name)(8)
    layer.build((None, *[2] * (built_with - 2), 6))
    rows = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
    flat = array(layer(rows))
    for shape in [(12,), (3, 4), (3, 2, 2)]:
        found = layer(rows.reshape(*shape, 6))
        assert tuple(found.shape) == layer.compute_output_shape((*shape, 6)) == (*shape, 8)
        np.testing.assert_allclose(array(found).reshape(12, 8), flat, rtol=1e-5, atol=1e-6)


def test_a_head_normalises_over_all_rows_of_a_tensor_with_more_axes() -> None:
    rows = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
    for training in (False, True):
        heads = [kssl.layers.PredictionHead(4, hidden_dim=5) for _ in range(2)]
        for head in heads:
            head.build((None, 6))
        heads[1].set_weights(heads[0].get_weights())
        flat = array(heads[0](rows, training=training))
        nested = array(heads[1](rows.reshape(4, 3, 6), training=training))
        np.testing.assert_allclose(nested.reshape(12, 4), flat, rtol=1e-4, atol=1e-5)
        for one, other in zip(heads[0].weights, heads[1].weights, strict=True):
            np.testing.assert_allclose(array(one), array(other), rtol=1e-5)


def test_a_head_stands_in_a_functional_model_with_any_number_of_tokens() -> None:
    tokens = keras.Input((None, 6))
    head = kssl.layers.ProjectionHead(4, hidden_dim=5)
    model = keras.Model(tokens, head(tokens))
    assert model.output_shape == (None, None, 4)
    assert model.predict(np.ones((2, 7, 6), "float32"), verbose=0).shape == (2, 7, 4)
