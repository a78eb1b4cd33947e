"""Random weights at the scale of the data: what becomes of each layer, and that it is undone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.evaluation.rescaled import rescaled
from kssl.layers import MLP, ConvNet, Transformer
from kssl.models import MAE, AutoEncoder, SimCLR

IMAGES = 3.0 + 0.1 * np.random.RandomState(0).rand(64, 8, 8, 1).astype("float32")  # far from 0


def array(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_each_unit_has_mean_0_and_deviation_1_before_its_activation() -> None:
    model = AutoEncoder(4, MLP([16, 12], activation="relu"))
    model.build(IMAGES.shape)
    plain = array(model.embed(IMAGES))
    with rescaled(model, IMAGES):
        codes = array(model.embed(IMAGES))
    np.testing.assert_allclose(codes.mean(0), np.zeros(4), atol=1e-3)
    np.testing.assert_allclose(codes.std(0), np.ones(4), atol=1e-2)
    assert plain.std(0).max() < 0.5  # what differs between the images was drowned in their mean


def test_batch_normalisation_gets_the_statistics_of_the_examples() -> None:
    norm = keras.layers.BatchNormalization()
    model = AutoEncoder(4, keras.Sequential([norm, keras.layers.Flatten()]))
    model.build(IMAGES.shape)
    with rescaled(model, IMAGES):
        assert float(norm.moving_mean[0]) == pytest.approx(IMAGES.mean(), rel=1e-4)
        assert float(norm.moving_variance[0]) == pytest.approx(IMAGES.var(), rel=1e-2)
    assert float(norm.moving_mean[0]) == 0.0 and float(norm.moving_variance[0]) == 1.0


@pytest.mark.parametrize("make", [
    lambda: SimCLR(ConvNet([4, 6]), augment="device"),
    lambda: MAE(4, Transformer(8, 1, 2), Transformer(8, 1, 2)),
    lambda: AutoEncoder(4),
])  # fmt: skip
def test_the_model_is_as_it_was_afterwards(make: Any) -> None:
    model = make()
    model.build(IMAGES.shape)
    weights = [array(each) for each in model.weights]
    calls = {id(each): vars(each).get("call") for each in model._flatten_layers()}
    before = array(model.embed(IMAGES))
    with rescaled(model, IMAGES):
        assert np.abs(array(model.embed(IMAGES)) - before).max() > 1e-3
    for one, other in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, array(other))
    assert calls == {id(each): vars(each).get("call") for each in model._flatten_layers()}
    np.testing.assert_allclose(array(model.embed(IMAGES)), before, rtol=1e-5, atol=1e-6)


def test_a_unit_that_is_the_same_for_all_examples_stays() -> None:
    model = AutoEncoder(4)
    model.build(IMAGES.shape)
    with rescaled(model, np.ones_like(IMAGES)):
        assert np.isfinite(array(model.embed(IMAGES))).all()


def test_weights_come_back_after_an_error() -> None:
    model = AutoEncoder(4)
    model.build(IMAGES.shape)
    weights = [array(each) for each in model.weights]
    with pytest.raises(RuntimeError), rescaled(model, IMAGES):
        raise RuntimeError
    for one, other in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, array(other))
