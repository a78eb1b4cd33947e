"""Fine-tuning of a trained network with few labels of its own data, against training from scratch.

Any model that embeds is compared, on any data with labels: a linear layer on `embed`, trained end
to end, see `kssl.evaluation.finetuning.comparison`. Beside the two stand a logistic regression on
the frozen embedding, the simple models of the raw input that the modality names, and the most
frequent class. There is no augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kssl.errors import UserError
from kssl.evaluation.base import Evaluation, Result, Task, apply, flat, frozen, named
from kssl.evaluation.finetuning.classification import Classified, classes_of
from kssl.evaluation.finetuning.comparison import Problem, compared
from kssl.evaluation.finetuning.heads import Head, of_embedding
from kssl.evaluation.finetuning.protocol import Protocol
from kssl.evaluation.inputs import labelled, modality_of, numbered
from kssl.moved import renamed


@renamed(share="fraction")
def finetune(
    fraction: float | None = None,
    labels_per_class: int | None = None,
    draws: int = 1,
    epochs: int = 30,
    batch_size: int = 32,
    max_steps: int | None = 1000,
    learning_rates: float | Sequence[float] = (1e-3, 3e-4),
    labels: int | None = None,
    weight_decay: float = 0.05,
) -> Evaluation:
    """Accuracy of the network trained on with some of the labels, against the same from scratch.

    Args:
        fraction: Fraction of the training examples whose labels are used, as many of each class as
            the class has its share of; 1.0 for all. None, and neither of `labels_per_class` and
            `labels`: 0.01, the usual small number.
        labels_per_class: So many labels of each class instead.
        draws: Random choices of the labelled examples; the numbers are their means.
        epochs: Passes over the labelled examples, at least 100 steps: enough for the network from
            scratch to fit 600 images, which is what it needs most.
        batch_size: Examples of a step.
        max_steps: Bounds the time with many labels; None: no bound.
        learning_rates: Highest learning rate. Of several, each of the two networks gets the one
            that does best for it on a fifth of the labelled examples, held out; with fewer than 5
            of a class it is the first.
        labels: So many labels in all instead, drawn from all classes together.
        weight_decay: Of kernels and embeddings; biases and gains have none.

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
    if fraction is labels_per_class is labels is None:
        fraction = 0.01
    protocol = Protocol(
        labels,
        labels_per_class,
        None if fraction is None else float(fraction),
        draws,
        epochs,
        batch_size,
        max_steps,
        learning_rates,
        weight_decay,
    )

    def evaluate(task: Task) -> list[Result]:
        return _curve(task, "finetune", [protocol])

    return named("finetune", evaluate, needs=["Embeds"])


def few_label(
    labels_per_class: Sequence[int | str] = (1, 5, 10, 100, "all"),
    draws: int = 3,
    epochs: int = 20,
    batch_size: int = 32,
    max_steps: int | None = 400,
    test_examples: int | None = 2000,
    learning_rates: float | Sequence[float] = (1e-3,),
    weight_decay: float = 0.05,
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
        test_examples: So many of the test split, for the same reason; None: all.
        learning_rates: With several, each of the two networks gets the one that does best for it
            on held-out labels, see `finetune`; one is the same for both, and saves the time.
        weight_decay: As of `finetune`.

    Returns:
        A function of a `Task` that returns one `Result` for each number of labels.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> results = few_label([1, 5], draws=2)(task)
        >>> [result.metric for result in results]
        ['accuracy, 1 label per class', 'accuracy, 5 labels per class']
    """
    sizes = list(labels_per_class)
    if not sizes or any(size != "all" and (isinstance(size, str) or size <= 0) for size in sizes):
        raise UserError(f"labels_per_class must be numbers above 0, or all; got {sizes}")
    same: tuple[Any, ...] = (epochs, batch_size, max_steps, learning_rates, weight_decay)
    protocols = [
        Protocol(None, None, 1.0, 1, *same)
        if size == "all"
        else Protocol(None, int(size), None, draws, *same)
        for size in sizes
    ]

    def evaluate(task: Task) -> list[Result]:
        return _curve(task, "few_label", protocols, test_examples)

    return named("few_label", evaluate, needs=["Embeds"])


def _curve(
    task: Task, name: str, protocols: Sequence[Protocol], test_examples: int | None = None
) -> list[Result]:
    modality, vocabulary = modality_of(task.model), task.train.vocabulary

    def guess(bank: Any, classes: Any, test: Any) -> dict[str, Any]:
        return modality.simple_predictions(bank, classes, test, vocabulary)

    splits = (task.train, None), (task.test, test_examples)
    sides, labels = zip(*(labelled(*split, task.model) for split in splits), strict=True)
    parts = []
    with frozen(task.model, task.seed):
        for examples, classes in zip(sides, numbered(*labels), strict=True):
            embedded = flat(apply(task.model, "embed", examples))
            parts.append(Classified(examples, classes, lambda same: same, guess, embedded))
    classes = classes_of(*parts)
    settings = {"test_examples": test_examples}
    noun = f"{modality.noun[0]}s"
    problem = Problem(Head(classes, of_embedding), *parts, noun, settings)
    sizes = {f", {each.in_words()}": each for each in protocols}
    return compared(task, name, problem, sizes)
