"""CPC for images: patches, what the context sees, what is compared, and the sorted digits."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.datasets import load_digits

from kssl.layers import ConvEncoder
from kssl.models import CPCImage
from kssl.pretext import patch_grid

IMAGES = np.random.RandomState(0).rand(4, 20, 15, 1).astype("float32")


def small(**settings: Any) -> CPCImage:
    settings = {"patch_size": 6, "context_depth": 1, "negatives": 5, **settings}
    model = CPCImage(ConvEncoder([4]), **settings)
    model.build(IMAGES.shape)
    return model


def array(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_patches_are_those_of_the_transform() -> None:
    model = small()
    made = patch_grid(6)({"image": IMAGES})
    np.testing.assert_array_equal(array(model._cut(IMAGES)), made["patches"])
    assert model.grid == (5, 4) == tuple(made["patches"].shape[1:3])
    given = {key: np.asarray(value) for key, value in made.items()}
    alike, inverted = (
        array(model({**given, "patches": patches})["features"])
        for patches in (given["patches"], 1.0 - given["patches"])
    )
    np.testing.assert_allclose(alike, array(model(IMAGES)["features"]), atol=1e-6)
    assert np.abs(inverted - alike).max() > 1e-3  # those of the batch are read


def test_rows_that_overlap_are_skipped() -> None:
    assert small().distances == [2, 3, 4]
    assert small(steps=2).distances == [2, 3]
    assert small(stride=6).distances == [1, 2]
    assert small(patch_size=4, stride=1).distances == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_context_sees_rows_above_alone(depth: int) -> None:
    """No pixel of the predicted rows changes the prediction."""
    model = small(context_depth=depth)
    before = array(model(IMAGES)["context"])
    below = IMAGES.copy()
    below[:, 10:] = 1.0 - below[:, 10:]  # patches of row 2 begin at pixel 7, of row 4 at 13
    after = array(model(below)["context"])
    np.testing.assert_allclose(after[:, :2], before[:, :2], atol=1e-6)
    assert np.abs(after[:, 4] - before[:, 4]).max() > 1e-3
    above = IMAGES.copy()
    above[:, :3] = 1.0 - above[:, :3]  # row 0 alone begins here
    seen = np.abs(array(model(above)["context"]) - before).max(axis=(0, 2, 3)) > 1e-5
    assert seen.tolist() == [True] + [row <= depth for row in range(1, 5)]


def test_the_loss_is_info_nce_of_each_distance_by_dot_products() -> None:
    model = small(negatives=3)
    model.predictors[0].kernel.assign(3.0 * array(model.predictors[0].kernel))
    outputs = model(IMAGES)
    drawn = {}
    others = model._others

    def kept(own: Any, count: Any) -> Any:
        drawn[len(drawn)] = array(own), array(found := others(own, count))
        return found

    model._others = kept
    loss = float(model.objective(IMAGES, outputs, None, False))
    features, context = array(outputs["features"]), array(outputs["context"])
    table, losses = features.reshape(80, -1), []
    for place, distance in enumerate(model.distances):
        own, negatives = drawn[place]
        predicted = context[:, : 5 - distance] @ array(model.predictors[place].kernel)
        predicted = predicted.reshape(len(own), -1)
        np.testing.assert_array_equal(table[own], features[:, distance:].reshape(len(own), -1))
        assert negatives.shape == (len(own), 3) and (negatives != own[:, None]).all()
        right = (predicted * table[own]).sum(-1)
        wrong = np.exp(np.einsum("pd,pnd->pn", predicted, table[negatives])).sum(-1)
        losses.append(-np.log(np.exp(right) / (np.exp(right) + wrong)))
    assert loss == pytest.approx(np.mean([each.mean() for each in losses]), rel=1e-4)
    (metric,) = model.metrics
    assert float(metric.result()) == pytest.approx(np.exp(-np.concatenate(losses)).mean(), rel=1e-4)


def test_negatives_come_from_all_places_and_images() -> None:
    model = small(negatives=2000)
    drawn = array(model._others(ops.convert_to_tensor(np.array([0, 79], "int32")), 80))
    assert set(drawn[0]) == set(range(1, 80)) and set(drawn[1]) == set(range(79))


def test_who_knows_nothing_has_the_loss_of_chance() -> None:
    model = small(negatives=16)
    for layer in model.predictors:
        layer.kernel.assign(0.0 * array(layer.kernel))
    model.compile("adam")
    found = model.evaluate(IMAGES, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(model.chance_loss) == pytest.approx(math.log(17))
    assert found["probability"] == pytest.approx(1 / 17)


def test_the_embedding_is_the_mean_over_patches() -> None:
    model = small()
    expected = array(model(IMAGES)["features"]).mean((1, 2))
    np.testing.assert_allclose(array(model.embed({"image": IMAGES})), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch_size": 16}, "16 x 16 does not fit into an image of 20 x 15"),
        ({"patch_size": 12}, "6 apart, make 2 rows, .* next 1 overlap .* give smaller patches"),
        ({"negatives": 0}, "must be at least 1, context_depth at least 0; got 6, None, 5, 0 and 1"),
        ({"stride": 0}, "must be at least 1"),
        ({"context_depth": -1}, "context_depth at least 0"),
    ],
)
def test_grids_without_a_task_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**settings)


def test_patches_of_another_grid_are_refused() -> None:
    given = {key: np.asarray(each) for key, each in patch_grid(6, 2)({"image": IMAGES}).items()}
    with pytest.raises(ValueError, match="has 5 x 4 patches of 6 pixels, and 'patches' are"):
        small()(given)


def columns(digits: np.ndarray, labels: np.ndarray, count: int, seed: int) -> Any:
    """Columns of 5 digits, each one more than that above it, and the last one's class."""
    random = np.random.default_rng(seed)
    classes = (random.integers(0, 10, count)[:, None] + np.arange(5)) % 10
    of_class = [np.flatnonzero(labels == each) for each in range(10)]
    chosen = np.array([[random.choice(of_class[each]) for each in row] for row in classes])
    return digits[chosen].reshape(count, 40, 8, 1), classes[:, -1]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="takes minutes on PyTorch")
def test_the_next_of_sorted_digits_is_told_from_a_random_one() -> None:
    """No label is seen. Of two digits, one of which goes on as the column began, chance is 50 %."""
    keras.utils.set_random_seed(0)
    data = load_digits()
    digits = (data.images / 16).astype("float32")
    images, _ = columns(digits[:1200], data.target[:1200], 1000, 1)
    unseen, last = columns(digits[1200:], data.target[1200:], 400, 2)
    model = CPCImage(ConvEncoder([16, 32]), patch_size=8, stride=8, steps=1, context_depth=1)

    def accuracy() -> float:
        outputs = model(unseen)
        predicted = array(model.predict_row(outputs["context"], 1))[:, -1, 0]
        ends = array(outputs["features"])[:, -1, 0]
        random = np.random.default_rng(0)
        other = [random.choice(np.flatnonzero(last != each)) for each in last]
        return float(np.mean((predicted * ends).sum(-1) > (predicted * ends[other]).sum(-1)))

    model.build(images.shape)
    assert 0.4 < accuracy() < 0.6
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(images, batch_size=64, epochs=6, verbose=0)
    assert accuracy() > 0.95
