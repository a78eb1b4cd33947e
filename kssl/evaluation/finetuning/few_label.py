"""Fine-tuning of a trained network with few labels, against training from scratch.

Protocol: a copy of the network with a linear layer on `embed` is trained end to end on the labelled
examples. The same network from scratch, with fresh weights, is trained alike: the same examples,
steps, batches and optimizer (AdamW, a tenth of the steps to warm up, a cosine to zero, no
augmentation). For each of the two the learning rate is chosen from the same list on a fifth of the
labelled examples, held out; then all of them are trained on. With fewer than 5 labels per class
there is nothing to hold out, and the first of the list is taken. Beside them stand a logistic
regression on the frozen embedding, the simple models of the raw input that the modality names, and
the most frequent class. The test split is read once by each network, after its last step; the run's
own model is never touched.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    below,
    flat,
    frozen,
    named,
    positive,
    trained_on_labels,
)
from kssl.evaluation.finetuning.classifier import Classifiers, Training
from kssl.evaluation.finetuning.draws import drawn, drawn_rows
from kssl.evaluation.inputs import labelled, modality_of
from kssl.evaluation.probes import linear_accuracy, standard_error

TUNED, SCRATCH = "fine-tuned", "from scratch"
FROZEN, MAJORITY = "frozen, linear", "majority class"
_LEAST_STEPS = 100
_TO_HOLD_OUT = 5  # labels per class from which a fifth is held out

Labelled = tuple[Any, np.ndarray]  # examples and their labels


def finetune(
    share: float = 0.01,
    labels_per_class: int | None = None,
    draws: int = 1,
    epochs: int = 30,
    batch_size: int = 32,
    max_steps: int = 1000,
    learning_rates: Sequence[float] = (1e-3, 3e-4),
) -> Evaluation:
    """Accuracy of the network trained on with some of the labels, against the same from scratch.

    Args:
        share: Share of the training examples whose labels are used, as many of each class as the
            class has its share of. 1 % is the usual small number.
        labels_per_class: So many labels of each class instead.
        draws: Random choices of the labelled examples; the numbers are their means.
        epochs: Passes over the labelled examples, at least 100 steps: enough for the network from
            scratch to fit 600 images, which is what it needs most.
        batch_size: Examples of a step.
        max_steps: Bounds the time with many labels.
        learning_rates: Tried for each of the two networks; the first is taken where there are too
            few labels to hold any out.

    Returns:
        A function of a `Task` that returns one `Result`.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> (result,) = finetune(labels_per_class=5)(task)
        >>> sorted(result.baselines)
        ['colour histogram, logistic regression', 'from scratch', 'frozen, linear', \
'majority class', 'pixels, logistic regression']
    """
    if not 0 < share <= 1:
        raise UserError(f"share must be above 0 and at most 1, got {share}")
    positive("labels_per_class", labels_per_class)
    protocol = Protocol(draws, epochs, batch_size, max_steps, tuple(learning_rates))

    def evaluate(task: Task) -> list[Result]:
        size = share if labels_per_class is None else labels_per_class
        return _curve(task, "finetune", protocol, [size])

    return named("finetune", evaluate, needs=["Embeds"])


def few_label(
    labels_per_class: Sequence[int | str] = (1, 5, 10, 100, "all"),
    draws: int = 3,
    epochs: int = 20,
    batch_size: int = 32,
    max_steps: int = 400,
    test_examples: int | None = 2000,
    learning_rates: Sequence[float] = (1e-3,),
) -> Evaluation:
    """Accuracy against the number of labels: fine-tuned, from scratch, frozen, simple models.

    Args:
        labels_per_class: Numbers of labels of each class; `"all"` takes the whole split, once.
        draws: Random choices of the labelled examples for each number: the values are their means,
            the note has the deviations.
        epochs: Passes over the labelled examples, in 100 steps at least (few labels are passed
            over more often) and `max_steps` at most (all labels of a large set less than once).
        batch_size: Examples of a step.
        max_steps: Bounds the time: the defaults train for 5,000 steps in all, minutes on two cores
            for a network of half a million weights.
        test_examples: The first so many of the test split, for the same reason; None: all.
        learning_rates: With several, each of the two networks gets the one that does best for it
            on held-out labels, see `finetune`; one is the same for both, and saves the time.

    Returns:
        A function of a `Task` that returns one `Result` for each number of labels.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> results = few_label([1, 5], draws=2)(task)
        >>> [result.metric for result in results]
        ['accuracy, 1 label per class', 'accuracy, 5 labels per class']
    """
    sizes = [1.0 if size == "all" else size for size in labels_per_class]
    if not sizes or any(isinstance(size, str) or size <= 0 for size in sizes):
        given = list(labels_per_class)
        raise UserError(f"labels_per_class must be numbers above 0, or all; got {given}")
    protocol = Protocol(draws, epochs, batch_size, max_steps, tuple(learning_rates), test_examples)

    def evaluate(task: Task) -> list[Result]:
        return _curve(task, "few_label", protocol, sizes)

    return named("few_label", evaluate, needs=["Embeds"])


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The settings that both evaluations share; see `finetune` and `few_label`."""

    draws: int
    epochs: int
    batch_size: int
    max_steps: int
    learning_rates: tuple[float, ...]
    test_examples: int | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            for each in value if isinstance(value, tuple) else [value]:
                positive(field.name, each)
        if not self.learning_rates:
            raise UserError("learning_rates must have one at least")

    def training(self, examples: int, learning_rate: float) -> Training:
        """How a classifier is trained on so many examples."""
        wanted = -(-self.epochs * examples // self.batch_size)
        steps = min(max(wanted, _LEAST_STEPS), self.max_steps)
        return Training(steps, self.batch_size, learning_rate)


@dataclasses.dataclass
class _Point:
    """What was measured with one number of labels; accuracies by network, one for each draw."""

    size: float
    labels: int
    test: int
    steps: int
    rates: dict[str, float]
    accuracies: dict[str, list[float]]


class _Bench:
    """One task, with what all numbers of labels have in common."""

    def __init__(self, task: Task, protocol: Protocol) -> None:
        self.protocol = protocol
        self.seed = task.seed
        self.train: Labelled = labelled(task.train, None, task.model)
        self.test: Labelled = labelled(task.test, protocol.test_examples, task.model)
        if len(np.unique(self.train[1])) < 2:
            raise Skipped(f"all {len(self.train[1])} training examples have one label")
        classes = int(max(self.train[1].max(), self.test[1].max())) + 1
        self.classifiers = Classifiers(task.model, classes)
        inputs = (self.train[0], self.test[0])
        self.modality, self.vocabulary = modality_of(task.model), task.train.vocabulary
        self.noun = self.modality.noun[0]
        self.embedded = [flat(apply(task.model, "embed", each)) for each in inputs]

    def linear(self, rows: np.ndarray) -> float:
        """Accuracy of a logistic regression on the embeddings of these training examples."""
        bank, queries = self.embedded
        return linear_accuracy(bank[rows], self.train[1][rows], queries, self.test[1])

    def simple(self, few: Labelled) -> dict[str, float]:
        """Accuracies of the modality's simple models, and of the most frequent class."""
        guesses = self.modality.simple_predictions(*few, self.test[0], self.vocabulary)
        guesses[MAJORITY] = np.bincount(few[1]).argmax()
        return {name: float(np.mean(guess == self.test[1])) for name, guess in guesses.items()}

    def point(self, size: float, draws: list[np.ndarray]) -> _Point:
        """Measure all that is compared with one number of labels."""
        from kssl.modalities import take

        found: dict[str, list[float]] = {TUNED: [], SCRATCH: [], FROZEN: []}
        rates: dict[str, float] = {}
        steps = self.protocol.training(len(draws[0]), 1.0).steps
        for number, rows in enumerate(draws):
            found[FROZEN].append(self.linear(rows))
            few = (take(self.train[0], rows), self.train[1][rows])
            for name, accuracy in self.simple(few).items():
                found.setdefault(name, []).append(accuracy)
            seed = self.seed + 1 + number
            for name in (TUNED, SCRATCH):
                start = self.classifiers.start(seed, trained=name == TUNED)
                if name not in rates:  # chosen on the first draw
                    rates[name] = _rate(self.classifiers, start, few, self.protocol, seed)
                training = self.protocol.training(len(rows), rates[name])
                network = self.classifiers.fit(start, *few, training, seed)
                right = self.classifiers.predict(network, self.test[0]) == self.test[1]
                found[name].append(float(np.mean(right)))
        return _Point(size, len(draws[0]), len(self.test[1]), steps, rates, found)


def _curve(task: Task, name: str, protocol: Protocol, sizes: Sequence[float]) -> list[Result]:
    with frozen(task.model, task.seed) as weights:
        bench = _Bench(task, protocol)
        labels = bench.train[1]
        # All are drawn first: what cannot be drawn is said before anything is trained.
        draws = [drawn_rows(labels, size, protocol.draws, task.seed) for size in sizes]
        points = [bench.point(*pair) for pair in zip(sizes, draws, strict=True)]
    common = {**dataclasses.asdict(protocol), "weights_sha256": weights}
    said = trained_on_labels(task.model)
    return [_result(name, point, common, said, bench.noun) for point in points]


def _rate(
    classifiers: Classifiers, start: list[np.ndarray], few: Labelled, protocol: Protocol, seed: int
) -> float:
    """Return the learning rate that does best on a fifth of the labelled examples."""
    from kssl.modalities import take

    rates = protocol.learning_rates
    examples, labels = few
    if len(rates) == 1 or np.unique(labels, return_counts=True)[1].min() < _TO_HOLD_OUT:
        return rates[0]
    held = drawn(labels, 0.2, np.random.default_rng(seed))
    rest = np.setdiff1d(np.arange(len(labels)), held)
    right = []
    for rate in rates:
        training = protocol.training(len(labels), rate)
        network = classifiers.fit(start, take(examples, rest), labels[rest], training, seed)
        guess = classifiers.predict(network, take(examples, held))
        right.append(np.sum(guess == labels[held]))
    return rates[int(np.argmax(right))]


def _in_words(size: float) -> str:
    if isinstance(size, float):
        return "all labels" if size == 1.0 else f"{100 * size:g} % of the labels"
    return f"{size} label{'s' if size > 1 else ''} per class"


def _result(name: str, point: _Point, common: dict[str, Any], said: str, noun: str) -> Result:
    means = {network: float(np.mean(each)) for network, each in point.accuracies.items()}
    value = means.pop(TUNED)
    settings = {"labels": point.labels, "test": point.test, "steps": point.steps}
    settings |= {f"learning rate, {network}": rate for network, rate in point.rates.items()}
    draws = len(point.accuracies[TUNED])
    spread = ", ".join(
        f"{network} {100 * np.std(each, ddof=1):.2f}"
        for network, each in point.accuracies.items()
        if draws > 1
    )
    parts = [
        below(value, means),
        f"fine-tuned on {point.labels:,} labelled {noun}s in {point.steps:,} steps",
        f"standard deviations over {draws} draws of these {noun}s, in percentage points: {spread}"
        if spread
        else "",
        standard_error(value, point.test),
        said,
    ]
    metric = f"accuracy, {_in_words(point.size)}"
    note = "; ".join(filter(None, parts))
    return Result(name, metric, value, "higher", means, settings | common, note)
