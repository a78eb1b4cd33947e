"""Evaluations in the dtype given, of any labels, and of rows that are not finite."""

from __future__ import annotations

from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import ops

from kssl.evaluation import Skipped, knn, knn_predict, linear, nearest_neighbours, retrieval
from kssl.evaluation.base import apply, squared_error
from kssl.evaluation.generation.sample_classifier import train_classifier
from kssl.evaluation.generation.sample_quality import frechet_distance
from kssl.evaluation.inputs import numbered
from kssl.evaluation.neighbours import knn_votes
from kssl.evaluation.representation import (
    alignment,
    effective_rank,
    linear_cka,
    spread,
    uniformity,
    unit_rows,
)
from kssl.models import AutoEncoder, run

RANDOM = np.random.RandomState(0)
# Squares and sums of these overflow float16 and are coarse in bfloat16.
ROWS = (300 * RANDOM.randn(40, 8)).astype("float16").astype("float32")
ROWS = ROWS.astype(ml_dtypes.bfloat16).astype("float32")
LABELS = RANDOM.randint(0, 2, 40)
MEASURES = {
    "neighbours": lambda rows: nearest_neighbours(rows, None, 3),
    "cosine": lambda rows: nearest_neighbours(rows[:9], rows[9:], 3, "cosine"),
    "knn": lambda rows: knn_predict(rows[:30], LABELS[:30], rows[30:], 5, 2),
    "unit": unit_rows,
    "spread": spread,
    "rank": effective_rank,
    "alignment": lambda rows: alignment(rows[:20], rows[20:]),
    "uniformity": uniformity,
    "cka": lambda rows: linear_cka(rows[:, :4], rows[:, 4:]),
    "fréchet": lambda rows: frechet_distance(rows[:20], rows[20:]),
    "squared error": lambda rows: squared_error(rows[:20], rows[20:]),
}


@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float64"])
@pytest.mark.parametrize("name", MEASURES)
def test_numbers_are_those_of_float32_whatever_dtype_is_given(name: str, dtype: Any) -> None:
    found, wanted = MEASURES[name](ROWS.astype(dtype)), MEASURES[name](ROWS)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "squared error"])
def test_rows_that_are_not_finite_are_named(name: str) -> None:
    rows = ROWS.copy()
    rows[3, 2] = np.nan
    with pytest.raises(ValueError, match="1 of .* rows of features are NaN or infinite.* row 3"):
        MEASURES[name](rows)


@pytest.mark.parametrize("known", [[-1, 1], [2**24, 2**24 + 1], [5, 5_000_000_000]])
def test_labels_may_be_any_whole_numbers(known: list[int], task: Any) -> None:
    names = np.array(known)
    predicted = knn_predict(ROWS[:30], names[LABELS[:30]], ROWS[:30], 1, 2)
    np.testing.assert_array_equal(predicted, names[LABELS[:30]])
    wanted = knn(k=3)(task)[0].value, linear()(task)[0].value
    for split in (task.train, task.test):
        split.label = np.array([*known, 77])[split.label]
    assert (knn(k=3)(task)[0].value, linear()(task)[0].value) == wanted


def test_rows_whose_squares_are_no_numbers_are_compared_too() -> None:
    wanted = knn_predict(ROWS[:30], LABELS[:30], ROWS[30:], 5)
    for scale in (1e-30, 1e30):
        rows = (ROWS / 300 * scale).astype("float32")
        np.testing.assert_allclose(np.linalg.norm(unit_rows(rows), axis=1), 1, rtol=1e-5)
        assert (knn_predict(rows[:30], LABELS[:30], rows[30:], 5) == wanted).all()


@pytest.mark.parametrize(
    ("labels", "queries", "k"),
    [
        (LABELS[:7], ROWS, 5),
        (np.eye(2)[LABELS], ROWS, 5),
        (LABELS, ROWS[:, :3], 5),
        (LABELS, ROWS[0], 5),
        (LABELS, ROWS, 0),
    ],
)
def test_shapes_that_do_not_fit_are_named(labels: Any, queries: Any, k: int) -> None:
    with pytest.raises(ValueError, match=r"bank is .N, D., labels .N,.*; got the shapes .40, 8., "):
        knn_predict(ROWS, labels, queries, k)
    assert knn_predict(ROWS, LABELS, ROWS[:0], 3).shape == (0,)


def test_votes_are_refused_for_labels_that_are_no_columns() -> None:
    with pytest.raises(ValueError, match="labels must be 0 to 1; got -1 to 1"):
        knn_votes(ROWS, np.where(LABELS, 1, -1), ROWS, 3, 2)


def test_the_classifier_of_samples_gives_labels_back_as_they_were() -> None:
    images = np.zeros((256, 4, 4, 1), "float32")
    images[::2] = 1.0
    labels = np.where(np.arange(256) % 2 == 0, -1, 2**24 + 1)
    assert set(train_classifier(images, labels).predict(images).tolist()) <= {-1, 2**24 + 1}


def test_labels_are_counted_from_0() -> None:
    numbers, others = numbered(np.array([7, -1, 7]), np.array([-1, 7, 0, 99]))
    assert numbers.tolist() == [1, 0, 1] and others.tolist() == [0, 1, -1, -1]


def test_a_class_that_the_bank_lacks_is_said(task: Any) -> None:
    task.train.label = np.minimum(task.train.label, 1)
    unknown = int((task.test.label == 2).sum())
    note = knn()(task)[0].note
    assert f"{unknown} test examples are of a class that the bank lacks" in note
    task.test.label = np.minimum(task.test.label, 1)
    assert "bank lacks" not in knn()(task)[0].note


def test_precision_is_of_as_many_neighbours_as_there_are(task: Any) -> None:
    (result,) = retrieval(k=1000)(task)
    assert result.metric == "precision@99 among the other test images"
    assert result.settings["k"] == 99
    assert result.note.startswith("k = 1,000 was asked for, and there are 99 images")


def test_embeddings_of_nan_are_no_number(task: Any) -> None:
    task.model.mean.assign(np.full(16, np.nan))
    for evaluation in (knn(), retrieval()):
        with pytest.raises(Skipped, match="of what LinearCoder embeds, .* NaN or infinite"):
            evaluation(task)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_embeddings_of_half_precision_leave_as_float32(dtype: str) -> None:
    model = AutoEncoder(2, dtype=dtype)
    images = np.random.RandomState(0).rand(6, 4, 4, 1).astype("float32")
    model.build(images.shape)
    assert keras.backend.standardize_dtype(model.embed(images).dtype) == dtype[6:]
    for found in (run(model, "embed", images), apply(model, "embed", images)):
        assert found.dtype == np.float32
        np.testing.assert_allclose(
            found, ops.convert_to_numpy(ops.cast(model.embed(images), "float32")), atol=0.02
        )
