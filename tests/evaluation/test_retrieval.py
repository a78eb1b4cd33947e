"""Retrieval against scikit-learn, by hand, and against what pytorch-metric-learning counts."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from kssl.errors import RunError, UserError
from kssl.evaluation import Skipped, nearest_neighbours, retrieval

RANDOM = np.random.RandomState(0)
ROWS = RANDOM.randn(60, 5).astype(np.float32)
QUERIES = RANDOM.randn(17, 5).astype(np.float32)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 3, 59])
def test_neighbours_are_those_of_scikit_learn(distance: str, k: int) -> None:
    exact = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=distance)
    wanted = exact.fit(ROWS).kneighbors(QUERIES, return_distance=False)
    np.testing.assert_array_equal(nearest_neighbours(QUERIES, ROWS, k, distance), wanted)
    among_themselves = exact.fit(ROWS).kneighbors(return_distance=False)  # leaves each one out
    np.testing.assert_array_equal(nearest_neighbours(ROWS, None, k, distance), among_themselves)


def test_neighbours_do_not_depend_on_chunks_or_on_where_the_rows_lie(monkeypatch: Any) -> None:
    whole = nearest_neighbours(ROWS, None, 4)
    module = importlib.import_module("kssl.evaluation.retrieval")  # the room has its function
    monkeypatch.setattr(module, "_SIMILARITIES", 130)  # two queries at a time
    np.testing.assert_array_equal(nearest_neighbours(ROWS, None, 4), whole)
    np.testing.assert_array_equal(nearest_neighbours(ROWS + 1000.0, None, 1), whole[:, :1])


def test_of_equal_rows_the_first_counts_and_no_row_finds_itself() -> None:
    same = np.ones((4, 2), np.float32)
    assert nearest_neighbours(same).tolist() == [[1], [0], [0], [0]]
    assert nearest_neighbours(same, k=99).shape == (4, 3)
    zeros = np.zeros((3, 2), np.float32)
    assert nearest_neighbours(zeros, None, 1, "cosine").tolist() == [[1], [0], [0]]


def test_precision_stands_beside_its_baselines(task: Any) -> None:
    (result,) = retrieval()(task)
    assert (result.name, result.better) == ("retrieval", "higher")
    assert result.metric == "precision@1 among the other test images"
    assert result.value == 1.0
    assert result.baselines["pixels"] == result.value  # the model is the identity
    assert result.baselines["PCA"] == 1.0
    assert result.baselines["untrained"] < 0.9
    labels = task.test.label
    others = (labels[:, None] == labels[None]).sum(axis=1) - 1
    assert result.baselines["chance"] == pytest.approx(others.mean() / 99)
    assert result.settings["images in the bank"] == 99 and result.settings["queries"] == 100
    assert "labels" not in result.note


def test_precision_by_hand(task: Any, pipeline: Any) -> None:
    values = np.array([0.0, 1.0, 3.0, 7.0, 7.5])  # nearest: 1, 0, 1, 4, 3
    image = np.zeros((5, 4, 4, 1), np.float32)
    image[:, 0, 0, 0] = values
    task.test = pipeline(image, np.array([0, 0, 1, 1, 0]))
    assert retrieval(k=1)(task)[0].value == pytest.approx(2 / 5)
    # the second nearest: 2, 2, 0, 2, 2
    assert retrieval(k=2)(task)[0].value == pytest.approx((2 + 0 + 1) / 10)


def test_the_training_split_can_be_the_bank(task: Any) -> None:
    (result,) = retrieval(k=3, bank="train")(task)
    assert result.metric == "precision@3 among training images"
    assert result.settings["images in the bank"] == 300
    task.train.label[50:] = 0  # wrong ones
    assert retrieval(bank="train", limit=50)(task)[0].value == 1.0
    assert retrieval(bank="train")(task)[0].value < 1.0


def test_a_query_without_another_of_its_class_is_left_out_and_counted(task: Any) -> None:
    task.test.label[0] = 77
    (result,) = retrieval()(task)
    assert result.settings["queries"] == 99
    assert "1 queries without another example of their class are left out" in result.note
    task.test.label[:] = np.arange(100)
    with pytest.raises(Skipped, match="retrieval: no example has another one of its class"):
        retrieval()(task)


def test_it_is_said_that_the_encoder_was_trained_on_labels(task: Any) -> None:
    task.model.needs_labels = True
    assert "the encoder was trained on the labels" in retrieval()(task)[0].note


def test_data_without_labels_is_skipped_and_a_restless_model_found_out(
    task: Any, restless: Any
) -> None:
    with pytest.raises(RunError, match="weights of Restless changed"):
        retrieval()(restless)
    task.test.label = None
    with pytest.raises(Skipped, match="retrieval: the data has no labels"):
        retrieval()(task)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k must be above 0"),
        ({"limit": -1}, "limit must be above 0"),
        ({"bank": "validation"}, "bank must be one of test, train; got 'validation'"),
        ({"distance": "manhattan"}, "distance must be one of euclidean, cosine"),
    ],
)
def test_refuses_settings_that_make_no_sense(settings: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        retrieval(**settings)
