"""What an evaluation is given, what it returns, and what all of them need.

An evaluation is a factory, `factory(**settings) -> function(task) -> list[Result]`. It speaks to a
model through `kssl.models.capabilities` alone, and says which of them it needs, so that it works
for any model that has them; examples and labels come from `kssl.evaluation.inputs`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from kssl.errors import RunError, UserError


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
        cache: What several evaluations need and is computed once, by what it is.
        part: The fraction of the data that the two pipelines give, and of its steps that a training
            makes: below 1 where only the time is wanted, see `kssl.runs.dry_run`.
    """

    model: Any
    untrained: Any
    train: Any
    test: Any
    seed: int = 0
    fit: Any = None
    optimizer: Callable[[], Any] | None = None
    cache: dict[Any, Any] = dataclasses.field(default_factory=dict, repr=False)
    part: float = 1.0


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
        >>> Result("knn", "accuracy", 0.97, "higher", {"pixels": 0.95}, {"k": 20}).best()
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


def named(
    name: str,
    evaluate: Evaluation,
    needs: Sequence[type | str] = (),
    modalities: Sequence[str] = (),
) -> Evaluation:
    """The same evaluation, which is skipped, under its name, where it does not apply.

    Args:
        name: What recipes call it.
        evaluate: The function of a task.
        needs: Capabilities that the model must have: protocols, or the names of those in
            `kssl.models.capabilities`.
        modalities: Names of the modalities that it is for; empty: any.

    Example:
        >>> evaluate = named("generated", lambda task: [], needs=["Generates"])
        >>> evaluate(Task(object(), None, None, None))
        Traceback (most recent call last):
        kssl.evaluation.base.Skipped: generated: it needs a model that generates examples \
(`generate`), and object is not one
    """

    @functools.wraps(evaluate)
    def run(task: Task) -> list[Result]:
        try:
            _check(task.model, needs, modalities)
            return evaluate(task)
        except Skipped as reason:
            raise Skipped(f"{name}: {reason}") from None

    return run


def _check(model: Any, needs: Sequence[type | str], modalities: Sequence[str]) -> None:
    # Imported here: it brings Keras, and this file is read to list signatures.
    from kssl.modalities import of_model
    from kssl.models.capabilities import missing

    if reason := missing(model, *needs):
        raise Skipped(reason)
    modality = of_model(model)
    if modalities and modality.name not in modalities:
        raise Skipped(
            f"it is for models that read {' or '.join(modalities)}, and {type(model).__name__} "
            f"reads {modality.name}"
        )


def below(value: float, baselines: Mapping[str, float]) -> str:
    """Name the best of the baselines above an accuracy, the untrained model apart; else empty.

    Example:
        >>> below(0.8, {"pixels": 0.85, "PCA": 0.82, "untrained": 0.9})
        'below pixels'
    """
    simple = {each: value for each, value in baselines.items() if not each.startswith("untrained")}
    best = max(simple, key=lambda name: simple[name], default="")
    return f"below {best}" if best and simple[best] > value else ""


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
        Skipped: Embeddings are NaN or infinite.
    """
    from kssl.data.array_batches import in_order
    from kssl.evaluation.representation import checked_rows
    from kssl.models.inference import run

    found = np.asarray(run(model, method, in_order(inputs, batch_size), **arguments))
    if method == "embed":
        try:
            checked_rows(found)
        except ValueError as error:
            raise Skipped(f"of what {type(model).__name__} embeds, {error}") from None
    return found


def to_array(tensor: Any) -> np.ndarray:
    """Return a tensor of any backend as float32."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)


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
    """Check that what happens inside leaves `model` unchanged, and make it repeatable.

    The weights are compared by digest. The states of the model's random seeds start from `seed`
    and are put back afterwards, so that an evaluation gives the same number each time and a run
    that is resumed is not disturbed by having been evaluated.

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
            " are invalid; its methods must not update weights outside of training"
        )


def trained_on_labels(model: Any) -> str:
    """What has to be said beside a number that is read with labels; empty for most models."""
    from kssl.models.capabilities import NeedsLabels, has

    trained = has(model, NeedsLabels) and model.needs_labels
    return "the encoder was trained on the labels of the training split" if trained else ""


def squared_error(target: np.ndarray, output: np.ndarray) -> float:
    """Squared error per example, summed over its values, averaged over the examples.

    Example:
        >>> squared_error(np.zeros((2, 3)), np.ones((2, 3)))
        3.0
    """
    # float64 sums: 10,000 x 784 float32 additions would lose the last digits that are reported
    difference = flat(np.asarray(target, np.float64)) - flat(np.asarray(output, np.float64))
    return float(np.square(difference).sum(axis=1).mean())


def positive(name: str, value: int | float | None) -> None:
    """Raise a `UserError` unless `value` is None or above zero."""
    if value is not None and value <= 0:
        raise UserError(f"{name} must be above 0, got {value}")
