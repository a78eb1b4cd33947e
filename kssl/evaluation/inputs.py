"""Where the examples, labels and simple baselines of an evaluation come from.

What a model reads is asked of its modality; nothing here depends on the kind of data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kssl.data.description import UNLABELLED
from kssl.data.selection import representative
from kssl.evaluation.base import Skipped, Task, flat

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

    from kssl.modalities import Modality


def modality_of(model: Any) -> Modality:
    """Return what a model reads."""
    from kssl.modalities import of_model

    return of_model(model)


def examples_of(pipeline: Any, model: Any, limit: int | None = None, first: bool = False) -> Any:
    """Return the examples of a split as a model reads them, in order.

    Args:
        pipeline: The split.
        model: What reads them.
        limit: At most so many: the first, evenly spaced where they are in the order of classes.
        first: Whether they are the first ones in any case.

    Returns:
        Array `(examples, …)`, or a dict of arrays where the modality has several keys.

    Raises:
        Skipped: The data has no such examples.
    """
    return read(pipeline, model, limit, first)[0]


def labelled(pipeline: Any, limit: int | None = None, model: Any = None) -> tuple[Any, np.ndarray]:
    """Return the examples of a split and its labels, apart: a model is given the examples alone.

    Args:
        pipeline: The split.
        limit: At most so many: the first, evenly spaced where they are in the order of classes.
        model: What reads them; None for images.

    Returns:
        As `examples_of`, and `(examples,)` labels; only of those examples that have one.

    Raises:
        Skipped: The data has no labels, or no examples that the model reads.
    """
    examples, columns = read(pipeline, model, limit)
    if "label" not in columns:
        raise Skipped(
            "the data has no labels; a probe compares an embedding with labels: give data with a"
            " 'label' (folders of classes make it, or a column that label names), or leave the"
            " probe out of 'evaluate'"
        )
    labels = np.asarray(columns["label"]).reshape(-1)
    without = without_label(pipeline, labels)
    if not without.any():
        return examples, labels
    if limit is not None and limit < pipeline.size:  # so many labelled ones are wanted
        examples, columns = read(pipeline, model, None)
        labels = np.asarray(columns["label"]).reshape(-1)
        without = without_label(pipeline, labels)
    rows = np.flatnonzero(~without)
    rows = rows if limit is None else rows[representative(labels[rows], limit)]
    if not len(rows):
        raise Skipped("none of the examples of a split has a label, so nothing can be compared")
    if isinstance(examples, dict):
        return {key: array[rows] for key, array in examples.items()}, labels[rows]
    return examples[rows], labels[rows]


def numbered(known: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels counted from 0, in the order of those known; -1 for one that is not.

    Args:
        known: `(examples,)` labels that a probe is fitted on: any whole numbers.
        asked: Labels of other examples.

    Example:
        >>> numbered(np.array([-1, 1, -1]), np.array([1, 5]))
        (array([0, 1, 0]), array([ 1, -1]))
    """
    classes, numbers = np.unique(known, return_inverse=True)
    places = np.minimum(np.searchsorted(classes, asked), len(classes) - 1)
    return numbers, np.where(classes[places] == asked, places, -1)


def without_label(pipeline: Any, labels: np.ndarray) -> np.ndarray:
    """Tell which examples have no label: bool `(examples,)`.

    A label of -1 is one that is not known if classes have names, which stand for numbers from 0 on.
    """
    named = bool(getattr(pipeline, "class_names", None))
    return labels == UNLABELLED if named else np.zeros(len(labels), bool)


def mixed(labels: np.ndarray) -> np.ndarray:
    """An order of examples whose first ones stand for all; 0, 1, … unless they lie class by class.

    Args:
        labels: `(examples,)` whole numbers.

    Example:
        >>> labels = np.repeat([0, 1, 2], 100)
        >>> sorted(set(labels[mixed(labels)[:12]].tolist()))
        [0, 1, 2]
    """
    half = len(labels) // 2
    if not half or representative(labels, half)[-1] == half - 1:
        return np.arange(len(labels))
    return np.random.default_rng(0).permutation(len(labels))


def read(
    pipeline: Any, model: Any, limit: int | None = None, first: bool = False
) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the examples of a split as a model reads them, and all its columns; see `labelled`."""
    modality = modality_of(model)
    columns = columns_of(pipeline, modality, limit, first)
    try:
        return modality.fitted(modality.arrays(columns), model), columns
    except KeyError as error:
        raise Skipped(f"the model reads {modality.name}, and {error.args[0]}") from None


def columns_of(
    pipeline: Any, modality: Modality, limit: int | None = None, first: bool = False
) -> dict[str, np.ndarray]:
    """Return a split with all its keys, as an evaluation of that modality reads it.

    Without the transforms that make a pretext task; where the modality says so and the data set
    has its keys, without any.
    """
    if modality.as_stored:
        columns: dict[str, np.ndarray] = pipeline.arrays(
            limit=limit, transformed=False, first=first
        )
        if all(key in columns for key in modality.keys):
            return columns
    return pipeline.arrays(limit=limit, tasks=False, first=first)


class SimpleModels:
    """What the probes of a task are compared with: simple models of the raw input.

    Args:
        task: Results of its simple models are computed once.
        bank: Labelled examples, as `labelled` returns them.
        test: The examples and labels that are asked for.
        limit: The limit of the bank, under which results are kept.
    """

    def __init__(self, task: Task, bank: Any, test: Any, limit: int | None) -> None:
        self.bank, self.test = bank, test
        self.modality = modality_of(task.model)
        self.vocabulary = task.train.vocabulary
        self.seed = task.seed
        known = task.cache.setdefault("simple models", {})
        self._kept: dict[str, Any] = known.setdefault((limit, len(test[1])), {})

    def accuracies(self) -> dict[str, float]:
        """Return the accuracy of each simple model of the modality, by its name."""
        if "accuracies" not in self._kept:
            (bank, labels), (test, wanted) = self.bank, self.test
            guesses = self.modality.simple_predictions(bank, labels, test, self.vocabulary)
            self._kept["accuracies"] = {
                name: float(np.mean(guess == wanted)) for name, guess in guesses.items()
            }
        return dict(self._kept["accuracies"])

    def majority(self) -> float:
        """Return the accuracy of always giving the most frequent class of the bank."""
        classes, counts = np.unique(self.bank[1], return_counts=True)
        return float(np.mean(self.test[1] == classes[counts.argmax()]))

    def features(self, width: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the raw features of bank and test by name, and `PCA` of the first of them."""
        return with_pca(
            self.modality.raw(self.bank[0], self.test[0], self.vocabulary), width, self.seed
        )


def with_pca(
    raw: dict[str, tuple[np.ndarray, np.ndarray]], width: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Add the principal components of the first features, fitted on the first of the two sides.

    Args:
        raw: As `Modality.raw` returns it.
        width: Number of components.
        seed: See `principal_components`.
    """
    bank, test = next(iter(raw.values()))
    pca = principal_components(bank, width, seed)
    return {**raw, "PCA": (pca.transform(flat(bank)), pca.transform(flat(test)))}


def principal_components(train: np.ndarray, width: int, seed: int = 0) -> PCA:
    """PCA fitted on flattened training inputs: the linear baseline of the same width.

    Args:
        train: (examples, …) inputs.
        width: Number of components; fewer where the data has no more to give.
        seed: For the randomized solver, which scikit-learn takes for large inputs.

    Returns:
        A fitted `sklearn.decomposition.PCA`.
    """
    from sklearn.decomposition import PCA

    rows = flat(train)
    width = min(width, *rows.shape)
    # The covariance solver is exact here, and takes seconds where a full SVD takes minutes.
    exact = rows.shape[1] <= 1500 and rows.shape[0] > rows.shape[1]
    solver = "covariance_eigh" if exact else "auto"
    return PCA(width, svd_solver=solver, random_state=seed).fit(rows)
