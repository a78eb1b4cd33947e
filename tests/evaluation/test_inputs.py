"""Examples, labels and simple baselines: what comes from the modality, whatever it is."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl.data import Pipeline
from kssl.evaluation import Skipped, Task
from kssl.evaluation.inputs import SimpleModels, examples_of, labelled
from kssl.modalities import Audio, Pair, Table, Tokens

RANDOM = np.random.default_rng(0)
COLUMNS = {
    "image": RANDOM.random((6, 4, 4, 1)),
    "tokens": np.arange(48).reshape(6, 8) + 1,
    "numeric": RANDOM.random((6, 3)),
    "categorical": np.zeros((6, 0), np.int64),
    "label": np.arange(6)[:, None] % 2,
}


class Split:
    """Columns in memory; a transform has hidden every token, and a task has turned the image."""

    vocabulary = None

    def __init__(self, *without: str) -> None:
        self.columns = {key: column for key, column in COLUMNS.items() if key not in without}

    def arrays(
        self,
        limit: int | None = None,
        transformed: bool = True,
        tasks: bool = True,
        first: bool = True,
    ) -> dict[str, np.ndarray]:
        found = {key: column[:limit] for key, column in self.columns.items()}
        if transformed and "tokens" in found:
            found["tokens"] = np.zeros_like(found["tokens"])
        if transformed and tasks:
            found["image"] = -found["image"]
        return found


def reader(modality: Any, shape: Any = None) -> Any:
    return types.SimpleNamespace(modality=modality, example_shape=shape)


def test_tokens_are_those_of_the_data_cut_to_what_the_model_takes() -> None:
    examples, labels = labelled(Split(), 4, reader(Tokens(), (5,)))
    np.testing.assert_array_equal(examples, COLUMNS["tokens"][:4, :5])
    assert examples.dtype == np.int32 and labels.tolist() == [0, 1, 0, 1]


def test_other_data_is_transformed_but_for_what_makes_a_pretext_task() -> None:
    pair = examples_of(Split(), reader(Pair()))
    np.testing.assert_allclose(pair["image"], COLUMNS["image"], rtol=1e-6)
    assert pair["image"].dtype == np.float32 and not pair["tokens"].any()


def test_a_table_leaves_out_columns_that_are_not_there() -> None:
    assert list(examples_of(Split(), reader(Table()))) == ["numeric"]
    assert list(examples_of(Split("categorical"), reader(Table()), 2)) == ["numeric"]


def test_what_is_missing_is_told_with_the_modality_and_the_keys() -> None:
    with pytest.raises(
        Skipped, match="reads audio, and the data has no 'audio'; it has cat.*tokens"
    ):
        labelled(Split("label"), None, reader(Audio()))
    with pytest.raises(Skipped, match="reads tokens, and the data has no 'tokens'"):
        examples_of(Split("tokens"), reader(Tokens(), (5,)))
    with pytest.raises(Skipped, match="the data has no labels"):
        labelled(Split("label"), None, reader(Table()))


def test_simple_models_of_a_table_are_compared_and_kept_with_the_task() -> None:
    model = reader(Table())
    task = Task(model, None, Split(), Split())
    sides = labelled(task.train, None, model), labelled(task.test, None, model)
    simple = SimpleModels(task, *sides, None)
    names = ["scaled and one-hot columns, logistic regression", "columns, gradient boosting"]
    assert list(simple.accuracies()) == names and simple.majority() == 0.5
    task.cache["simple models"][None, 6]["accuracies"]["kept"] = 1.0
    assert SimpleModels(task, *sides, None).accuracies()["kept"] == 1.0
    features = simple.features(2)
    assert list(features) == ["scaled and one-hot columns", "PCA"]
    assert features["PCA"][1].shape == (6, 2)


def test_a_limited_bank_of_files_listed_class_by_class_has_every_class() -> None:
    labels = np.repeat([0, 1, 2], 20)
    dataset = tf.data.Dataset.from_tensor_slices(
        {"image": np.zeros((60, 4, 4, 1), np.float32), "label": labels}
    )
    _, known = labelled(Pipeline(dataset), 6)
    assert known.tolist() == [0, 0, 1, 1, 2, 2]
    some = dataset.map(lambda each: {**each, "label": each["label"] - 1})  # -1: no label
    _, known = labelled(Pipeline(some, class_names=["a", "b"]), 6)
    assert known.tolist() == [0, 0, 0, 1, 1, 1]
