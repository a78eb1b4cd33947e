"""The probes against independent implementations, and against data whose answer is known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from kssl.errors import RunError, UserError
from kssl.evaluation import Skipped, knn, knn_predict, linear, linear_accuracy
from kssl.evaluation.neighbours import knn_votes
from kssl.evaluation.probing import standard_error

# Expected values: lightly's knn_predict (weighted), scikit-learn's KNeighborsClassifier (majority),
# a stable sort (ties), in float64.
QUERY = np.array(
    [
        [-1.927736, 2.055091, 0.551684, -2.577066],
        [1.113316, 0.471574, 0.230072, -0.329147],
        [-0.431413, 1.397585, 0.165857, -1.638159],
        [1.036167, -1.620683, 0.748963, -0.127306],
        [0.923384, -1.499458, 0.329006, 0.057473],
        [-1.154292, 0.878161, -0.537675, 0.331916],
        [-0.062105, 0.038598, -1.736249, -1.382078],
    ]
)
BANK = np.array(
    [
        [1.354831, -2.076997, -0.046633, -0.681638],
        [0.343548, 0.589272, 0.212463, -0.134126],
        [0.351989, -1.150421, 0.201164, 0.234134],
        [0.357581, 0.337217, -0.886288, -0.193657],
        [-0.6077, -0.054331, -0.861931, -0.534037],
        [-1.271471, 1.353996, -1.036111, -1.215056],
        [0.358047, 2.274647, 1.330846, -0.597435],
        [0.111487, 1.010574, -0.85362, -0.287769],
        [-1.317465, -0.189643, -1.23777, -1.098779],
        [-2.130679, 0.068555, 0.986602, 1.675949],
        [-0.335794, 1.198866, 0.488211, -0.91972],
        [-0.656863, 2.206293, -1.389901, 0.955462],
        [-1.300062, 0.332499, 0.716028, -0.688043],
        [1.18922, 1.501617, -1.182759, -0.415959],
        [-1.964976, -1.100225, 0.929601, -3.185233],
        [1.357859, 1.582758, 0.64031, -0.308656],
        [-0.496389, -1.37733, 0.883436, 0.503198],
        [-1.909024, -0.781415, 1.301693, 0.680567],
        [1.192007, 0.852316, -0.119758, -0.39931],
        [1.129552, 1.363305, -0.292559, -0.558681],
    ]
)
LABELS = np.array([1, 2, 1, 1, 2, 0, 0, 0, 2, 2, 2, 2, 0, 2, 0, 0, 0, 1, 1, 1])
TIED_QUERY = np.array([[1.0, 1.0], [3.0, 0.0], [0.0, 0.5], [-2.0, 0.0]])
TIED_BANK = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])
TIED_LABELS = np.array([2, 2, 0, 0, 1])
WEIGHTED = [  # k, temperature, votes of the first query, of the last, predictions
    (
        5,
        0.1,
        [9050.396896, 0.0, 9734.919899],
        [1328.772487, 2553.161623, 8448.778192],
        [2, 1, 2, 1, 1, 2, 2],
    ),
    (
        10,
        0.07,
        [293710.986096, 42.454, 500877.666894],
        [21774.442823, 73760.060581, 314748.14226],
        [2, 1, 2, 1, 1, 2, 2],
    ),
    (
        20,
        0.5,
        [21.767441, 5.669166, 17.54905],
        [11.82136, 10.429252, 17.190766],
        [0, 1, 0, 1, 1, 2, 2],
    ),
]
MAJORITY = [  # k, votes of the first query, predictions
    (1, [0, 0, 1], [2, 1, 2, 1, 1, 2, 2]),
    (5, [4, 0, 1], [0, 1, 0, 1, 1, 2, 0]),
    (10, [5, 1, 4], [0, 1, 0, 1, 1, 2, 2]),
]
TIES = [(2, [2, 2, 0, 0]), (3, [2, 2, 0, 0]), (4, [0, 0, 0, 0])]


@pytest.mark.parametrize(("k", "temperature", "first", "last", "predictions"), WEIGHTED)
def test_weighted_votes(
    k: int, temperature: float, first: list[float], last: list[float], predictions: list[int]
) -> None:
    shares = knn_votes(BANK, LABELS, QUERY, k, 3, temperature)
    np.testing.assert_allclose(shares[0], np.array(first) / sum(first), rtol=1e-6)
    np.testing.assert_allclose(shares[-1], np.array(last) / sum(last), rtol=1e-6)
    assert knn_predict(BANK, LABELS, QUERY, k, 3, temperature).tolist() == predictions


@pytest.mark.parametrize(("k", "votes", "predictions"), MAJORITY)
def test_majority_votes(k: int, votes: list[int], predictions: list[int]) -> None:
    shares = knn_votes(BANK, LABELS, QUERY, k, 3, None)
    np.testing.assert_allclose(shares[0], np.array(votes) / k)
    assert knn_predict(BANK, LABELS, QUERY, k, 3, None).tolist() == predictions


@pytest.mark.parametrize(("k", "predictions"), TIES)
def test_ties_go_to_the_first_row_and_the_smallest_class(k: int, predictions: list[int]) -> None:
    assert knn_predict(TIED_BANK, TIED_LABELS, TIED_QUERY, k, 3, None).tolist() == predictions


def test_votes_do_not_depend_on_the_length_of_rows_or_on_chunks(monkeypatch: Any) -> None:
    whole = knn_votes(BANK, LABELS, QUERY, 5, 3, 0.1)
    monkeypatch.setattr("kssl.evaluation.neighbours._SIMILARITIES", 40)  # two queries at a time
    scaled = knn_votes(7.0 * BANK, LABELS, QUERY * np.arange(1, 8)[:, None], 5, 3, 0.1)
    np.testing.assert_allclose(scaled, whole, rtol=1e-6)


def test_a_tiny_temperature_and_an_empty_row_stay_finite() -> None:
    queries = np.concatenate([QUERY, np.zeros((1, 4))]).astype(np.float32)
    shares = knn_votes(BANK.astype(np.float32), LABELS, queries, 5, 3, 1e-4)
    assert np.isfinite(shares).all()
    nearest = knn_predict(BANK, LABELS, QUERY, 1, 3, None)
    assert shares[:-1].argmax(axis=1).tolist() == nearest.tolist()


def test_more_neighbours_than_rows_means_all_rows() -> None:
    more = knn_predict(BANK, LABELS, QUERY, 999, 3, 0.5)
    assert more.tolist() == knn_predict(BANK, LABELS, QUERY, len(BANK), 3, 0.5).tolist()


def test_knn_puts_the_baselines_beside_the_number(task: Any) -> None:
    (result,) = knn(k=5)(task)
    assert (result.name, result.metric, result.better) == ("knn", "accuracy", "higher")
    assert result.value == 1.0
    assert result.baselines["pixels"] == result.value  # the model is the identity
    assert result.baselines["PCA"] == 1.0
    assert result.baselines["untrained"] < 0.9
    classes, counts = np.unique(task.train.label, return_counts=True)
    share = float(np.mean(task.test.label == classes[counts.argmax()]))
    assert result.baselines["majority class"] == pytest.approx(share)
    rows = {
        "PCA",
        "untrained",
        "untrained, rescaled",
        "pixels",
        "colour histogram",
        "majority class",
    }
    models = {"pixels, logistic regression", "colour histogram, logistic regression"}
    assert set(result.baselines) == rows | models
    assert "below" not in result.note
    assert result.settings["width"] == 16
    assert (result.settings["bank"], result.settings["test"]) == (300, 100)


def test_simple_models_are_fitted_once_for_all_probes(task: Any, monkeypatch: Any) -> None:
    from kssl.modalities import base

    fitted: list[int] = []
    original = base.logistic_regression

    def counting(bank: Any, labels: Any, test: Any) -> np.ndarray:
        fitted.append(bank.shape[1])
        return original(bank, labels, test)

    monkeypatch.setattr(base, "logistic_regression", counting)
    (neighbours,), (line,) = knn(k=5)(task), linear()(task)
    assert fitted == [16, 64]  # pixels, and their histogram
    name = "pixels, logistic regression"
    assert line.baselines["pixels"] == line.baselines[name] == neighbours.baselines[name] == 1.0
    assert linear(penalty=2.0)(task)[0].baselines["pixels"] == 1.0
    linear(limit=100)(task)
    assert len(fitted) == 4  # another bank has other models


def test_a_model_below_a_simple_one_is_told_so(task: Any) -> None:
    task.model, task.untrained = task.untrained, task.model
    for probe in (knn(k=5), linear()):
        (result,) = probe(task)
        assert result.value < 0.9 and result.note.startswith("below pixels")


def test_standardized_features_have_no_common_offset(task: Any) -> None:
    for split in (task.train, task.test):
        split.image += 1e4  # all cosines are 1, but for rounding
    assert knn(k=5)(task)[0].value < 0.9
    (result,) = knn(k=5, standardize=True)(task)
    assert result.value == result.baselines["pixels"] == 1.0
    assert result.settings["standardized"] is True


def test_the_bank_is_the_start_of_the_training_split(task: Any) -> None:
    task.train.label[50:] = 0  # would ruin the votes
    assert knn(k=5, limit=50)(task)[0].value == 1.0
    assert knn(k=5, limit=None)(task)[0].value < 1.0


@pytest.mark.parametrize("probe", [knn(k=5), linear()])
def test_the_model_is_given_images_and_nothing_else(
    probe: Any, task: Any, monkeypatch: Any
) -> None:
    from kssl.models import inference

    given: list[tuple[str, Any, dict[str, Any]]] = []
    original = inference.run

    def recording(model: Any, method: str, data: Any, **arguments: Any) -> np.ndarray:
        given.append((method, data, arguments))
        return original(model, method, data, **arguments)

    monkeypatch.setattr(inference, "run", recording)
    probe(task)
    assert {method for method, _, _ in given} == {"embed"}
    assert all(data.element_spec.shape.rank == 4 for _, data, _ in given)  # images, no labels
    assert not any(arguments for _, _, arguments in given)


@pytest.mark.parametrize("probe", [knn(), linear()])
def test_data_without_labels_is_skipped_with_the_reason(probe: Any, task: Any) -> None:
    task.train.label = None
    with pytest.raises(Skipped, match="(knn|linear): the data has no labels.*leave the probe out"):
        probe(task)


@pytest.mark.parametrize("probe", [knn(), linear()])
def test_one_class_is_skipped_with_the_reason(probe: Any, task: Any) -> None:
    task.train.label[:] = 2
    with pytest.raises(Skipped, match="all 300 training examples have one label"):
        probe(task)


def test_an_encoder_that_changes_is_found_out(restless: Any) -> None:
    with pytest.raises(RunError, match="weights of Restless changed"):
        knn()(restless)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k must be above 0"),
        ({"temperature": -1.0}, "temperature"),
        ({"limit": 0}, "limit"),
    ],
)
def test_knn_refuses_settings_that_make_no_sense(settings: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        knn(**settings)


def test_linear_reads_what_is_linear_and_not_what_is_not(task: Any) -> None:
    (result,) = linear()(task)
    assert result.value == 1.0
    random = np.random.RandomState(0)
    points = random.uniform(-1, 1, (2000, 2)).astype(np.float32)
    crossed = (points[:, 0] * points[:, 1] > 0).astype(int)  # exclusive or: no line divides it
    halves = points[:1000], crossed[:1000], points[1000:], crossed[1000:]
    assert linear_accuracy(*halves) < 0.7
    assert np.mean(knn_predict(*halves[:3], 5, 2, None) == halves[3]) > 0.8


@pytest.mark.parametrize(
    ("accuracy", "count", "points"), [(0.5, 100, "5.00"), (1.0, 4, "18.63"), (0.0, 98, "1.01")]
)
def test_the_standard_error_of_few_examples_is_never_zero(
    accuracy: float, count: int, points: str
) -> None:
    assert standard_error(accuracy, count) == (
        f"one standard error is {points} percentage points ({count} test examples)"
    )


def test_linear_does_not_depend_on_the_scale_of_a_feature() -> None:
    random = np.random.RandomState(0)
    rows = random.randn(400, 5)
    labels = (rows @ random.randn(5) + 0.5 * random.randn(400) > 0).astype(int)
    scale = np.array([1e-3, 1.0, 1e3, 1.0, 50.0])
    plain = linear_accuracy(rows[:300], labels[:300], rows[300:], labels[300:])
    scaled = linear_accuracy(
        rows[:300] * scale + 7, labels[:300], rows[300:] * scale + 7, labels[300:]
    )
    assert plain == scaled > 0.75


def test_a_linear_probe_that_is_cut_short_does_not_warn(task: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        assert linear(max_iterations=1)(task)[0].settings["max_iterations"] == 1
