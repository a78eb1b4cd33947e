"""A network fine-tuned from its trained and from fresh weights, side by side.

For each draw of labelled examples both are trained alike: the same examples in the same order, the
same number of steps, optimizer and schedule, and a learning rate that is chosen for each of them in
the same way. Simple models learn from the same examples. The test split is read once by each
network, after its last step; the run's own model is never touched.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from kssl.evaluation.base import Result, Task, below, frozen, trained_on_labels
from kssl.evaluation.finetuning import protocol as protocols
from kssl.evaluation.finetuning.network import Networks
from kssl.evaluation.probing import standard_error

TUNED, SCRATCH, MAJORITY = "fine-tuned", "from scratch", "majority class"

Scores = dict[str, float]  # metric -> number, higher is better


class Labelled(Protocol):
    """Labelled examples of one kind of target.

    Attributes:
        classes: The class of each example, to draw class by class; zeros where there are none.
        counted: Those metrics that are shares of the examples, and so have a standard error.
    """

    classes: np.ndarray
    counted: tuple[str, ...]

    def take(self, rows: np.ndarray) -> Labelled:
        """Return some of the examples."""

    def arrays(self) -> tuple[Any, ...]:
        """Return inputs, targets and, if not all of these count, how much each does."""

    def score(self, logits: np.ndarray) -> Scores:
        """Return how good the logits are that a network gives to the inputs."""

    def simple(self, test: Any) -> dict[str, Scores]:
        """Return the scores on `test` of guesses that are learned from these examples."""


@dataclasses.dataclass(frozen=True)
class Regime:
    """How a trained network is trained on with labels, beside a fresh one.

    Args:
        trained: What it is called that begins with the trained weights.
        fresh: What it is called that begins with fresh ones.
        metric: What is put behind the name of a metric.
        done: What was done with the labels.
        networks: From a model and a head to what trains; None is `Networks`.
    """

    trained: str = TUNED
    fresh: str = SCRATCH
    metric: str = ""
    done: str = "fine-tuned"
    networks: Callable[[Any, Any], Networks] | None = None


FINE_TUNING = Regime()


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is to be learned.

    Args:
        head: What is put on the network: a `kssl.evaluation.finetuning.heads.Head`, or the like.
        train: Labelled examples to draw from.
        test: Others.
        noun: What an example is called, in the plural.
        settings: What else the number depends on.
        regimes: How it is learned.
    """

    head: Any
    train: Any
    test: Any
    noun: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    regimes: Sequence[Regime] = (FINE_TUNING,)

    def part(self, fraction: float) -> Problem:
        """Return the problem with a fraction of its examples, evenly chosen."""
        if fraction == 1:
            return self
        train, test = (
            each.take(np.arange(0, len(each.classes), round(1 / fraction)))
            for each in (self.train, self.test)
        )
        return dataclasses.replace(self, train=train, test=test)


@dataclasses.dataclass(frozen=True)
class _Found:
    labels: int
    steps: int
    rates: dict[str, float]
    numbers: dict[str, dict[str, list[float]]]  # metric -> network -> one for each draw


def compared(
    task: Task, name: str, problem: Problem, sizes: Mapping[str, protocols.Protocol]
) -> list[Result]:
    """Fine-tune from the trained and from fresh weights, and put the numbers side by side.

    Args:
        task: Its model is left as it is.
        name: Of the evaluation.
        problem: What is learned.
        sizes: What stands behind the name of a metric -> how many labels, and the settings.

    Returns:
        One result for each of the regimes, sizes and metrics.
    """
    sizes = {each: size.of_part(task.part) for each, size in sizes.items()}
    # All are drawn first: what cannot be drawn is said before anything is trained.
    draws = {each: size.rows(problem.train.classes, task.seed) for each, size in sizes.items()}
    results = []
    with frozen(task.model, task.seed) as weights:
        for regime in problem.regimes:
            networks = (regime.networks or Networks)(task.model, problem.head)
            for each, size in sizes.items():
                found = measured(networks, problem, size, draws[each], task.seed, regime)
                settings = _settings(found, problem, size) | {"weights_sha256": weights}
                for metric, numbers in found.numbers.items():
                    means = {which: float(np.mean(values)) for which, values in numbers.items()}
                    value = means.pop(regime.trained)
                    standard = metric in problem.test.counted
                    notes = [
                        below(value, means),
                        f"{regime.done} on {found.labels:,} labelled {problem.noun} in "
                        f"{found.steps:,} steps",
                        _spread(numbers, regime),
                        standard_error(value, settings["test"]) if standard else "",
                        trained_on_labels(task.model),
                    ]
                    whole = f"{metric}{regime.metric}{each}"
                    note = "; ".join(filter(None, notes))
                    results.append(Result(name, whole, value, "higher", means, settings, note))
    return results


def _settings(found: _Found, problem: Problem, size: protocols.Protocol) -> dict[str, Any]:
    """All that is needed to measure a number again."""
    own = {"labels": found.labels, "test": len(problem.test.classes), "steps": found.steps}
    own |= {f"learning rate, {which}": rate for which, rate in found.rates.items()}
    settings = {**dataclasses.asdict(size), **problem.settings, **own}
    del settings["part"]  # of a dry run alone
    return settings


def measured(
    networks: Networks,
    problem: Problem,
    protocol: protocols.Protocol,
    draws: list[np.ndarray],
    seed: int,
    regime: Regime = FINE_TUNING,
) -> _Found:
    """Measure all that is compared, once for each draw of labelled examples."""
    numbers: dict[str, dict[str, list[float]]] = {}
    rates: dict[str, float] = {}
    asked = problem.test.arrays()[0]
    size = 0
    for number, rows in enumerate(draws):
        few, own = problem.train.take(rows), seed + 1 + number
        examples = few.arrays()
        size = size or len(examples[1])  # of the first draw, so that all have the same steps
        found = {}
        for which in (regime.trained, regime.fresh):
            start = networks.start(own, trained=which == regime.trained)
            if which not in rates:  # chosen on the first draw
                rates[which] = _rate(networks, start, few, protocol, own)
            training = protocol.training(size, rates[which])
            network = networks.fit(start, examples, training, own)
            found[which] = problem.test.score(networks.predict(network, asked))
        for which, scores in (found | few.simple(problem.test)).items():
            for metric, value in scores.items():
                numbers.setdefault(metric, {}).setdefault(which, []).append(value)
    steps = protocol.training(size, 1.0).steps
    return _Found(len(draws[0]), steps, rates, numbers)


def _rate(
    networks: Networks,
    start: list[np.ndarray],
    few: Any,
    protocol: protocols.Protocol,
    seed: int,
) -> float:
    """Return the learning rate that does best on a fifth of the labelled examples.

    Best is the mean of the metrics; of equal ones, and where there are too few examples to hold any
    out, it is the first.
    """
    rates: Any = protocol.learning_rates
    parts = protocols.held_out(few.classes, seed)
    if len(rates) == 1 or parts is None:
        return float(rates[0])
    rest, held = (few.take(rows) for rows in parts)
    size, asked, examples = len(few.arrays()[1]), held.arrays()[0], rest.arrays()
    found = []
    for rate in rates:
        network = networks.fit(start, examples, protocol.training(size, rate), seed)
        scores = held.score(networks.predict(network, asked))
        found.append(np.mean(list(scores.values())))
    return float(rates[int(np.argmax(found))])


def _spread(numbers: dict[str, list[float]], regime: Regime) -> str:
    """Say how far the draws are apart, and how sure the difference of the two networks is."""
    count = len(numbers[regime.trained])
    if count < 2:
        return ""
    parts = [
        f"{which} {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
        for which, values in numbers.items()
        if len(values) == count
    ]
    # The two are drawn alike, so that their difference is far surer than either.
    apart = np.subtract(numbers[regime.trained], numbers[regime.fresh])
    error = np.std(apart, ddof=1) / math.sqrt(count)
    parts.append(f"apart by {np.mean(apart):+.3f}, standard error {error:.3f}")
    return f"mean and standard deviation over {count} draws: {', '.join(parts)}"
