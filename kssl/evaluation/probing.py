"""A probe of frozen features and its baselines: of a whole embedding, and of each block."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Result,
    Skipped,
    Task,
    apply,
    below,
    flat,
    frozen,
    trained_on_labels,
)
from kssl.evaluation.inputs import SimpleModels, labelled, numbered
from kssl.evaluation.rescaled import rescaled


@dataclasses.dataclass(frozen=True)
class Probe:
    """Compares what a classifier reads from frozen features with what it reads from simpler ones.

    Args:
        name: Of the evaluation.
        score: From features and labels of the bank, then of the test, to an accuracy.
        settings: What is needed to measure it again.
        limit: Examples of the bank at most.
        batch_size: Examples embedded at a time.
        block_features: Features of each block at most; None leaves the blocks out.
        known: Whether a simple model that is a logistic regression on a raw feature is the probe of
            that feature.

    Example:
        >>> import numpy as np
        >>> def score(bank, labels, test, wanted):
        ...     return float(np.mean(wanted == np.bincount(labels).argmax()))
        >>> [result.name for result in Probe("majority", score, {}, 100, 256)(task)]
        ['majority']
    """

    name: str
    score: Callable[..., float]
    settings: dict[str, Any]
    limit: int | None
    batch_size: int
    block_features: int | None = None
    known: bool = False

    def __call__(self, task: Task) -> list[Result]:
        bank, labels = labelled(task.train, self.limit, task.model)
        test, wanted = labelled(task.test, None, task.model)
        labels, wanted = numbered(labels, wanted)
        if len(np.unique(labels)) < 2:
            raise Skipped(f"all {len(labels)} training examples have one label")
        sides = (bank, labels), (test, wanted)
        whole = self._whole(task, *sides)
        if self.block_features is None:
            return [whole]
        if reason := _without_blocks(task.model):
            note = "; ".join(filter(None, [whole.note, f"no row for each block: {reason}"]))
            return [dataclasses.replace(whole, note=note)]
        return [whole, *self._of_blocks(task, *sides, whole)]

    def _whole(self, task: Task, known: Any, asked: Any) -> Result:
        """Return the number of the embedding, with all baselines."""
        (bank, labels), (test, wanted) = known, asked

        def accuracy(rows: np.ndarray, queries: np.ndarray) -> float:
            return self.score(flat(rows), labels, flat(queries), wanted)

        kept, size = _embeddings_of(task, self.limit), self.batch_size
        with frozen(task.model, task.seed) as weights:
            rows, queries = _embedded(kept, "trained", task.model, (bank, test), size)
        value, width = accuracy(rows, queries), rows.shape[1]
        fresh = _embedded(kept, "untrained", task.untrained, (bank, test), size)
        baselines = {"untrained": accuracy(*fresh)}
        if "rescaled" not in kept:
            with rescaled(task.untrained, bank):
                _embedded(kept, "rescaled", task.untrained, (bank, test), size)
        baselines["untrained, rescaled"] = accuracy(*kept["rescaled"])
        simple = SimpleModels(task, known, asked, self.limit)
        accuracies = simple.accuracies()
        for feature, both in simple.features(width).items():
            same = accuracies.get(f"{feature}, logistic regression") if self.known else None
            baselines[feature] = accuracy(*both) if same is None else same
        baselines |= {"majority class": simple.majority(), **accuracies}
        sizes = {"width": width, "bank": len(labels), "test": len(wanted)}
        settings = {**self.settings, **sizes, "weights_sha256": weights}
        note = _note(value, baselines, wanted, task.model)
        return Result(self.name, "accuracy", value, "higher", baselines, settings, note)

    def _of_blocks(self, task: Task, known: Any, asked: Any, whole: Result) -> list[Result]:
        """Return the number of each block beside the untrained one's, and what reads no encoder.

        The principal components of `whole` are left out: they are as many as its features.
        """
        from kssl.models.inference import block_names

        kept, most = _embeddings_of(task, self.limit), self.block_features
        inputs, (_, labels), (_, wanted) = (known[0], asked[0]), known, asked
        with frozen(task.model, task.seed) as weights:
            trained = _blocks(kept, "trained", task.model, inputs, most, self.batch_size)
        fresh = _blocks(kept, "untrained", task.untrained, inputs, most, self.batch_size)
        names = block_names(task.model)
        simple = {
            name: number
            for name, number in whole.baselines.items()
            if name != "PCA" and not name.startswith("untrained")
        }

        def accuracy(which: str, sides: Any, place: int) -> float:
            rows, queries = (side[place] for side in sides)
            if rows.shape == kept[which][0].shape and np.array_equal(rows, kept[which][0]):
                return whole.value if which == "trained" else whole.baselines[which]
            return self.score(rows, labels, queries, wanted)

        results = []
        for place, name in enumerate(names):
            value = accuracy("trained", trained, place)
            baselines = {"untrained": accuracy("untrained", fresh, place), **simple}
            number = f"block {place + 1} of {len(names)}"
            settings = {**whole.settings, "width": trained[0][place].shape[1], "block": number}
            settings |= {"layer": name, "block_features": most, "weights_sha256": weights}
            note = _note(value, baselines, wanted, task.model)
            metric = f"accuracy, {number}"
            results.append(Result(self.name, metric, value, "higher", baselines, settings, note))
        return results


def standard_error(accuracy: float, count: int) -> str:
    """In words: how far an accuracy on so many examples may be off by sampling alone.

    All or none right, of a few, is no proof of an accuracy of 1 or 0: then the error is that of one
    more example right and one more wrong, as Laplace counted.
    """
    rate = accuracy if 0 < accuracy < 1 else (accuracy * count + 1) / (count + 2)
    error = (rate * (1 - rate) / count) ** 0.5
    return f"one standard error is {100 * error:.2f} percentage points ({count:,} test examples)"


def _note(value: float, baselines: dict[str, float], wanted: np.ndarray, model: Any) -> str:
    error, labels_seen = standard_error(value, len(wanted)), trained_on_labels(model)
    return "; ".join(filter(None, [below(value, baselines), error, _unknown(wanted), labels_seen]))


def _unknown(wanted: np.ndarray) -> str:
    """In words: how many test examples are of a class that no training example has."""
    count = int((wanted < 0).sum())
    why = "are of a class that the bank lacks, and count as errors"
    return f"{count:,} test examples {why}" if count else ""


def _without_blocks(model: Any) -> str:
    """In words: why a model has no features of blocks; empty where it has."""
    from kssl.models.capabilities import HasEncoder, missing
    from kssl.models.inference import block_names

    if reason := missing(model, HasEncoder):
        return reason
    if block_names(model):
        return ""
    return f"in the encoder, {type(model.encoder).__name__}, no blocks are told apart"


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


def _blocks(
    kept: dict[str, Any], which: str, model: Any, sides: Any, most: int | None, batch_size: int
) -> list[list[np.ndarray]]:
    """Return the features of each block, of bank and of test, computed once."""
    from kssl.data.array_batches import in_order
    from kssl.evaluation.representation import checked_rows
    from kssl.models.inference import run_blocks

    key = f"blocks, {which}, {most}"
    try:
        if key not in kept:
            rows = [run_blocks(model, in_order(x, batch_size), most or 1) for x in sides]
            kept[key] = [[checked_rows(each) for each in side] for side in rows]
    except ValueError as error:
        raise Skipped(f"of the blocks of {type(model).__name__}, {error}") from None
    return kept[key]
