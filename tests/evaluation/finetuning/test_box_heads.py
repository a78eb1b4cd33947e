"""The losses of boxes by hand; an encoder that stays as it is."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl import layers, models
from kssl.evaluation.finetuning.box_heads import (
    BoxHead,
    CentreHead,
    FrozenNetworks,
    box_loss,
    centre_loss,
)
from kssl.evaluation.finetuning.feature_map import feature_map_of
from kssl.evaluation.finetuning.protocol import Training

LOG2 = np.log(2)


def loss_of(heat: Any, sides: Any, marks: Any, outputs: Any) -> float:
    """The loss of an image of cells side by side, of one class."""
    target = np.concatenate([np.array(part, "float32") for part in (heat, sides, marks)], axis=-1)
    given = [np.array(part, "float32")[None, None] for part in (target, outputs)]
    return float(ops.convert_to_numpy(centre_loss(*map(ops.convert_to_tensor, given)))[0])


NONE, CENTRE, BACKGROUND = [0, 0, 0, 0], [1, 1], [0, 1]


def test_the_loss_of_heat_by_hand() -> None:
    # At the logit 0 heat is a half: at a centre (1/2)^2 log 2, elsewhere (1 - y)^4 (1/2)^2 log 2.
    for heat, marks, expected in [
        ([[1.0]], [CENTRE], LOG2 / 4),
        ([[0.0]], [BACKGROUND], LOG2 / 4),
        ([[0.5]], [BACKGROUND], LOG2 / 4 / 16),
        ([[0.5]], [[0, 0]], 0.0),  # within something ignored
        ([[1.0], [1.0], [0.0]], [CENTRE, CENTRE, BACKGROUND], 3 * LOG2 / 4 / 2),
    ]:
        count = len(heat)
        found = loss_of(heat, [NONE] * count, marks, [[0.0] * 5] * count)
        assert found == pytest.approx(expected, rel=1e-5)
    sure = loss_of([[1.0], [0.0]], [NONE] * 2, [CENTRE, BACKGROUND], [[90.0, *NONE], [-90.0] * 5])
    assert sure == pytest.approx(0.0, abs=1e-6)
    wrong = loss_of([[1.0]], [NONE], [CENTRE], [[-90.0, *NONE]])
    assert wrong == pytest.approx(90.0)


def test_the_loss_of_offset_and_size_is_at_centres_alone() -> None:
    sides, guess = [0.5, 0.2, 3.0, 4.0], [90.0, 0.4, 0.4, 1.0, 7.0]
    expected = 0.1 + 0.2 + 0.1 * (2 + 3)
    assert loss_of([[1.0]], [sides], [CENTRE], [guess]) == pytest.approx(expected, rel=1e-5)
    with_more = loss_of([[1.0], [0.0]], [sides, sides], [CENTRE, BACKGROUND], [guess, [-90.0] * 5])
    assert with_more == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_one_box() -> None:
    given = np.array([[0.5, 0.5, 0.5, 0.1]], "float32"), np.array([[0.5, 0.4, 0.7, 0.2]], "float32")
    found = ops.convert_to_numpy(box_loss(*map(ops.convert_to_tensor, given)))
    np.testing.assert_allclose(found, [0.1], rtol=1e-5)


@pytest.fixture
def model() -> Any:
    keras.utils.set_random_seed(0)
    model = models.SimCLR(layers.ConvNet([4, 8]), augment="device")
    model.compile("adam")
    model.build((None, 16, 16, 1))
    return model


def test_a_coarse_map_is_doubled_until_cells_are_near_enough(model: Any) -> None:
    assert feature_map_of(model).output_shape == (None, 8, 8, 8)
    for stride, cells in ((8, 8), (2, 8), (1, 16)):
        shape = CentreHead(None, classes=3, stride=stride).on(model).output_shape
        assert shape == (None, cells, cells, 7)
    assert CentreHead((32, 24), stride=1).on(model).output_shape == (None, 32, 24, 5)
    assert BoxHead(None).on(model).output_shape == (None, 4)


def test_a_head_begins_with_a_little_heat_everywhere(model: Any) -> None:
    outputs = CentreHead(None, classes=2).on(model)(np.random.rand(2, 16, 16, 1))
    found = ops.convert_to_numpy(outputs)
    np.testing.assert_allclose(1 / (1 + np.exp(-found[..., :2])), 0.1, rtol=1e-5)
    np.testing.assert_allclose(found[..., 2:], 0.5, rtol=1e-5)


def test_of_frozen_networks_the_head_alone_is_trained(model: Any) -> None:
    random = np.random.default_rng(0)
    images, boxes = random.random((20, 16, 16, 1), "float32"), random.random((20, 4), "float32")
    networks = FrozenNetworks(model, BoxHead(None))
    trained, fresh = (networks.start(1, trained=trained) for trained in (True, False))
    count = len(feature_map_of(model).weights)
    for one, other in zip(trained[:count], feature_map_of(model).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(trained[:4], fresh[:4], strict=True))
    for one, other in zip(trained[count:], fresh[count:], strict=True):
        np.testing.assert_array_equal(one, other)  # the heads begin alike
    found = []
    for start in (trained, fresh, trained):
        network = networks.fit(start, (images, boxes), Training(60, 20, 1e-2), seed=0)
        assert len(network.weights) == len(start) - count
        found.append(networks.predict(network, images))
        assert np.abs(found[-1] - boxes).mean() < np.abs(boxes.mean(axis=0) - boxes).mean() / 2
    np.testing.assert_allclose(found[0], found[2], atol=1e-4)
    assert not np.allclose(found[0], found[1], atol=1e-3)


def test_the_scale_of_an_encoder_is_no_matter_to_a_frozen_one(model: Any) -> None:
    random = np.random.default_rng(0)
    images, boxes = random.random((20, 16, 16, 1), "float32"), random.random((20, 4), "float32")
    networks = FrozenNetworks(model, BoxHead(None))
    start = networks.start(1, trained=True)
    scaled = [value.copy() for value in start]
    weights = feature_map_of(model).weights
    last = [place for place, each in enumerate(weights) if each.path.endswith("gamma")][-1]
    assert (start[last] == 1).all()  # of the shortcut, as which a residual block begins
    scaled[last] = scaled[last] * 30  # there is no shift yet, and ReLU behind it
    found = []
    for each in (start, scaled):
        network = networks.fit(each, (images, boxes), Training(20, 20, 1e-2), seed=0)
        found.append(networks.predict(network, images))
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)
