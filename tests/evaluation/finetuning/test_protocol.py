"""The settings of a fine-tuning: one set of names, what they mean, and what they were called."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from kssl import evaluation
from kssl.errors import UserError
from kssl.evaluation import Skipped
from kssl.evaluation.finetuning.protocol import Protocol, Training, drawn, held_out

EVALUATIONS = {
    "finetune": (),
    "few_label": (),
    "finetune_classification": ("x",),
    "finetune_pairs": ("x",),
    "finetune_tagging": ("x",),
    "finetune_answers": ("x",),
    "detection": ("x",),
}
ALL_HAVE = {"draws", "epochs", "batch_size", "max_steps", "learning_rates", "weight_decay"}
each_evaluation = pytest.mark.parametrize("name", EVALUATIONS)


@each_evaluation
def test_all_evaluations_have_the_settings_under_one_name(name: str) -> None:
    given = inspect.signature(getattr(evaluation, name)).parameters
    assert set(given) >= ALL_HAVE
    assert not set(given) & {"share", "repeats", "learning_rate", "steps", "budget"}
    sizes = {"labels", "fraction"} if name != "few_label" else {"labels_per_class"}
    assert set(given) >= sizes
    assert given["batch_size"].default == Protocol.batch_size
    assert given["weight_decay"].default == Protocol.weight_decay
    notes = {each: given[each].annotation for each in ALL_HAVE}
    first = inspect.signature(evaluation.finetune).parameters
    assert notes == {each: first[each].annotation for each in ALL_HAVE}


@each_evaluation
def test_settings_out_of_range_are_refused_alike(name: str) -> None:
    make = getattr(evaluation, name)
    for wrong, message in [
        ({"epochs": 0}, "epochs must be above 0, got 0"),
        ({"learning_rates": []}, "learning_rates must have one at least"),
        ({"learning_rates": -1.0}, "learning_rates must be above 0, got -1"),
        ({"weight_decay": -0.1}, "weight_decay must be 0 or more, got -0.1"),
    ]:
        with pytest.raises(UserError, match=message):
            make(*EVALUATIONS[name], **wrong)


@pytest.mark.parametrize(
    "name", [name for name in EVALUATIONS if name not in ("few_label", "detection")]
)
def test_old_names_are_taken_with_a_warning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = inspect.getmodule(inspect.unwrap(getattr(evaluation, name)))
    made: list[Protocol] = []
    monkeypatch.setattr(module, "Protocol", lambda *given: made.append(Protocol(*given)))
    old: dict[str, Any] = {"repeats": 2, "learning_rate": 1e-3}
    new: dict[str, Any] = {"draws": 2, "learning_rates": [1e-3]}
    if name == "finetune":
        old, new = {"share": 0.5}, {"fraction": 0.5}
    getattr(evaluation, name)(*EVALUATIONS[name], **new)
    with pytest.warns(FutureWarning, match=f"{name}: .* is now .*; the old name works") as warned:
        getattr(evaluation, name)(*EVALUATIONS[name], **old)
    assert len(warned) == len(old)
    assert made[0] == made[1]


def test_steps_follow_from_the_examples() -> None:
    protocol = Protocol(epochs=10, batch_size=20, max_steps=300, weight_decay=0.1)
    assert protocol.training(301, 1e-3) == Training(151, 20, 1e-3, 0.1)
    assert [protocol.training(count, 1.0).steps for count in (2, 5000)] == [100, 300]
    assert Protocol(epochs=1).training(32_000, 1.0).steps == 1000


def test_labelled_examples_are_drawn_class_by_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(np.bincount(labels[drawn(labels, 3, random)]), [3, 3, 3])
    np.testing.assert_array_equal(np.bincount(labels[drawn(labels, 0.1, random)]), [10, 5, 1])
    assert len(set(drawn(labels, 10, random))) == 30
    with pytest.raises(Skipped, match="class 2 has 10 training examples, fewer than 11"):
        drawn(labels, 11, random)


def test_each_draw_is_another_one_and_the_same_again() -> None:
    classes = np.zeros(5000, int)
    one, two = Protocol(labels=1000, draws=2).rows(classes, seed=0)
    assert len(set(one)) == len(set(two)) == 1000 and (one != two).any()
    np.testing.assert_array_equal(one, Protocol(labels=1000).rows(classes, seed=0)[0])
    for all_of_them in (Protocol(), Protocol(labels=9999), Protocol(fraction=1.0)):
        np.testing.assert_array_equal(all_of_them.rows(classes, 0)[0], np.arange(5000))
    assert len(Protocol(labels=7, fraction=0.5).rows(classes, 0)[0]) == 2500
    with pytest.raises(UserError, match="labels_per_class or fraction, not both; got 5 and 0.1"):
        Protocol(labels_per_class=5, fraction=0.1)


def test_the_number_of_labels_is_said_in_words() -> None:
    for protocol, words in [
        (Protocol(labels_per_class=1), "1 label per class"),
        (Protocol(labels_per_class=5), "5 labels per class"),
        (Protocol(fraction=0.01), "1 % of the labels"),
        (Protocol(fraction=1.0), "all labels"),
        (Protocol(labels=64), "64 labels"),
        (Protocol(), "all labels"),
    ]:
        assert protocol.in_words() == words


def test_a_fifth_of_each_class_is_held_out_where_there_are_five() -> None:
    classes = np.repeat([0, 1], [20, 10])
    rest, held = held_out(classes, seed=0)
    np.testing.assert_array_equal(np.bincount(classes[held]), [4, 2])
    assert sorted([*rest, *held]) == list(range(30))
    assert held_out(np.array([0, 0, 0, 0, 0, 1, 1, 1, 1]), seed=0) is None
