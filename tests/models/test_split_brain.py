"""Split-brain autoencoder: what each half sees and predicts, and the losses by hand."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax

from kssl.layers import MLP, ConvNet, brightness_and_color
from kssl.models import SplitBrain

IMAGES = np.random.RandomState(0).rand(6, 12, 12, 3).astype("float32")


def small(**settings: object) -> SplitBrain:
    model = SplitBrain(ConvNet([4, 5], pool=False), ConvNet([4], pool=False), **settings)
    model.build(IMAGES.shape)
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def squares(values: np.ndarray, places: int) -> np.ndarray:
    side = 12 // places
    return values.reshape(6, places, side, places, side, -1).mean(axis=(2, 4))


def test_each_half_predicts_the_classes_that_the_other_sees() -> None:
    model = small(bins=4)
    outputs = model(IMAGES)
    assert outputs["color"].shape == (6, 6, 6, 16) and outputs["brightness"].shape == (6, 12, 12, 4)
    light, color = (array(each) for each in brightness_and_color(IMAGES))
    steps = np.clip(np.floor((squares(color, 6) * 0.5 + 0.5) * 4), 0, 3).astype(int)
    wanted = {"color": steps[..., 0] + 4 * steps[..., 1]}
    wanted["brightness"] = np.clip(np.floor(light[..., 0] * 4), 0, 3).astype(int)
    expected = 0.0
    for name, classes in wanted.items():
        logs = log_softmax(array(outputs[name]), axis=-1)
        expected += 0.5 * np.mean(-np.take_along_axis(logs, classes[..., None], axis=-1))
    found = float(model.objective(IMAGES, outputs, None, False))
    assert found == pytest.approx(expected, rel=1e-3)


def test_values_have_the_squared_error() -> None:
    model = small(bins=None)
    outputs = model(IMAGES)
    light, color = (array(each) for each in brightness_and_color(IMAGES))
    of_color = np.square(squares(color, 6) * 0.5 + 0.5 - array(outputs["color"])).mean()
    expected = 0.5 * (of_color + np.square(light - array(outputs["brightness"])).mean())
    found = float(model.objective(IMAGES, outputs, None, False))
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_half_sees_its_own_channels_alone() -> None:
    model = small()
    embedding = array(model.embed(IMAGES))
    assert embedding.shape == (6, 9)
    light, _ = brightness_and_color(IMAGES)
    grey = np.repeat(array(light), 3, axis=-1).astype("float32")
    of_grey = array(model.embed(grey))
    np.testing.assert_allclose(of_grey[:, :5], embedding[:, :5], atol=1e-4)
    np.testing.assert_allclose(of_grey[1:, 5:], of_grey[:-1, 5:], atol=1e-4)  # no colour at all


def test_both_halves_learn() -> None:
    model = small(bins=4)
    model.compile("adam")
    history = model.fit(IMAGES, batch_size=6, epochs=4, verbose=0).history
    for name in ("color_loss", "brightness_loss"):
        assert history[name][-1] < history[name][0]


def test_images_without_colour_and_encoders_without_a_map_are_refused() -> None:
    with pytest.raises(ValueError, match="SplitBrain needs images of three channels"):
        SplitBrain().build((None, 8, 8, 1))
    with pytest.raises(ValueError, match="needs encoders that give a map"):
        SplitBrain(MLP([4])).build((None, 8, 8, 3))
    with pytest.raises(ValueError, match="bins must be at least 2, or None"):
        SplitBrain(bins=1)
