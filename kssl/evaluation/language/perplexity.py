"""Perplexity and bits per byte of a language model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kssl.evaluation.base import Evaluation, Result, Skipped, Task, apply, frozen, named, positive


def perplexity(limit: int | None = None, batch_size: int = 64) -> Evaluation:
    """Cross-entropy of the test text in nats per token, its exponential, and bits per byte.

    `loss = -1/N Σ log p(token | those before it in its window)` over the N tokens predicted;
    `perplexity = exp(loss)`; `bits per byte = N · loss / (log 2 · bytes)`, where bytes are those
    of the predicted tokens' text in UTF-8. Perplexities of different vocabularies do not compare;
    bits per byte do.

    The windows are the rows of the data, each from its beginning: as long as the model's context,
    one token further apart where the data has rows of `context + 1` with a stride of `context`, so
    that each token is predicted once. The first tokens of a window see little, which costs more
    the shorter the context; it is the protocol of nanoGPT's "val loss".

    Baselines: the untrained model; `token frequencies`, which predicts each token as often as it is
    in the training text; and `previous token`, the frequencies after the token before (add-one
    smoothed), if the vocabulary has at most 5,000 tokens.

    Args:
        limit: Rows at most, from the start; None: all.
        batch_size: Rows at a time; does not change the result.

    Returns:
        A function of a `Task` that returns three `Result`: metrics `nats per token`, `perplexity`
        and, where the data has a vocabulary, `bits per byte`.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> perplexity(limit=100)  # doctest: +ELLIPSIS
        <function ...>
    """
    positive("limit", limit)
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        return _results(task, limit, batch_size)

    return named("perplexity", evaluate, needs=["ScoresTokens"], modalities=["tokens"])


def _results(task: Task, limit: int | None, batch_size: int) -> list[Result]:
    rows = _windows(task.test, task.model, limit)
    train = _windows(task.train, task.model, None)
    with frozen(task.model, task.seed) as weights:
        losses = apply(task.model, "token_losses", rows, batch_size=batch_size)
    counted = rows["target"] >= 0
    count = int(counted.sum())
    baselines = {
        "untrained": apply(task.untrained, "token_losses", rows, batch_size=batch_size).sum()
        / count,
        **_frequencies(train, rows, task.model.vocabulary_size),
    }
    nats = float(losses.sum() / count)
    settings = {
        "context": rows["tokens"].shape[1],
        "tokens": count,
        "vocabulary": task.model.vocabulary_size,
        "weights_sha256": weights,
    }
    note = _standard_error(losses.sum(axis=1), counted.sum(axis=1))
    found = [("nats per token", 1.0, float), ("perplexity", 1.0, math.exp)]
    size = _bytes(task.test, rows["target"][counted])
    if size:
        found.append(("bits per byte", count / (size * math.log(2)), float))
    return [
        Result(
            "perplexity",
            metric,
            change(scale * nats),
            "lower",
            {name: change(scale * float(value)) for name, value in baselines.items()},
            settings,
            note,
        )
        for metric, scale, change in found
    ]


def _windows(pipeline: Any, model: Any, limit: int | None) -> dict[str, np.ndarray]:
    """Rows as the data has them, not at random places: tokens, and the next of each."""
    raw = pipeline.arrays(limit=limit, transformed=False)
    if "tokens" not in raw:
        raise Skipped(f"the data has no 'tokens'; it has {', '.join(sorted(raw))}")
    context = min(model.example_shape[0], raw["tokens"].shape[1] - 1)
    ids = raw["tokens"][:, : context + 1]
    target = ids[:, 1:].astype("int32")
    rows = {"tokens": ids[:, :-1].astype("int32")}
    if "document" in raw:
        document = raw["document"][:, : context + 1]
        target = np.where(document[:, 1:] == document[:, :-1], target, -1)
        rows["document"] = document[:, :-1]
        first = (document[:, :-1, None] > document[:, None, :-1]).sum(axis=2)
        rows["positions"] = (np.arange(context) - first).astype("int32")
    if "padding_mask" in raw:
        target = np.where(raw["padding_mask"][:, 1 : context + 1], target, -1)
        rows["padding_mask"] = raw["padding_mask"][:, :context]
    return rows | {"target": target}


def _frequencies(
    train: dict[str, np.ndarray], test: dict[str, np.ndarray], size: int
) -> dict[str, float]:
    """Nats per token of guessing by frequency alone, and by frequency after the token before."""
    seen, asked = train["target"] >= 0, test["target"] >= 0
    counts = 1.0 + np.bincount(train["target"][seen], minlength=size)
    target = test["target"][asked]
    found = {"token frequencies": -np.log(counts / counts.sum())[target].mean()}
    if size <= 5000:
        pairs = np.ones((size, size))
        np.add.at(pairs, (train["tokens"][seen], train["target"][seen]), 1.0)
        probabilities = pairs / pairs.sum(axis=1, keepdims=True)
        found["previous token"] = -np.log(probabilities[test["tokens"][asked], target]).mean()
    return found


def _bytes(pipeline: Any, ids: np.ndarray) -> int:
    """Bytes of the text that these ids stand for; 0 if unknown."""
    vocabulary = pipeline.vocabulary
    return 0 if vocabulary is None else len(vocabulary.decode(ids.tolist()).encode())


def _standard_error(sums: np.ndarray, counts: np.ndarray) -> str:
    """In words: how far the nats per token may be off, from the spread over the rows."""
    mean = sums.sum() / counts.sum()
    error = np.sqrt(np.square(sums - mean * counts).sum()) / counts.sum()
    return f"one standard error is {error:.3f} nats per token ({int(counts.sum()):,} tokens)"
