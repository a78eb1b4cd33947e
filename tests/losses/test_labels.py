"""What holds for every loss of labels and embeddings, whatever the batch is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from keras import ops

from kssl import losses
from kssl.testing.common import value_and_gradient

ROWS = np.random.default_rng(0).normal(size=(8, 5)).astype("float32")
LABELS = np.array([0, 0, 1, 1, 1, 2, 0, 3])  # rows 5 and 7 are alone

LOSSES: dict[str, Callable[[], Any]] = {
    "triplet semi_hard": partial(losses.Triplet, mining="semi_hard", squared=False),
    "triplet hard": partial(losses.Triplet, mining="hard", squared=False),
    "triplet all": partial(losses.Triplet, mining="all", squared=False),
    "triplet semi_hard_all": partial(losses.Triplet, mining="semi_hard_all", squared=False),
    "triplet soft": partial(losses.Triplet, mining="all", soft_margin=True),
    "lifted_structured": losses.LiftedStructured,
    "n_pair": losses.NPair,
    "soft_nearest_neighbor": losses.SoftNearestNeighbor,
    "supervised_contrastive": losses.SupervisedContrastive,
}
NEEDS_NEGATIVES = {name for name in LOSSES if name.startswith(("triplet", "lifted"))}

every_loss = pytest.mark.parametrize("name", LOSSES)


def measured(name: str, labels: Any, rows: Any) -> tuple[float, np.ndarray]:
    """Return the loss and its gradient with respect to the embeddings."""
    value, gradient = value_and_gradient(lambda each: LOSSES[name]()(labels, each), rows)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    return float(value), gradient


@every_loss
@pytest.mark.parametrize("size", [2, 8])
def test_without_any_positive_the_loss_is_zero_and_moves_nothing(name: str, size: int) -> None:
    value, gradient = measured(name, np.arange(size), ROWS[:size])
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


@every_loss
@pytest.mark.parametrize("size", [2, 8])
def test_one_label_for_all_is_finite(name: str, size: int) -> None:
    value, _ = measured(name, np.zeros(size, "int32"), ROWS[:size])
    if name in NEEDS_NEGATIVES:
        assert value == 0.0


@every_loss
def test_identical_embeddings_are_finite(name: str) -> None:
    measured(name, LABELS, np.repeat(ROWS[:1], 8, axis=0))
    pairs = np.concatenate([ROWS[:4], ROWS[:4]])
    measured(name, np.array([0, 1, 0, 1, 0, 1, 1, 0]), pairs)


@every_loss
def test_the_mean_is_over_the_anchors_that_have_a_positive(name: str) -> None:
    values = ops.convert_to_numpy(LOSSES[name]().call(LABELS, ROWS))
    valid = np.array([1, 1, 1, 1, 1, 0, 1, 0], bool)
    assert (values[~valid] == 0).all()
    whole = float(LOSSES[name]()(LABELS, ROWS))
    assert whole == pytest.approx(values[valid].mean(), rel=1e-5)
    summed = float(LOSSES[name](reduction="sum")(LABELS, ROWS))
    assert summed == pytest.approx(values.sum(), rel=1e-5)
    weights = np.random.default_rng(1).random(8).astype("float32")
    weighted = float(LOSSES[name]()(LABELS, ROWS, sample_weight=weights))
    assert weighted == pytest.approx((values * weights).sum() / valid.sum(), rel=1e-5)


@every_loss
def test_labels_in_a_column_and_a_translation_change_nothing(name: str) -> None:
    whole = float(LOSSES[name]()(LABELS, ROWS))
    assert float(LOSSES[name]()(LABELS[:, None], ROWS)) == pytest.approx(whole, rel=1e-6)
    if name not in ("n_pair", "supervised_contrastive"):
        assert float(LOSSES[name]()(LABELS, ROWS + 3.0)) == pytest.approx(whole, rel=1e-4)


def test_valid_anchors() -> None:
    found = ops.convert_to_numpy(losses.valid_anchors(LABELS))
    np.testing.assert_array_equal(found, [1, 1, 1, 1, 1, 0, 1, 0])
    same = ops.convert_to_numpy(losses.valid_anchors([4, 4], negatives=True))
    np.testing.assert_array_equal(same, [0, 0])
