"""What an evaluation is given, what it returns, and what all of them need.

An evaluation is a factory, `factory(**settings) -> function(task) -> list[Result]`. It speaks to a
model through `embed`, `reconstruct`, `generate`, `log_prob` and `corrupt` alone, so that it works
for any model that has the methods it names.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kssl.errors import RunError, UserError

if TYPE_CHECKING:
    from sklearn.decomposition import PCA


class Skipped(UserError):
    """This evaluation does not apply to this model or this data; the message says why.

    Example:
        >>> raise Skipped("knn: the data has no labels")
        Traceback (most recent call last):
        kssl.evaluation.base.Skipped: knn: the data has no labels
    """


@dataclasses.dataclass
class Task:
    """What an evaluation may look at.

    Args:
        model: The trained model.
        untrained: The same configuration with fresh weights: the first baseline of everything.
        train: `kssl.data.pipeline.Pipeline` of the training split.
        test: The same of the test split; an evaluation reads it once.
        seed: Seed of whatever is drawn while evaluating.
        fit: The recipe's `fit` settings (`epochs`, `batch_size`, …), to train a twin alike.
        optimizer: Makes a new optimizer like the one that the model was trained with.
    """

    model: Any
    untrained: Any
    train: Any
    test: Any
    seed: int = 0
    fit: Any = None
    optimizer: Callable[[], Any] | None = None


@dataclasses.dataclass(frozen=True)
class Result:
    """One number, with the numbers that it has to be compared with.

    Args:
        name: The evaluation's name, `"knn"`.
        metric: What was measured, with its unit, `"accuracy"`.
        value: The trained model's number.
        better: Which direction is better, `"higher"` or `"lower"`.
        baselines: Name of a baseline -> its number, measured in the same way.
        settings: Everything needed to measure it again.
        note: What a reader must know before quoting the number.

    Example:
        >>> Result("knn", "accuracy", 0.97, "higher", {"raw input": 0.95}, {"k": 20}).best()
        'trained'
    """

    name: str
    metric: str
    value: float
    better: Literal["higher", "lower"]
    baselines: dict[str, float]
    settings: dict[str, Any]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values; a number that is not finite becomes None."""
        fields = dataclasses.asdict(self)
        fields["value"] = _plain(self.value)
        fields["baselines"] = {name: _plain(value) for name, value in self.baselines.items()}
        fields["settings"] = {name: _plain(value) for name, value in self.settings.items()}
        return fields

    def best(self) -> str:
        """`"trained"`, or the name of the baseline that is better than the trained model."""
        sign = 1.0 if self.better == "higher" else -1.0
        numbers = {"trained": self.value, **self.baselines}
        finite = {name: sign * value for name, value in numbers.items() if math.isfinite(value)}
        return max(finite, key=lambda name: finite[name]) if finite else "trained"


Evaluation = Callable[[Task], list[Result]]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def named(name: str, evaluate: Evaluation) -> Evaluation:
    """The same evaluation, whose reason to be skipped begins with its name."""

    @functools.wraps(evaluate)
    def run(task: Task) -> list[Result]:
        try:
            return evaluate(task)
        except Skipped as reason:
            raise Skipped(f"{name}: {reason}") from None

    return run


def apply(
    model: Any, method: str, inputs: Any, batch_size: int = 256, **arguments: Any
) -> np.ndarray:
    """Run `model.<method>` over an array in batches and return NumPy.

    Args:
        model: A kssl model.
        method: `"embed"`, `"reconstruct"`, `"log_prob"`.
        inputs: Array, or dict of arrays; examples first.
        batch_size: Examples at a time.
        **arguments: What the method takes.

    Returns:
        One row per example.

    Raises:
        Skipped: The model does not have the method.
    """
    # Imported here: these modules bring Keras and TensorFlow, and this one is read to list
    # signatures.
    from kssl.data.loaders import in_order
    from kssl.models.inference import run

    require(model, method)
    return np.asarray(run(model, method, in_order(inputs, batch_size), **arguments))


def require(model: Any, method: str) -> None:
    """Raise `Skipped` when `model` has no `method`."""
    if not callable(getattr(model, method, None)):
        raise Skipped(f"the model {type(model).__name__} has no method {method!r}")


def images(pipeline: Any, limit: int | None = None) -> np.ndarray:
    """The split's inputs as the model sees them, in order.

    Args:
        pipeline: The split.
        limit: At most so many, from the start.

    Returns:
        (examples, height, width, channels), float32.
    """
    return _inputs(pipeline.arrays(limit=limit))


def labelled(
    pipeline: Any, limit: int | None = None, model: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """The split's inputs and its labels, apart: only the inputs are ever given to a model.

    Args:
        pipeline: The split.
        limit: At most so many, from the start.
        model: What embeds them, and so says which key of the data they are; None for images.

    Raises:
        Skipped: The data has no labels.
    """
    from kssl.evaluation.language.texts import reads_text, text_arrays

    text = reads_text(model)
    arrays = text_arrays(pipeline, limit) if text else pipeline.arrays(limit=limit)
    if "label" not in arrays:
        raise Skipped(
            "the data has no labels; a probe compares an embedding with labels: give data with"
            " a 'label' (an image folder with one sub-folder per class has them), or leave the"
            " probe out of 'evaluate'"
        )
    examples = arrays["tokens"][:, : model.example_shape[0]] if text else _inputs(arrays)
    return examples, np.asarray(arrays["label"]).reshape(-1)


def _inputs(arrays: dict[str, np.ndarray]) -> np.ndarray:
    if "image" not in arrays:
        raise Skipped(f"the data has no 'image'; it has {', '.join(sorted(arrays)) or 'nothing'}")
    return np.asarray(arrays["image"], dtype=np.float32)


def flat(values: np.ndarray) -> np.ndarray:
    """(examples, …) -> (examples, features)."""
    return values.reshape(len(values), -1)


def digest(model: Any) -> str:
    """SHA-256 of all weights of `model`, in order: equal digests mean bitwise equal weights.

    Example:
        >>> before = digest(model)
        >>> embeddings = model.embed(np.zeros((2, *model.example_shape), "float32"))
        >>> digest(model) == before
        True
    """
    import keras

    sha = hashlib.sha256()
    for weight in model.weights:  # metric and seed states are not among them
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        sha.update(f"{array.dtype}{array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


@contextmanager
def frozen(model: Any, seed: int = 0) -> Iterator[str]:
    """Prove that what happens inside leaves `model` alone, and make it repeatable.

    The weights are compared by digest. The states of the model's random seeds start from `seed`
    and are put back afterwards, so that an evaluation gives the same number each time and a run
    that goes on is not disturbed by having been evaluated.

    Args:
        model: Any Keras model.
        seed: Where its random numbers start.

    Yields:
        The first 16 digits of the weights' digest, for the result's settings.

    Raises:
        RunError: A weight has changed, so the number would be of another model.
    """
    import keras

    before = digest(model)
    states = [value for value in model.variables if value.name == "seed_generator_state"]
    kept = [np.array(keras.ops.convert_to_numpy(state)) for state in states]
    try:
        for place, state in enumerate(states):
            state.assign(np.array([seed + place, 0], dtype=kept[place].dtype))
        yield before[:16]
    finally:
        for state, value in zip(states, kept, strict=True):
            state.assign(value)
    if digest(model) != before:
        raise RunError(
            f"the weights of {type(model).__name__} changed while it was evaluated, so its numbers"
            " are void; its methods must not update weights outside of training"
        )


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


def trained_on_labels(model: Any) -> str:
    """What has to be said beside a number that is read with labels; empty for most models."""
    if not getattr(model, "needs_labels", False):
        return ""
    return "the encoder was trained on the labels of the training split"


def squared_error(target: np.ndarray, output: np.ndarray) -> float:
    """Squared error per example, summed over its values, averaged over the examples.

    Example:
        >>> squared_error(np.zeros((2, 3)), np.ones((2, 3)))
        3.0
    """
    # float64 sums: 10,000 x 784 float32 additions would lose the last digits that are reported
    difference = flat(np.asarray(target)) - flat(np.asarray(output))
    return float(np.square(difference, dtype=np.float64).sum(axis=1).mean())


def positive(name: str, value: int | float | None) -> None:
    """Raise a `UserError` unless `value` is None or above zero."""
    if value is not None and value <= 0:
        raise UserError(f"{name} must be above 0, got {value}")
