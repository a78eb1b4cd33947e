"""Probes of each block: of what, in which order, beside what, and that the encoder is frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.errors import RunError, UserError
from kssl.evaluation import Skipped, Task, knn, linear, linear_accuracy
from kssl.evaluation.base import digest
from kssl.layers import MLP, ConvNet
from kssl.layers.blocks import averaged
from kssl.models import CMC, AutoEncoder, PretextClassifier, SimCLR
from kssl.models.capabilities import HasEncoder
from kssl.models.inference import block_names, run_blocks
from kssl.testing.common import array

IMAGES = np.random.RandomState(0).rand(5, 8, 8, 1).astype("float32")


def model_of(encoder: keras.layers.Layer, side: int = 8, **settings: Any) -> PretextClassifier:
    model = PretextClassifier(4, encoder=encoder, **settings)
    model.build((None, side, side, 1))
    return model


def test_features_of_a_block_are_those_of_its_layers_in_order() -> None:
    encoder = ConvNet([4, 6, 8], pool=False)
    model = model_of(encoder)
    features, wanted = IMAGES, []
    for step in encoder.steps:  # a convolution, its normalisation, ReLU, three blocks
        features = step(features)
        if step in encoder.block_layers:
            wanted.append(array(averaged(features, 64)))
    found = run_blocks(model, IMAGES, features=64, batch_size=2)
    assert len(found) == 3
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert [rows.shape[1] for rows in found] == [4 * 16, 6 * 9, 8 * 4]
    np.testing.assert_allclose(found[-1], array(model.embed(IMAGES)), atol=1e-5)  # all of its map


def test_a_functional_encoder_gives_what_its_layers_give() -> None:
    images = keras.Input((8, 8, 1))
    first = keras.layers.Conv2D(4, 3, strides=2, activation="relu")
    second = keras.layers.Conv2D(6, 3, activation="relu")
    pooled = keras.layers.GlobalAveragePooling2D()(second(first(images)))
    model = model_of(keras.Model(images, pooled))
    one, two = run_blocks(model, IMAGES, features=1)
    np.testing.assert_allclose(one, array(first(IMAGES)).mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(two, array(model.embed(IMAGES)), atol=1e-5)


def test_a_saved_encoder_has_the_same_blocks(tmp_path: Path) -> None:
    model = model_of(ConvNet([4, 6]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    pairs = zip(run_blocks(model, IMAGES, 9), run_blocks(loaded, IMAGES, 9), strict=True)
    for before, after in pairs:
        np.testing.assert_allclose(after, before, atol=1e-6)
    assert len(block_names(loaded)) == 2


def test_features_of_the_parts_of_an_example_are_averaged() -> None:
    videos = np.random.RandomState(1).rand(3, 2, 8, 8, 1).astype("float32")
    model = PretextClassifier(2, "frames", ConvNet([4, 6]), modality="video", parts=2)
    model.build({"video": videos.shape, "frames": videos.shape, "target": (None,)})
    first, last = run_blocks(model, videos, features=1)
    assert first.shape == (3, 4)
    np.testing.assert_allclose(last, array(model.embed(videos)), atol=1e-5)


def split(make_blobs: Any, pipeline: Any, count: int, seed: int) -> Any:
    return pipeline(*make_blobs(count, seed))


@pytest.fixture
def convolutional(make_blobs: Any, pipeline: Any) -> Task:
    keras.utils.set_random_seed(0)
    return Task(
        model_of(ConvNet([4, 6], pool=False), 4),
        model_of(ConvNet([4, 6], pool=False), 4),
        split(make_blobs, pipeline, 120, 0),
        split(make_blobs, pipeline, 60, 1),
    )


def test_a_row_for_each_block_beside_the_untrained_one(convolutional: Task) -> None:
    before = digest(convolutional.model)
    whole, *rows = linear(block_features=8)(convolutional)
    assert whole.metric == "accuracy" and "block" not in whole.settings
    assert [row.metric for row in rows] == ["accuracy, block 1 of 2", "accuracy, block 2 of 2"]
    assert [row.settings["layer"] for row in rows] == block_names(convolutional.model)
    assert [row.settings["width"] for row in rows] == [4, 6]
    both = [convolutional.train, convolutional.test]
    for model, number in ((convolutional.model, None), (convolutional.untrained, "untrained")):
        sides = [run_blocks(model, each.image, 8) for each in both]
        for place, row in enumerate(rows):
            wanted = linear_accuracy(sides[0][place], both[0].label, sides[1][place], both[1].label)
            assert (row.baselines[number] if number else row.value) == pytest.approx(wanted)
    for row in rows:
        assert row.baselines["pixels"] == whole.baselines["pixels"]
        assert {"majority class", "colour histogram"} <= set(row.baselines)
        assert not {"PCA", "untrained, rescaled"} & set(row.baselines)
        assert row.settings["weights_sha256"] == whole.settings["weights_sha256"] == before[:16]
    assert digest(convolutional.model) == before


def test_neighbours_of_blocks_and_none_where_none_are_asked_for(convolutional: Task) -> None:
    assert len(knn(k=3, block_features=1)(convolutional)) == 3
    assert len(knn(k=3)(convolutional)) == len(linear()(convolutional)) == 1


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.layers.Dense):
    """Counts how often it is called in a weight."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, inputs: Any) -> Any:
        self.count.assign_add(1.0)
        return super().call(inputs)


def test_an_encoder_that_changes_is_refused(convolutional: Task) -> None:
    model = convolutional.model
    model.embed = lambda x: model.flatten(x)  # the embedding alone leaves the encoder as it is
    convolutional.cache["embeddings"] = {"limit": 10_000}
    (whole,) = linear()(convolutional)
    assert whole.value > 0
    restless = keras.Sequential([keras.layers.Flatten(), Counting(4)])
    convolutional.model = model_of(restless, 4)
    convolutional.cache["embeddings"]["trained"] = [
        np.zeros((120, 2), "float32"),
        np.zeros((60, 2), "float32"),
    ]
    with pytest.raises(RunError, match="changed while it was evaluated"):
        linear(block_features=4)(convolutional)


def test_a_model_without_blocks_says_so_in_a_sentence(task: Any, convolutional: Task) -> None:
    (result,) = linear(block_features=4)(task)
    assert result.value == 1.0
    assert "no row for each block: it needs a model that embeds by one encoder" in result.note
    convolutional.model = model_of(keras.layers.Flatten(), 4)
    (result,) = knn(block_features=4)(convolutional)
    assert "no row for each block: in the encoder, Flatten, no blocks are told apart" in result.note


def test_two_encoders_are_not_one() -> None:
    model = CMC(ConvNet([4]), ConvNet([4]))
    assert not model.supports(HasEncoder)


def test_a_block_that_is_gone_through_twice_is_refused(convolutional: Task) -> None:
    model = SimCLR(MLP([4]), augment="device")
    model.build((None, 4, 4, 1))
    model.embed = lambda x: ops.concatenate([model.encoder(x), model.encoder(x)], axis=-1)
    with pytest.raises(ValueError, match=r"2 times to embed an example, and once is expected"):
        run_blocks(model, IMAGES[:, :4, :4], 4)
    convolutional.model = model
    with pytest.raises(Skipped, match=r"of the blocks of SimCLR, .* leave its blocks out"):
        linear(block_features=4)(convolutional)


def test_blocks_of_an_autoencoder_stand_before_its_code() -> None:
    model = AutoEncoder(3, MLP([7, 5]), MLP([7]))
    model.build((None, 8, 8, 1))
    assert [rows.shape for rows in run_blocks(model, IMAGES, 4)] == [(5, 7), (5, 5)]


def test_features_of_blocks_must_be_positive() -> None:
    with pytest.raises(UserError, match="block_features must be above 0, got 0"):
        linear(block_features=0)
    with pytest.raises(UserError, match="block_features must be above 0"):
        knn(block_features=-1)
