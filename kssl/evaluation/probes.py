"""How much of the labels can be read from a frozen embedding: k nearest neighbours, linear.

Protocol: the frozen encoder of the last epoch embeds the training split (the bank) and, once, the
test split, in inference mode; labels meet the embeddings only after that. Beside the trained
encoder stand the same encoder `untrained`, and `untrained, rescaled`, with its random weights at
the scale of the data; the same probe on what simple models read of the input, under its name
(`pixels`, `colour histogram`, `TF-IDF of words`, … as the modality says); `PCA` of the first of
these, with as many components as the embedding is wide; the `majority class` of the bank; and the
simple models themselves (`pixels, logistic regression`, …).

Where `block_features` is given, each block of the encoder has a row too, beside the same block
`untrained` and the simple models: a pretext task may have its best features before its last block,
as rotation has in the second (Gidaris et al., arXiv:1803.07728, table 1). The map of a block is
averaged over the cells of an even grid, the finest that leaves so many features, so that blocks of
many positions and of many channels are compared at about one width (Zhang et al., Split-Brain
Autoencoders, arXiv:1611.09842). Which block is best is to be decided by other numbers
than those that are reported.
"""

from __future__ import annotations

import warnings

import numpy as np

from kssl.evaluation.base import Evaluation, named, positive
from kssl.evaluation.neighbours import knn_predict
from kssl.evaluation.probing import Probe


def knn(
    k: int = 20,
    temperature: float | None = 0.07,
    standardize: bool = False,
    limit: int | None = 10_000,
    batch_size: int = 256,
    block_features: int | None = None,
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
        block_features: Give a row for each block of the encoder too, its map averaged to at most
            so many features; with 1, over all positions. None: of the embedding alone.

    Returns:
        A function of a `Task` that returns a `Result` of the metric `accuracy`, and perhaps one
        for each block, `accuracy, block 1 of 3`.

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
    positive("block_features", block_features)

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

    probe = Probe("knn", score, settings, limit, batch_size, block_features)
    return named("knn", probe.__call__, needs=["Embeds"])


def linear(
    penalty: float = 1.0,
    max_iterations: int = 500,
    limit: int | None = 10_000,
    batch_size: int = 256,
    block_features: int | None = None,
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
        block_features: Give a row for each block of the encoder too, its map averaged to at most
            so many features; with 1, over all positions. None: of the embedding alone.

    Returns:
        A function of a `Task` that returns a `Result` of the metric `accuracy`, and perhaps one
        for each block, `accuracy, block 1 of 3`.

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
    positive("block_features", block_features)

    def score(bank: np.ndarray, bank_labels: np.ndarray, *test: np.ndarray) -> float:
        return linear_accuracy(bank, bank_labels, *test, penalty, max_iterations)

    settings = {
        "classifier": "logistic regression, L-BFGS, standardised features",
        "penalty": penalty,
        "max_iterations": max_iterations,
    }

    known = (penalty, max_iterations) == (1.0, 500)  # the settings of the simple models
    probe = Probe("linear", score, settings, limit, batch_size, block_features, known)
    return named("linear", probe.__call__, needs=["Embeds"])


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
