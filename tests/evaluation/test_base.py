"""Results as plain values, and the proof that a model was left alone."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

from kssl.errors import RunError, UserError
from kssl.evaluation import Result, Skipped
from kssl.evaluation.base import below, digest, frozen, named, squared_error
from kssl.evaluation.inputs import principal_components


def test_a_result_becomes_strict_json() -> None:
    result = Result(
        "likelihood",
        "nats",
        float("nan"),
        "lower",
        {"a": np.float32(2.5), "b": float("inf")},
        {"k": np.int64(3), "temperature": None},
        "note",
    )
    fields = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert fields == {
        "name": "likelihood",
        "metric": "nats",
        "value": None,
        "better": "lower",
        "baselines": {"a": 2.5, "b": None},
        "settings": {"k": 3, "temperature": None},
        "note": "note",
    }


@pytest.mark.parametrize(
    ("value", "better", "best"),
    [(0.9, "higher", "trained"), (0.9, "lower", "raw"), (float("nan"), "higher", "raw")],
)
def test_the_best_of_a_result(value: float, better: Any, best: str) -> None:
    assert Result("probe", "x", value, better, {"raw": 0.5}, {}).best() == best


def test_what_an_evaluation_needs_is_told_in_one_sentence(task: Any) -> None:
    with pytest.raises(Skipped, match=r"^likely: it needs a model that gives a log-likelihood"):
        named("likely", lambda task: [], needs=["Reconstructs", "HasDensity"])(task)
    with pytest.raises(Skipped, match="^spoken: it is for models that read audio, and Linear"):
        named("spoken", lambda task: [], modalities=["audio"])(task)
    assert named("rebuilt", lambda task: [], needs=["Reconstructs"])(task) == []


def test_a_simple_model_that_is_better_is_named() -> None:
    assert below(0.5, {"pixels": 0.6, "PCA": 0.7, "untrained": 0.9}) == "below PCA"
    assert below(0.7, {"PCA": 0.7}) == below(0.7, {}) == ""


def test_skipped_is_the_users_to_mend() -> None:
    assert issubclass(Skipped, UserError)


def test_the_digest_sees_one_changed_number(task: Any) -> None:
    before = digest(task.model)
    assert digest(task.model) == before
    mean, matrix = task.model.get_weights()
    mean[3] = np.nextafter(mean[3], np.float32(1))
    task.model.set_weights([mean, matrix])
    assert digest(task.model) != before


def test_frozen_names_the_model_whose_weights_moved(task: Any) -> None:
    with pytest.raises(RunError, match="LinearCoder changed"):
        with frozen(task.model):
            task.model.set_weights([weight + 1 for weight in task.model.get_weights()])


def test_frozen_makes_random_numbers_repeat_and_puts_the_state_back() -> None:
    model = keras.Sequential([keras.layers.GaussianNoise(1.0, seed=5)])
    ones = np.ones((2, 3), np.float32)
    model(ones, training=True)
    states = [value for value in model.variables if "seed" in value.name]
    before = [keras.ops.convert_to_numpy(value).tolist() for value in states]
    drawn = []
    for seed in (1, 1, 2):
        with frozen(model, seed):
            drawn.append(keras.ops.convert_to_numpy(model(ones, training=True)).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert [keras.ops.convert_to_numpy(value).tolist() for value in states] == before != []


def test_the_exact_components_are_those_of_a_singular_value_decomposition() -> None:
    rows = np.random.RandomState(0).randn(200, 6, 2).astype(np.float32)
    flat = rows.reshape(200, -1)
    _, _, components = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    fitted = principal_components(rows, 3).components_
    np.testing.assert_allclose(np.abs(fitted @ components[:3].T), np.eye(3), atol=1e-4)
    assert principal_components(rows[:5], 99).n_components_ == 5


def test_squared_error_is_summed_over_values_and_averaged_over_examples() -> None:
    target = np.zeros((2, 2, 2))
    output = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 3.0)])
    assert squared_error(target, output) == (4 * 1 + 4 * 9) / 2
