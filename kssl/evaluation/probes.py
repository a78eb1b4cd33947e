"""How much of the labels can be read from a frozen embedding: k nearest neighbours, linear.

Protocol: the frozen encoder of the last epoch embeds the training split (the bank) and, once, the
test split, in inference mode; labels meet the embeddings only after that. Beside the trained
encoder stand the same encoder `untrained`, and `untrained, rescaled`, with its random weights at
the scale of the data; the same probe on what simple models read of the input, under its name
(`pixels`, `colour histogram`, `TF-IDF of words`, … as the modality says); `PCA` of the first of
these, with as many components as the embedding is wide; the `majority class` of the bank; and the
simple models themselves (`pixels, logistic regression`, …).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

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
from kssl.evaluation.inputs import SimpleModels, labelled, numbered
from kssl.evaluation.neighbours import knn_predict
from kssl.evaluation.rescaled import rescaled


def knn(
    k: int = 20,
    temperature: float | None = 0.07,
    standardize: bool = False,
    limit: int | None = 10_000,
    batch_size: int = 256,
) -> Evaluation:
    """Accuracy of k nearest neighbours on the frozen embedding.

    Neighbours by cosine similarity; a neighbour's vote weighs exp(similarity / temperature)
    (Wu et al. 2018, arXiv:1805.01978). k = 20 and temperature 0.07 are the values of most toolkits
    for small data; they change the number, so they are part of the result.

    Args:
        k: Number of neighbours that vote.
        temperature: Small values let the nearest decide; None counts every vote as one.
        standardize: Give each feature the mean 0 and the standard deviation 1 within the bank
            first, for the model and its baselines alike, as `linear` does. Of features behind a
            ReLU, none of which is negative, the mean hides much of what a cosine can tell.
        limit: Use so many training examples as the bank, to bound the time; None: all. The first
            ones; evenly spaced ones where they lie in the order of their classes.
        batch_size: Examples embedded at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy`.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> (result,) = knn(k=10, temperature=None)(task)
        >>> sorted(result.baselines)
        ['PCA', 'colour histogram', 'colour histogram, logistic regression', 'majority class', \
'pixels', 'pixels, logistic regression', 'untrained', 'untrained, rescaled']
    """
    for name, value in [("k", k), ("temperature", temperature), ("limit", limit)]:
        positive(name, value)
    positive("batch_size", batch_size)

    def score(bank: np.ndarray, bank_labels: np.ndarray, *test: np.ndarray) -> float:
        queries, query_labels = test
        if standardize:
            from sklearn.preprocessing import StandardScaler

            scaler = StandardScaler().fit(bank)
            bank, queries = scaler.transform(bank), scaler.transform(queries)
        predicted = knn_predict(bank, bank_labels, queries, k, temperature=temperature)
        return float(np.mean(predicted == query_labels))

    votes = "exp(cosine similarity / temperature)" if temperature else "one each"
    settings = {"k": k, "temperature": temperature, "votes": votes, "similarity": "cosine"}
    settings["standardized"] = standardize

    def evaluate(task: Task) -> list[Result]:
        return [_probe(task, "knn", score, settings, limit, batch_size)]

    return named("knn", evaluate, needs=["Embeds"])


def linear(
    penalty: float = 1.0,
    max_iterations: int = 500,
    limit: int | None = 10_000,
    batch_size: int = 256,
) -> Evaluation:
    """Accuracy of a logistic regression on the frozen embedding, the linear probe.

    Multinomial logistic regression by L-BFGS on features standardised with the mean and standard
    deviation of the training examples (no choice is made on the test split). With the default
    settings, the simple models' logistic regressions are those of the raw features, and are fitted
    once.

    Args:
        penalty: Strength of the L2 penalty, 1/C in scikit-learn's terms; fixed, not searched.
        max_iterations: Steps of L-BFGS at most; 10,000 digits as raw pixels need about 125.
        limit: Use so many training examples, to bound the time; None: all. The first ones; evenly
            spaced ones where they lie in the order of their classes.
        batch_size: Examples embedded at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy`.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> (result,) = linear(limit=None)(task)
        >>> result.metric
        'accuracy'
    """
    for name, value in [("penalty", penalty), ("max_iterations", max_iterations), ("limit", limit)]:
        positive(name, value)
    positive("batch_size", batch_size)

    def score(bank: np.ndarray, bank_labels: np.ndarray, *test: np.ndarray) -> float:
        return linear_accuracy(bank, bank_labels, *test, penalty, max_iterations)

    settings = {
        "classifier": "logistic regression, L-BFGS, standardised features",
        "penalty": penalty,
        "max_iterations": max_iterations,
    }

    def evaluate(task: Task) -> list[Result]:
        known = (penalty, max_iterations) == (1.0, 500)  # the settings of the simple models
        return [_probe(task, "linear", score, settings, limit, batch_size, known)]

    return named("linear", evaluate, needs=["Embeds"])


def _probe(
    task: Task,
    name: str,
    score: Callable[..., float],
    settings: dict[str, Any],
    limit: int | None,
    batch_size: int,
    known: bool = False,
) -> Result:
    """Compare the probe of the trained encoder with its baselines.

    With `known`, a simple model that is a logistic regression on a raw feature is the probe of it.
    """
    bank, labels = labelled(task.train, limit, task.model)
    test, wanted = labelled(task.test, None, task.model)
    labels, wanted = numbered(labels, wanted)
    if len(np.unique(labels)) < 2:
        raise Skipped(f"all {len(labels)} training examples have one label")

    def accuracy(rows: np.ndarray, queries: np.ndarray) -> float:
        return score(flat(rows), labels, flat(queries), wanted)

    kept = _embeddings_of(task, limit)
    with frozen(task.model, task.seed) as weights:
        rows, queries = _embedded(kept, "trained", task.model, (bank, test), batch_size)
    value, width = accuracy(rows, queries), rows.shape[1]
    fresh = _embedded(kept, "untrained", task.untrained, (bank, test), batch_size)
    baselines = {"untrained": accuracy(*fresh)}
    if "rescaled" not in kept:
        with rescaled(task.untrained, bank):
            _embedded(kept, "rescaled", task.untrained, (bank, test), batch_size)
    baselines["untrained, rescaled"] = accuracy(*kept["rescaled"])
    simple = SimpleModels(task, (bank, labels), (test, wanted), limit)
    accuracies = simple.accuracies()
    for feature, sides in simple.features(width).items():
        same = accuracies.get(f"{feature}, logistic regression") if known else None
        baselines[feature] = accuracy(*sides) if same is None else same
    baselines |= {"majority class": simple.majority(), **accuracies}
    sizes = {"width": width, "bank": len(labels), "test": len(wanted), "weights_sha256": weights}
    error, labels_seen = standard_error(value, len(wanted)), trained_on_labels(task.model)
    note = "; ".join(filter(None, [below(value, baselines), error, _unknown(wanted), labels_seen]))
    return Result(name, "accuracy", value, "higher", baselines, {**settings, **sizes}, note)


def _unknown(wanted: np.ndarray) -> str:
    """In words: how many test examples are of a class that no training example has."""
    count = int((wanted < 0).sum())
    why = "are of a class that the bank lacks, and count as errors"
    return f"{count:,} test examples {why}" if count else ""


def _embeddings_of(task: Task, limit: int | None) -> dict[str, Any]:
    """Return the embeddings that probes of this bank have computed; other banks are dropped."""
    kept: dict[str, Any] = task.cache.setdefault("embeddings", {})
    if kept.get("limit", limit) != limit:
        kept.clear()
    kept["limit"] = limit
    return kept


def _embedded(
    kept: dict[str, Any], which: str, model: Any, sides: tuple[Any, Any], batch_size: int
) -> list[np.ndarray]:
    """Return the embeddings of bank and test, computed once."""
    if which not in kept:
        kept[which] = [flat(apply(model, "embed", x, batch_size=batch_size)) for x in sides]
    return kept[which]


def standard_error(accuracy: float, count: int) -> str:
    """In words: how far an accuracy on so many examples may be off by sampling alone.

    All or none right, of a few, is no proof of an accuracy of 1 or 0: then the error is that of one
    more example right and one more wrong, as Laplace counted.
    """
    rate = accuracy if 0 < accuracy < 1 else (accuracy * count + 1) / (count + 2)
    error = (rate * (1 - rate) / count) ** 0.5
    return f"one standard error is {100 * error:.2f} percentage points ({count:,} test examples)"


def linear_accuracy(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    penalty: float = 1.0,
    max_iterations: int = 500,
) -> float:
    """Test accuracy of a logistic regression on standardised features, see `linear`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = LogisticRegression(C=1.0 / penalty, max_iter=max_iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_pipeline(StandardScaler(), classifier).fit(train, train_labels)
    return float(model.score(test, test_labels))
