"""The health guard: what it measures, and what it says of a collapse."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest

import kssl
from kssl.callbacks import HealthGuard
from kssl.evaluation.representation import (
    alignment,
    effective_rank,
    linear_cka,
    spread,
    uniformity,
)
from kssl.layers import MLP, ProjectionHead
from kssl.models import DINO, SimCLR

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((32, 6, 6, 1)).astype("float32")
VIEWS = {"view_1": IMAGES, "view_2": IMAGES + 0.01}


def fitted(guard: HealthGuard, learning_rate: float = 0.0, collapsed: bool = False) -> dict:
    keras.utils.set_random_seed(0)
    model = SimCLR(MLP([16]), ProjectionHead(8, hidden_dim=16))
    model.compile(keras.optimizers.SGD(learning_rate))
    model.build({key: value.shape for key, value in VIEWS.items()})
    if collapsed:
        last = model.projector.steps[-1]
        last.kernel.assign(0.0 * last.kernel)
        last.bias.assign(last.bias + 1.0)
    history = model.fit(VIEWS, batch_size=32, epochs=3, callbacks=[guard], verbose=0)
    return history.history


def test_logs_four_numbers_of_a_healthy_network(caplog):
    with caplog.at_level(logging.WARNING, "kssl"):
        history = fitted(HealthGuard(VIEWS))
    assert {"spread", "effective_rank", "alignment", "uniformity"} <= set(history)
    assert history["spread"][0] > 0.3 and history["effective_rank"][0] > 2
    assert history["alignment"][0] < 0.1 and history["uniformity"][0] < -0.5
    # TensorFlow warns, too, of functions that the tests before this one traced.
    assert not [each for each in caplog.records if each.name == "kssl"]


def test_a_collapse_is_said_once_in_plain_words(caplog):
    with caplog.at_level(logging.WARNING, "kssl"):
        history = fitted(HealthGuard(VIEWS), collapsed=True)
    assert history["spread"][0] == pytest.approx(0, abs=1e-6)
    collapse = [message for message in caplog.messages if "nearly the same" in message]
    plateau = [message for message in caplog.messages if "same projection for" in message]
    assert len(collapse) == len(plateau) == 1
    assert f"{np.log(63):.3f}" in plateau[0]  # 2N - 1 others for N = 32 pairs


def test_makes_no_difference_to_training():
    with_guard = fitted(HealthGuard(VIEWS), 0.1)["loss"]
    without = fitted(HealthGuard(None), 0.1)["loss"]
    assert with_guard == without


def test_numbers_of_known_rows():
    rows = RANDOM.normal(size=(500, 16))
    assert spread(rows) == pytest.approx(1.0, abs=0.02)
    assert spread(np.ones((9, 4))) == 0
    assert effective_rank(np.eye(7)) == pytest.approx(7)
    assert effective_rank(np.outer(np.arange(1, 5), np.ones(6))) == pytest.approx(1, abs=1e-6)
    assert alignment(rows, 3 * rows) == pytest.approx(0, abs=1e-12)
    assert alignment(rows, -rows) == pytest.approx(4)
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(opposite) == pytest.approx(-8)
    rotation = np.linalg.qr(RANDOM.normal(size=(16, 16)))[0]
    assert linear_cka(rows, rows @ rotation * 5) == pytest.approx(1)
    assert linear_cka(rows, RANDOM.normal(size=(500, 16))) < 0.1


def test_further_views_and_views_of_the_model_are_no_obstacle():
    small = RANDOM.random((32, 3, 4, 4, 1)).astype("float32")
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D(), MLP([8])]
    )
    model = DINO(encoder, ProjectionHead(8, hidden_dim=16), prototypes=8)
    model.compile(keras.optimizers.SGD(0.0))
    views = {**VIEWS, "local_views": small}
    history = model.fit(views, batch_size=32, callbacks=[HealthGuard(views)], verbose=0).history
    projected = keras.ops.convert_to_numpy(model.project(VIEWS["view_1"]))
    assert history["spread"][0] == pytest.approx(spread(projected), rel=1e-4)

    model = SimCLR(MLP([16]), ProjectionHead(8, hidden_dim=16), augment=keras.layers.Identity())
    model.compile(keras.optimizers.SGD(0.0))
    images = {"image": IMAGES}
    history = model.fit(images, batch_size=32, callbacks=[HealthGuard(images)], verbose=0).history
    assert history["alignment"][0] == pytest.approx(0, abs=1e-6)  # both views are the image


def test_patience_must_be_positive():
    with pytest.raises(ValueError, match="patience must be at least 1"):
        HealthGuard(VIEWS, patience=0)


def test_views_made_in_the_step_are_compared_as_views_and_leave_no_trace():
    keras.utils.set_random_seed(0)
    model = SimCLR(MLP([16]), ProjectionHead(8, 16), augment="device")
    model.compile("sgd")
    model.build(IMAGES.shape)
    guard = HealthGuard({"image": IMAGES})
    guard.set_model(model)
    model.make_views(IMAGES)  # builds them
    seeds = [np.array(each) for each in model.variables if "seed_generator" in each.path]
    logs: dict[str, float] = {}
    guard.on_epoch_end(0, logs)
    assert logs["alignment"] > 1e-3
    after = [np.array(each) for each in model.variables if "seed_generator" in each.path]
    np.testing.assert_array_equal(seeds, after)


def test_one_example_is_no_collapse_and_nan_is_named(caplog):
    model = SimCLR(MLP([4]), ProjectionHead(3, 4))
    model.build({key: value.shape for key, value in VIEWS.items()})
    with caplog.at_level(logging.WARNING, logger="kssl"):
        for batch in (
            {key: value[:1] for key, value in VIEWS.items()},
            {key: value * np.nan for key, value in VIEWS.items()},
        ):
            guard, logs = HealthGuard(batch), {}
            guard.set_model(model)
            guard.on_epoch_end(0, logs)
            assert logs == {}
    assert [record.message for record in caplog.records] == [
        "health: the projections are NaN or infinite: a lower learning rate helps"
    ]


class Normalized(keras.Model):
    """A network as deep as it needs, whose averages are far from the data when it is new."""

    def __init__(self, constant: bool = False) -> None:
        super().__init__()
        self.constant = constant
        self.flatten = keras.layers.Flatten()
        self.layer = keras.layers.Dense(16)
        self.norm = keras.layers.BatchNormalization()

    def build(self, shape: tuple[int, ...]) -> None:
        self.flatten.build(shape)
        self.layer.build((None, shape[1] * shape[2] * shape[3]))
        self.norm.build((None, 16))
        self.built = True

    def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int | None, int]:
        return (shape[0], 16)

    def call(self, x: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        features = 1e-3 * self.layer(self.flatten(x)) + 1.0  # moved by 1, spread by far less
        return 0.0 * features + 1.0 if self.constant else self.norm(features, training=training)


@pytest.mark.parametrize(
    ("constant", "steps", "said"),
    [(False, 3, ""), (False, 2000, "moving averages of batch norm"), (True, 3, "nearly the same")],
)
def test_averages_that_have_not_settled_are_no_collapse(caplog, constant, steps, said):
    keras.utils.set_random_seed(0)
    model = SimCLR(Normalized(constant), ProjectionHead(8, hidden_dim=16, normalization=None))
    model.compile("sgd")
    model.build({key: value.shape for key, value in VIEWS.items()})
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(steps)
    before = model.get_weights()
    guard, logs = HealthGuard(VIEWS), {}
    guard.set_model(model)
    with caplog.at_level(logging.WARNING, "kssl"):
        guard.on_epoch_end(0, logs)
    assert logs["spread"] < 0.1  # by the averages that it would embed with
    messages = [each.getMessage() for each in caplog.records if each.name == "kssl"]
    assert (not messages) if not said else (len(messages) == 1 and said in messages[0])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("loss", "cure"),
    [
        (kssl.losses.NTXent(), "more negatives"),
        (kssl.losses.NegativeCosine(), "a loss with negatives such as nt_xent"),
        (kssl.losses.VICReg(), "more weight on what keeps the features of a batch apart"),
    ],
)
def test_the_cure_is_one_for_the_loss(caplog, loss, cure):
    model = SimCLR(MLP([16]), ProjectionHead(8, hidden_dim=16), loss=loss)
    model.compile("sgd")
    model.build({key: value.shape for key, value in VIEWS.items()})
    last = model.projector.steps[-1]
    last.kernel.assign(0.0 * last.kernel)
    last.bias.assign(last.bias + 1.0)
    guard = HealthGuard(VIEWS)
    guard.set_model(model)
    with caplog.at_level(logging.WARNING, "kssl"):
        guard.on_epoch_end(0, {})
    (message,) = [each.getMessage() for each in caplog.records if each.name == "kssl"]
    assert "nearly the same" in message and cure in message
    assert ("temperature" in message) == hasattr(loss, "temperature")
