"""What is compared: the same examples, steps and order; learning rates; what a result says."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from kssl.evaluation import Task
from kssl.evaluation.finetuning import comparison
from kssl.evaluation.finetuning.comparison import Problem, compared, measured
from kssl.evaluation.finetuning.protocol import Protocol


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Examples that are their own targets."""

    classes: np.ndarray
    counted = ("accuracy",)

    def take(self, rows: np.ndarray) -> Numbers:
        return Numbers(self.classes[rows])

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return self.classes, self.classes

    def score(self, logits: np.ndarray) -> dict[str, float]:
        return {"accuracy": float(logits)}

    def simple(self, test: Numbers) -> dict[str, dict[str, float]]:
        return {"guess": {"accuracy": 0.1}}


class Trained:
    """Networks that remember how they were trained, and give what they are told to."""

    def __init__(self, gives: list[float]) -> None:
        self.gives = iter(gives)
        self.log: list[dict[str, Any]] = []

    def start(self, seed: int, trained: bool) -> bool:
        return trained

    def fit(self, start: bool, examples: Any, training: Any, seed: int) -> None:
        rows = tuple(examples[1].tolist())
        self.log.append({"start": start, "rows": rows, "training": training, "seed": seed})

    def predict(self, network: None, inputs: Any) -> float:
        return next(self.gives)


def problem() -> Problem:
    return Problem(None, Numbers(np.arange(200) % 2), Numbers(np.zeros(50, int)), "numbers")


def test_both_networks_are_trained_on_the_same_examples_alike() -> None:
    networks, protocol = Trained([0.5] * 6), Protocol(labels=40, draws=3, learning_rates=1e-3)
    draws = protocol.rows(problem().train.classes, seed=0)
    found = measured(networks, problem(), protocol, draws, seed=0)
    assert [each.pop("start") for each in networks.log] == [True, False] * 3
    assert networks.log[0::2] == networks.log[1::2]  # rows, steps, learning rate, order
    assert {each["training"].steps for each in networks.log} == {100} == {found.steps}
    assert len({each["seed"] for each in networks.log}) == 3
    assert found.labels == 40


def test_each_network_gets_the_learning_rate_that_does_best_on_held_out_examples() -> None:
    # For the trained one: two held-out numbers, then the test; the same for that from scratch.
    networks = Trained([0.2, 0.7, 0.9, 0.6, 0.4, 0.5])
    protocol = Protocol(labels_per_class=10, learning_rates=[1.0, 0.1])
    draws = protocol.rows(problem().train.classes, seed=0)
    found = measured(networks, problem(), protocol, draws, seed=0)
    assert found.rates == {"fine-tuned": 0.1, "from scratch": 1.0}
    assert found.numbers["accuracy"] == {
        "fine-tuned": [0.9],
        "from scratch": [0.5],
        "guess": [0.1],
    }
    assert [len(each["rows"]) for each in networks.log] == [16, 16, 20] * 2
    assert [each["training"].learning_rate for each in networks.log] == [1.0, 0.1, 0.1, 1.0, 0.1, 1]


def test_the_number_is_the_mean_of_draws(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = Trained([0.5, 0.4, 0.7, 0.5])  # trained and from scratch, twice
    monkeypatch.setattr(comparison, "Networks", lambda model, head: networks)
    own = dataclasses.replace(problem(), settings={"more": 1})
    (result,) = compared(task, "mine", own, {" on films": Protocol(labels=40, draws=2)})
    assert result.metric == "accuracy on films"
    assert result.value == pytest.approx(0.6)
    assert result.baselines == pytest.approx({"from scratch": 0.45, "guess": 0.1})
    assert result.note == (
        "fine-tuned on 40 labelled numbers in 100 steps; "
        "mean and standard deviation over 2 draws: fine-tuned 0.600 ± 0.141, "
        "from scratch 0.450 ± 0.071, guess 0.100 ± 0.000, "
        "apart by +0.150, standard error 0.050; "
        "one standard error is 6.93 percentage points (50 test examples)"
    )
    settings = {"labels": 40, "test": 50, "more": 1, "draws": 2, "learning rate, fine-tuned": 3e-4}
    assert settings.items() <= result.settings.items()
