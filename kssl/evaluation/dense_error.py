"""How well a map is predicted, such as colours or what is in a hole, beside simple guesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    below,
    frozen,
    named,
    positive,
)
from kssl.evaluation.filling import diffused

LEVELS = 32  # of brightness
Arrays = Mapping[str, np.ndarray]


def dense_error(limit: int | None = 1000, batch_size: int = 256) -> Evaluation:
    """Error of a prediction at each place of an image, beside guesses that need no network.

    Of classes, such as those of colours: the cross-entropy in nats per place, weighted as in
    training where the transform writes weights. Its baselines: how frequent each class is in the
    training split (`frequencies`), and that at places as bright (`frequencies by brightness`); a
    network that is no better has not looked around. Of all maps that make a picture: the
    signal-to-noise ratio (PSNR) of the predicted picture to that of the target, where a hole was
    cut in the hole alone; beside the `mean image`, the mean at places as bright (`mean by
    brightness`), and, of a hole, `border diffusion`, the smoothest surface through what is around
    it. The same network `untrained` stands beside both.

    Args:
        limit: Use so many examples of each split, to bound memory and time; None: all. Guesses are
            of as many training examples.
        batch_size: Examples at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one or two `Result`s.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> evaluate = dense_error(limit=500)
    """
    positive("limit", limit)
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        pretext = task.test.task
        if pretext is None:
            raise Skipped("no transform of the recipe makes a map to predict, as colorize does")
        train, test = (each.arrays(limit=limit, first=False) for each in (task.train, task.test))
        if np.ndim(test.get(pretext.target)) < 3:
            raise Skipped(f"what is to be predicted, '{pretext.target}', is no map of an image")
        seen = {pretext.inputs: test[pretext.inputs]}
        with frozen(task.model, task.seed) as weights:
            found = apply(task.model, "predict_map", seen, batch_size=batch_size)
        untrained = apply(task.untrained, "predict_map", seen, batch_size=batch_size)
        settings = {"test": len(found), "train": len(train[pretext.inputs])}
        settings["weights_sha256"] = weights
        results = []
        if task.model.target_classes is not None:
            results = [_entropy(pretext, train, test, found, untrained, settings)]
        return [*results, _signal_to_noise(pretext, train, test, found, untrained, settings)]

    return named("dense_error", evaluate, needs=["PredictsMaps"])


def _entropy(
    pretext: Any,
    train: Arrays,
    test: Arrays,
    found: np.ndarray,
    untrained: np.ndarray,
    settings: dict[str, Any],
) -> Result:
    count = found.shape[-1]
    known = _distributions(train[pretext.target], count) * _weights(train, pretext)[..., None]
    wanted, weights = _distributions(test[pretext.target], count), _weights(test, pretext)

    def entropy(probabilities: np.ndarray) -> float:
        losses = -np.sum(wanted * np.log(np.maximum(probabilities, 1e-12)), axis=-1)
        return float(np.sum(weights * losses) / np.sum(weights))

    whole = known.sum(axis=(0, 1, 2)) + 1.0 / count  # one place more, of any class
    whole /= whole.sum()
    levels = [_levels(each, pretext, found.shape[1:3]) for each in (train, test)]
    # As many places more of each level as there are classes, as frequent as in all: few would do
    # for a level that is seldom seen, and a class that it lacks would cost any guess dear.
    by_level = _table(levels[0], known) + count * whole
    by_level /= by_level.sum(axis=-1, keepdims=True)
    baselines = {
        "frequencies": entropy(np.broadcast_to(whole, wanted.shape)),
        "frequencies by brightness": entropy(by_level[levels[1]]),
        "untrained": entropy(untrained),
    }
    value = entropy(found)
    note = _worse(value, baselines)
    metric = "cross-entropy (nats per place)"
    return Result("dense_error", metric, value, "lower", baselines, settings, note)


def _signal_to_noise(
    pretext: Any,
    train: Arrays,
    test: Arrays,
    found: np.ndarray,
    untrained: np.ndarray,
    settings: dict[str, Any],
) -> Result:
    decode: Callable[[np.ndarray], np.ndarray] = pretext.decode or np.asarray
    known, wanted = (decode(each[pretext.target]) for each in (train, test))
    picture = _picture(pretext, test)
    truth, mask = picture(wanted), test.get("mask")

    def ratio(values: np.ndarray) -> float:
        return peak_signal_to_noise(truth, picture(values), mask)

    levels = [_levels(each, pretext, wanted.shape[1:3]) for each in (train, test)]
    counts = _table(levels[0], np.ones((*known.shape[:3], 1)))
    mean = known.mean(axis=(0, 1, 2))
    by_level = (_table(levels[0], known) + mean) / (counts + 1.0)
    baselines = {
        "mean image": ratio(np.broadcast_to(known.mean(axis=0), wanted.shape)),
        "mean by brightness": ratio(by_level[levels[1]]),
        "untrained": ratio(decode(untrained)),
    }
    if mask is not None:
        baselines["border diffusion"] = ratio(diffused(test[pretext.inputs], mask))
    value = ratio(decode(found))
    metric = "PSNR of the hole (dB)" if mask is not None else "PSNR (dB)"
    note = below(value, baselines)
    return Result("dense_error", metric, value, "higher", baselines, settings, note)


def peak_signal_to_noise(
    wanted: np.ndarray, found: np.ndarray, mask: np.ndarray | None = None
) -> float:
    """Return the peak signal-to-noise ratio of images in [0, 1], in decibels, averaged over them.

    Args:
        wanted: `(examples, height, width, channels)`.
        found: The same shape.
        mask: bool `(examples, height, width)`: the places that are compared; None: all.

    Example:
        >>> peak_signal_to_noise(np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 0.1))
        20.0
    """
    squares = np.square(np.clip(wanted, 0, 1) - np.clip(found, 0, 1)).mean(axis=-1)
    shown = np.ones(squares.shape, bool) if mask is None else np.asarray(mask, bool)
    errors = np.sum(squares * shown, axis=(1, 2)) / np.maximum(shown.sum(axis=(1, 2)), 1)
    return float(np.mean(-10.0 * np.log10(np.maximum(errors, 1e-10))).round(12))


def _picture(pretext: Any, test: Arrays) -> Callable[[np.ndarray], np.ndarray]:
    if pretext.picture is None:
        return np.asarray
    return lambda values: np.asarray(pretext.picture(test, values))


def _distributions(target: np.ndarray, count: int) -> np.ndarray:
    """Return `(examples, rows, columns, classes)` of numbers of classes, or of distributions."""
    return np.eye(count, dtype="float32")[target] if target.ndim == 3 else target


def _weights(batch: Arrays, pretext: Any) -> np.ndarray:
    """Return what each place weighs, `(examples, rows, columns)`."""
    shape = batch[pretext.target].shape[:3]
    return np.asarray(batch.get("mask", batch.get("weight", np.ones(shape))), "float32")


def _levels(batch: Arrays, pretext: Any, places: tuple[int, ...]) -> np.ndarray:
    """Return which level of brightness is seen at each place, `(examples, rows, columns)`."""
    bright = np.asarray(batch[pretext.inputs], "float32").mean(axis=-1)
    (height, width), (rows, columns) = bright.shape[1:], places
    if height % rows or width % columns:
        chosen = [
            np.arange(few) * many // few for many, few in zip((height, width), places, strict=True)
        ]
        bright = bright[:, chosen[0]][:, :, chosen[1]]
    else:
        shape = (len(bright), rows, height // rows, columns, width // columns)
        bright = bright.reshape(shape).mean(axis=(2, 4))
    return np.clip((bright * LEVELS).astype(int), 0, LEVELS - 1)


def _table(levels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of values `(examples, rows, columns, channels)` at each level."""
    flat, rows = levels.reshape(-1), values.reshape(-1, values.shape[-1])
    return np.stack([rows[flat == level].sum(axis=0) for level in range(LEVELS)])


def _worse(value: float, baselines: Mapping[str, float]) -> str:
    """Name the best baseline below a cross-entropy."""
    return below(-value, {name: -each for name, each in baselines.items()}).replace(
        "below", "no better than"
    )
