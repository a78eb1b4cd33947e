"""Accuracy and perplexity of a masked language model."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    frozen,
    named,
    positive,
)
from kssl.evaluation.inputs import columns_of, modality_of
from kssl.evaluation.probing import standard_error

_NOTE = "of a token given all others; to be compared for one vocabulary and one masking only"
_KEYS = ("tokens", "target", "segment", "padding_mask")


def masked_accuracy(limit: int | None = 2000, batch_size: int = 64) -> Evaluation:
    """Accuracy and perplexity at the masked tokens of the test split.

    Masks are drawn once, as in every evaluation, so that all models see the same ones. Accuracy is
    the fraction of the hidden positions whose most likely token is the true one. Perplexity is
    `exp` of the mean of `-log p(true token | all other tokens)` in nats over these positions: it
    looks at both sides, and is of this vocabulary, so it is not to be compared with that of a model
    that reads from left to right, or with another vocabulary.

    Baselines: the same network `untrained`; always the `most frequent token` of the training
    split's, special ones apart; for perplexity each token's frequency in the training split, with
    1 added to each count.

    Args:
        limit: Use so many test rows; None: all.
        batch_size: Rows at a time; does not change the result.

    Returns:
        A function of a `Task` that returns two `Result`s, metrics `accuracy` and `perplexity`.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> evaluate = masked_accuracy(limit=500)
    """
    positive("limit", limit)
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        return _measured(task, limit, batch_size)

    return named("masked_accuracy", evaluate, needs=["FillsIn"])


def _measured(task: Task, limit: int | None, batch_size: int) -> list[Result]:
    arrays = task.test.arrays(limit=limit, first=False)
    if "target" not in arrays:
        raise Skipped("the data has no 'target': it needs the transform mask_tokens")
    batch = {key: arrays[key] for key in _KEYS if key in arrays}
    with frozen(task.model, task.seed) as weights:
        right, loss, target = _predicted(task.model, batch, batch_size)
    if not len(target):
        raise Skipped("no token of the test split is masked")
    fresh_right, fresh_loss, _ = _predicted(task.untrained, batch, batch_size)
    frequencies = _frequencies(task, int(arrays["target"].max()) + 1)
    common = int(frequencies.argmax())
    settings: dict[str, Any] = {"rows": len(arrays["target"]), "weights_sha256": weights}
    settings |= {"positions": len(target), "selected": int((arrays["target"] >= 0).sum())}
    name, accuracy, perplexity = "masked_accuracy", float(right.mean()), _perplexity(loss)
    always = {"most frequent token": float((target == common).mean())}
    accuracies = {**always, "untrained": float(fresh_right.mean())}
    guessed = {"token frequencies": _perplexity(-np.log(frequencies[target]))}
    perplexities = {**guessed, "untrained": _perplexity(fresh_loss)}
    error = standard_error(accuracy, len(target)).replace("test examples", "masked tokens")
    spelled = {**settings, "most frequent token": _spelled(task, common)}
    return [
        Result(name, "accuracy", accuracy, "higher", accuracies, spelled, error),
        Result(name, "perplexity", perplexity, "lower", perplexities, settings, _NOTE),
    ]


def _perplexity(loss: np.ndarray) -> float:
    return float(np.exp(loss.mean()))


def _spelled(task: Task, token: int) -> str:
    known = task.train.vocabulary
    return f"{token} ({known.spell([token])[0]!r})" if known is not None else str(token)


def _predicted(
    model: Any, batch: dict[str, np.ndarray], batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether each masked token was predicted correctly, its loss, and its id."""
    from kssl.data.array_batches import in_order
    from kssl.models.inference import MethodCall

    called = MethodCall(model, "predict_masked", {})
    found = called.predict(in_order(batch, batch_size), verbose=0)
    masked = np.asarray(found["target"]) >= 0
    target, guess = (np.asarray(found[key])[masked] for key in ("target", "predicted"))
    return target == guess, -np.asarray(found["log_probability"], np.float64)[masked], target


def _frequencies(task: Task, size: int) -> np.ndarray:
    """The relative frequency of each id in the training split; special ones have next to none."""
    tokens = columns_of(task.train, modality_of(task.model))["tokens"]
    counts = np.bincount(tokens.reshape(-1), minlength=size).astype(np.float64)
    known = task.train.vocabulary
    counts[known.special_ids if known is not None else [0]] = 0
    return (counts + 1) / (counts + 1).sum()
