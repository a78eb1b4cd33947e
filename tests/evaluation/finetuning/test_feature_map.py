"""The map of any encoder: with its weights, where it has one, and a reason where it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl import layers, models
from kssl.evaluation import Skipped
from kssl.evaluation.finetuning.feature_map import feature_map_of


def simclr(encoder: Any) -> Any:
    return models.SimCLR(encoder, augment="device")


def mobile_net() -> Any:
    return keras.applications.MobileNetV2(
        (32, 32, 3), weights=None, include_top=False, pooling="avg"
    )


def with_a_class_token() -> keras.Model:
    image = keras.Input((32, 32, 3))
    patches = layers.PatchEmbedding(8, patch_size=8)(image)  # (batch, 16, 8)
    token = ops.mean(patches, axis=1, keepdims=True)
    tokens = layers.Transformer(8, depth=1, heads=2)(ops.concatenate([token, patches], axis=1))
    return keras.Model(image, tokens[:, 0])


SMALL = dict(width=8, depth=1, heads=2)
# name: (model, shape of the map of images of 32 x 32 x 3)
MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "pooled": (lambda: simclr(layers.ConvNet([4, 8, 6])), (8, 8, 6)),
    "not pooled": (lambda: simclr(layers.ConvNet([4, 8], pool=False)), (16, 16, 8)),
    "ResNet": (lambda: simclr(layers.ResNet(18, width=2)), (4, 4, 16)),
    "flattened, with a dense code": (
        lambda: models.AutoEncoder(3, layers.ConvEncoder([4, 6]), layers.ConvDecoder([4, 4])),
        (8, 8, 6),
    ),
    "a mean beside a variance": (lambda: models.VAE(3, layers.ConvEncoder([4])), (16, 16, 4)),
    "tokens": (
        lambda: models.MAE(8, layers.Transformer(**SMALL), layers.Transformer(**SMALL)),
        (4, 4, 8),
    ),
    "tokens behind one of the class": (lambda: simclr(with_a_class_token()), (4, 4, 8)),
    "a stack": (
        lambda: simclr(
            keras.Sequential(
                [
                    keras.layers.Rescaling(2.0),
                    keras.layers.Conv2D(5, 3, strides=2, activation="relu"),
                    keras.layers.GlobalMaxPooling2D(),
                    keras.layers.Dense(7),
                ]
            )
        ),
        (15, 15, 5),
    ),
    "two side by side": (
        lambda: models.CMC(layers.ConvNet([4]), layers.ConvNet([6])),
        (32, 32, 10),
    ),
    "of a pretext task": (
        lambda: models.PretextClassifier(4, encoder=layers.ConvNet([4, 8])),
        (16, 16, 8),
    ),
}


def built(make: Callable[[], Any], shape: tuple[int, ...] = (32, 32, 3)) -> Any:
    keras.utils.set_random_seed(0)
    model = make()
    model.build((None, *shape))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_the_last_map_is_found(name: str) -> None:
    make, shape = MODELS[name]
    model = built(make)
    read = feature_map_of(model)
    assert read.output_shape == (None, *shape)
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    before = ops.convert_to_numpy(read(images))
    assert before.dtype == np.float32 and before.std() > 0
    own = {id(each) for each in model.weights}
    assert read.weights and {id(each) for each in read.weights} <= own  # the model's, no copies
    assert {each.path for each in read.trainable_variables}


def test_a_deep_network_of_keras_whose_map_is_one_cell_gives_an_earlier_one() -> None:
    read = feature_map_of(built(lambda: simclr(mobile_net())))
    rows, columns, features = read.output_shape[1:]
    assert (rows, columns) == (2, 2) and features > 50  # before it is padded for the next one
    larger = feature_map_of(built(lambda: simclr(mobile_net())), (96, 64))
    assert larger.output_shape[1:3] == (6, 4)


def test_the_mean_of_a_map_is_the_embedding_where_it_is_pooled() -> None:
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    for name in ("pooled", "ResNet", "tokens", "two side by side"):
        model = built(MODELS[name][0])
        features = ops.convert_to_numpy(feature_map_of(model)(images))
        embedded = ops.convert_to_numpy(model.embed(images))
        np.testing.assert_allclose(features.mean(axis=(1, 2)), embedded, atol=1e-5)


@keras.saving.register_keras_serializable(package="kssl_tests")
class Same(keras.layers.Layer):
    """Leaves tokens as they are."""

    width = 8

    def call(self, inputs: Any) -> Any:
        return inputs


def test_tokens_lie_where_their_patches_are() -> None:
    model = built(lambda: models.MAE((4, 8), Same(), layers.Transformer(**SMALL)), (16, 32, 1))
    with pytest.raises(Skipped, match="no map of features"):
        feature_map_of(model)  # patches that are not square
    model = built(lambda: models.MAE(8, Same(), layers.Transformer(**SMALL)), (16, 32, 1))
    images = np.zeros((2, 16, 32, 1), "float32")
    images[1, 8:, 24:] = 1.0  # the patch in the second row and the fourth column
    plain, changed = ops.convert_to_numpy(feature_map_of(model)(images))
    assert plain.shape == (2, 4, 8)
    there = np.abs(changed - plain).sum(axis=-1) > 1e-3
    assert there.tolist() == [[False] * 4, [False, False, False, True]]


def test_images_of_another_size_where_the_encoder_takes_them() -> None:
    model = built(MODELS["pooled"][0])
    small, large = feature_map_of(model), feature_map_of(model, (64, 40))
    assert large.output_shape == (None, 16, 10, 6)
    assert {id(each) for each in large.weights} == {id(each) for each in small.weights}
    images = np.random.default_rng(0).random((1, 64, 40, 3), "float32")
    images[:, 32:], images[:, :, 32:] = 0.0, 0.0
    whole, part = large(images), small(images[:, :32, :32])
    far = slice(0, 5)  # from the edge of what is shown
    np.testing.assert_allclose(
        ops.convert_to_numpy(whole)[:, far, far], ops.convert_to_numpy(part)[:, far, far], atol=1e-5
    )
    with pytest.raises(
        Skipped, match="MAE does not take images of 64 x 64, as one with .* 32 x 32"
    ):
        feature_map_of(built(MODELS["tokens"][0]), (64, 64))


@keras.saving.register_keras_serializable(package="kssl_tests")
class Pooling(keras.layers.Layer):
    """A convolution whose output is averaged with weights of the layer's own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.convolution = keras.layers.Conv2D(4, 3)

    def build(self, input_shape: Any) -> None:
        self.convolution.build(input_shape)
        self.importance = self.add_weight(shape=(4,), name="importance")

    def call(self, inputs: Any) -> Any:
        return ops.mean(self.convolution(inputs), axis=(1, 2)) * self.importance


def test_a_layer_with_weights_of_its_own_is_not_opened_where_they_would_be_lost() -> None:
    with pytest.raises(Skipped, match="encoder of SimCLR has no map of features before its vector"):
        feature_map_of(built(lambda: simclr(Pooling())))
    behind = keras.Sequential([keras.layers.Conv2D(3, 3, strides=2), Pooling()])
    assert feature_map_of(built(lambda: simclr(behind))).output_shape == (None, 15, 15, 3)


def test_where_there_is_no_map_this_is_said() -> None:
    for make in (
        lambda: models.VAE(2, layers.MLP([8]), layers.MLP([8])),
        lambda: simclr(
            keras.Sequential([keras.layers.Normalization(mean=0.5, variance=1.0), layers.MLP([4])])
        ),
    ):
        with pytest.raises(Skipped, match="no map of features before its vector, so it does not"):
            feature_map_of(built(make))
    tiles = models.PretextClassifier(4, encoder=layers.ConvNet([4]), parts=9)
    tiles.build((None, 9, 8, 8, 3))
    with pytest.raises(Skipped, match="reads examples of shape .9, 8, 8, 3., and boxes are on"):
        feature_map_of(tiles)
