"""SwAV, NNCLR, MoCo v3, LeJEPA and instance discrimination: each loss, and what it remembers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import ConvNet, ProjectionHead
from kssl.losses import info_nce, sigreg, swapped_prediction
from kssl.models import NNCLR, InstanceDiscrimination, LeJEPA, MoCoV3, SwAV

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(8, 12, 12, 1).astype("float32")
VIEWS = {"view_1": IMAGES, "view_2": IMAGES[:, ::-1].copy()}
CROPS = {**VIEWS, "local_views": RANDOM.rand(8, 3, 6, 6, 1).astype("float32")}
NUMBERED = {"view_1": IMAGES, "target": np.array([3, 1, 4, 0, 5, 9, 2, 6])}


def small(method: Any, batch: Any = VIEWS, **settings: Any) -> Any:
    model = method(encoder=ConvNet([4, 6]), projector=ProjectionHead(5, 32), **settings)
    model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    return model


def array(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def loss_of(model: Any, batch: Any, outputs: Any, training: bool = False) -> float:
    return float(model.objective(batch, outputs, None, training))


def test_swav_predicts_the_codes_of_large_views_from_all_views() -> None:
    model = small(SwAV, CROPS, prototypes=7, temperature=0.2, epsilon=0.1)
    outputs = model(CROPS)
    kernel = array(model.scores.kernel)
    projections = np.stack([array(each) for each in outputs["student"]], 1)
    scores = unit(projections) @ (kernel / np.linalg.norm(kernel, axis=0))
    expected = array(swapped_prediction(scores[:, :2], scores[:, 2:], 0.2, 0.1)).mean()
    assert loss_of(model, CROPS, outputs) == pytest.approx(expected, rel=1e-4)


def test_swavs_queue_shares_the_prototypes_once_it_is_full_and_started() -> None:
    """Each view's codes are balanced over the batch and that view's earlier features."""
    model = small(SwAV, VIEWS, prototypes=7, queue_size=16, queue_start=3)
    plain, with_queue, kernel = [], [], array(model.scores.kernel)
    kernel = kernel / np.linalg.norm(kernel, axis=0)
    found = []
    for step in range(4):
        views = {key: np.roll(value, step, axis=2) ** (step + 1) for key, value in VIEWS.items()}
        stored = np.stack([array(queue.features) for queue in model.queues], 1)
        outputs = model(views, training=True)
        scores = unit(np.stack([array(each) for each in outputs["student"]], 1)) @ kernel
        plain.append(array(swapped_prediction(scores)).mean())
        with_queue.append(array(swapped_prediction(scores, older=stored @ kernel)).mean())
        found.append(loss_of(model, views, outputs, training=True))
    assert abs(plain[3] - with_queue[3]) > 1e-4
    np.testing.assert_allclose(found, [*plain[:3], with_queue[3]], rtol=1e-4)
    features = np.stack([array(queue.features) for queue in model.queues])
    np.testing.assert_allclose(np.linalg.norm(features, axis=-1), np.ones((2, 16)), rtol=1e-4)
    # Validation neither counts as a step nor enters the queue.
    before = [array(weight) for weight in model.non_trainable_weights]
    loss_of(model, VIEWS, model(VIEWS), training=False)
    for one, other in zip(before, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(one, array(other))


def test_older_scores_take_their_part_of_the_prototypes() -> None:
    """With one prototype taken by all that came before, the batch is left the others."""
    scores = np.zeros((4, 2, 3), "float32")
    older = np.zeros((40, 2, 3), "float32")
    older[..., 0] = 1.0
    alone, shared = (
        array(swapped_prediction(scores + np.eye(3)[0] * 0.1, older=each)) for each in (None, older)
    )
    assert shared.shape == (4,) and (shared > alone + 0.01).all()


def test_swavs_prototypes_stand_still_at_first() -> None:
    model = small(SwAV, VIEWS, prototypes=7, frozen_steps=2)
    model.compile(keras.optimizers.SGD(0.5))
    kernels = [array(model.scores.kernel)]
    for _ in range(3):
        model.train_on_batch(VIEWS)
        kernels.append(array(model.scores.kernel))
    np.testing.assert_array_equal(kernels[0], kernels[2])
    assert np.abs(kernels[3] - kernels[2]).max() > 0


def test_nnclr_matches_the_neighbour_of_a_view_with_the_prediction_of_the_other() -> None:
    model = small(NNCLR, queue_size=16, temperature=0.3)
    stored = array(model.queue.features)
    outputs = model(VIEWS, training=True)
    views = [unit(array(each)) for each in outputs["student"]]
    losses = []
    for view, prediction in zip(views, reversed(outputs["prediction"]), strict=True):
        neighbours = stored[(view @ stored.T).argmax(1)]
        losses.append(array(info_nce(neighbours, array(prediction), temperature=0.3)))
    assert loss_of(model, VIEWS, outputs, True) == pytest.approx(np.mean(losses), rel=1e-4)
    after = array(model.queue.features)
    np.testing.assert_allclose(after[:8], views[0], atol=1e-5)
    np.testing.assert_array_equal(after[8:], stored[8:])


def test_moco_v3_is_two_temperatures_of_both_directions() -> None:
    model = small(MoCoV3, temperature=0.3)
    outputs = model(VIEWS, training=True)
    losses = [
        array(info_nce(array(prediction), array(teacher), temperature=0.3))
        for prediction, teacher in zip(
            outputs["prediction"], reversed(outputs["teacher"]), strict=True
        )
    ]
    expected = 0.6 * np.mean(losses[0] + losses[1])
    assert loss_of(model, VIEWS, outputs) == pytest.approx(expected, rel=1e-4)


def test_lejepa_is_the_weighted_sum_of_its_parts() -> None:
    model = small(LeJEPA, CROPS, sigreg_weight=0.25, directions=4096)
    outputs = model(CROPS)
    views = np.stack([array(each) for each in outputs["student"]])  # (views, batch, projection)
    invariance = np.mean((views - views.mean(0)) ** 2)
    directions = unit(np.random.default_rng(0).normal(size=(4096, 5))).T.astype("float32")
    statistic = float(sigreg(views, directions))
    found = loss_of(model, CROPS, outputs)
    # The directions are others, so many that it makes little difference.
    assert found == pytest.approx(0.25 * statistic + 0.75 * invariance, rel=0.05)
    logs = {metric.name: float(metric.result()) for metric in model.metrics}
    assert logs["invariance"] == pytest.approx(invariance, rel=1e-4)
    assert found == pytest.approx(0.25 * logs["sigreg"] + 0.75 * logs["invariance"], rel=1e-5)
    assert loss_of(model, CROPS, outputs) != found  # new directions


def test_instance_discrimination_is_a_softmax_over_all_rows_which_then_move() -> None:
    model = small(InstanceDiscrimination, NUMBERED, examples=12, temperature=0.5, momentum=0.25)
    rows = array(model.bank.rows)
    outputs = model(NUMBERED, training=True)
    embeddings = unit(array(outputs["student"][0]))
    scores = embeddings @ rows.T / 0.5
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    numbers = NUMBERED["target"]
    expected = -logs[np.arange(8), numbers].mean()
    assert loss_of(model, NUMBERED, outputs, True) == pytest.approx(expected, rel=1e-4)
    after = array(model.bank.rows)
    moved = unit(0.25 * rows[numbers] + 0.75 * embeddings)
    np.testing.assert_allclose(after[numbers], moved, atol=1e-5)
    others = np.setdiff1d(np.arange(12), numbers)
    np.testing.assert_array_equal(after[others], rows[others])


def test_noise_is_compared_by_the_constant_of_the_first_batch() -> None:
    """With all rows drawn many times the constant is that of the softmax."""
    settings = {"examples": 12, "temperature": 0.5, "noise": 6000}
    model = small(InstanceDiscrimination, NUMBERED, **settings)
    rows = array(model.bank.rows)
    outputs = model(NUMBERED, training=True)
    scores = unit(array(outputs["student"][0])) @ rows.T / 0.5
    constant = np.log(np.exp(scores).mean() * 12)
    found = loss_of(model, NUMBERED, outputs, True)
    assert float(model.log_normalizer) == pytest.approx(constant, rel=0.02)
    # P / (P + m / N), and for each of m draws from all rows alike the other way round
    model_of = np.exp(scores - float(model.log_normalizer))
    share = model_of / (model_of + 6000 / 12)
    right = -np.log(share[np.arange(8), NUMBERED["target"]])
    wrong = -6000 * np.log(1 - share).mean(1)
    assert found == pytest.approx(np.mean(right + wrong), rel=0.01)
    kept = float(model.log_normalizer)
    model.bank.rows.assign(3.0 * rows)
    loss_of(model, NUMBERED, model(NUMBERED, training=True), True)
    assert float(model.log_normalizer) == kept


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"view_1": IMAGES}, "number of each example under 'target'.* transform exemplar"),
        ({**NUMBERED, "target": np.arange(8) + 5}, "InstanceDiscrimination"),
        ({**NUMBERED, "target": np.arange(8) - 1}, "InstanceDiscrimination"),
    ],
)
def test_numbers_that_are_no_examples_are_refused(batch: Any, message: str) -> None:
    model = small(InstanceDiscrimination, NUMBERED, examples=12)
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        model.fit(batch, verbose=0)


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        (SwAV, {"queue_size": -1}, "must not be negative"),
        (SwAV, {"epsilon": 0}, "epsilon must be above 0"),
        (NNCLR, {"temperature": 0}, "temperature must be above 0"),
        (MoCoV3, {"temperature": -1}, "temperature must be above 0"),
        (LeJEPA, {"sigreg_weight": 1.5}, "sigreg_weight must be in 0 to 1"),
        (InstanceDiscrimination, {"examples": 9, "noise": 0}, "noise must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(method: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        method(**settings)


@pytest.mark.parametrize("method", [SwAV, NNCLR, MoCoV3, LeJEPA])
def test_two_views_are_asked_for(method: Any) -> None:
    model = small(method)
    with pytest.raises(
        ValueError, match=f"{method.__name__} reads view_1 and view_2, .* two_views before it"
    ):
        model({"image": IMAGES})


def test_one_view_is_asked_for() -> None:
    model = small(InstanceDiscrimination, NUMBERED, examples=12)
    with pytest.raises(ValueError, match="reads view_1, .* exemplar before it"):
        model({"image": IMAGES})
