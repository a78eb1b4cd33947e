"""What fine-tuning a text network needs but the network: a budget, rows of ids, spans, results."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kssl.evaluation.base import Result, Skipped, Task, below, frozen
from kssl.evaluation.finetuning.text_budget import BATCH_SIZE, Budget, Rows
from kssl.evaluation.finetuning.text_head import DROPOUT, fresh_network

if TYPE_CHECKING:
    import keras

_FAR = -1e9  # of a logit that must not be chosen


def best_spans(logits: np.ndarray, allowed: np.ndarray, longest: int = 30) -> np.ndarray:
    """Return the best span of each row: first token, last token, and their summed logits.

    Args:
        logits: `(rows, length, 2)`.
        allowed: Which tokens may be in an answer, bool `(rows, length)`.
        longest: Tokens of an answer at most.

    Returns:
        `(rows, 3)` float64.
    """
    length = allowed.shape[1]
    place = np.arange(length)
    reach = place[None, :] - place[:, None]
    band = np.where((reach >= 0) & (reach < longest), 0.0, _FAR)  # (length, length)
    masked = np.where(allowed[..., None], logits.astype(np.float64), _FAR)
    found = np.empty((len(logits), 3))
    for number, row in enumerate(masked):
        scores = row[:, None, 0] + row[None, :, 1] + band
        best = int(scores.argmax())
        found[number] = best // length, best % length, scores.flat[best]
    return found


def framed(
    known: Any, firsts: Sequence[np.ndarray], seconds: Sequence[np.ndarray] | None, length: int
) -> Rows:
    """Lay ids out as `[CLS] first [SEP] second [SEP]`, and cut the longer one where needed.

    Args:
        known: The vocabulary.
        firsts: Ids of the first text of each row.
        seconds: Of the second text, or None.
        length: Ids of a row at most; rows are as long as the longest, in steps of 16.
    """
    start, end = known.role("start", "fine-tuning"), known.role("end", "fine-tuning")
    pad = known.role("pad", "fine-tuning")
    pieces = []
    for number, first in enumerate(firsts):
        if seconds is None:
            pieces.append((_joined(start, first[: length - 2], end), ()))
            continue
        one, other = _fitted(len(first), len(seconds[number]), length - 3)
        second = seconds[number][:other]
        pieces.append((_joined(start, first[:one], end), [*second, end]))
    longest = max(len(first) + len(second) for first, second in pieces)
    longest = min(length, -(-longest // 16) * 16)
    rows = Rows(*(np.zeros((len(pieces), longest), np.int32) for _ in Rows._fields))
    rows.token_ids[:] = pad
    for number, (first, second) in enumerate(pieces):
        border, size = len(first), len(first) + len(second)
        rows.token_ids[number, :size] = [*first, *second]
        rows.segment_ids[number, border:size] = 1
        rows.padding_mask[number, :size] = 1
    return rows


def _joined(start: int, ids: np.ndarray, end: int) -> list[int]:
    return [start, *ids.tolist(), end]


def _fitted(one: int, other: int, room: int) -> tuple[int, int]:
    """How many ids of each text are kept: the longer one is cut first."""
    if one + other <= room:
        return one, other
    half = room // 2
    if one <= half:
        return one, room - one
    return (room - other, other) if other <= half else (room - half, half)


def word_ids(known: Any, words: Iterable[str]) -> list[np.ndarray]:
    """Return the ids of each word; `[UNK]` for a word that leaves none."""
    blank = " " if getattr(known, "kind", "") == "bpe" else ""
    unknown = np.array([known.special.get("unknown", 0)], np.int32)
    return [ids if len(ids) else unknown for ids in known.encode([blank + w for w in words])]


def compared(
    task: Task,
    name: str,
    budget: Budget,
    measure: Callable[[Callable[[], keras.Model], int], dict[str, float]],
    baselines: dict[str, dict[str, float]],
    file: Path,
    settings: dict[str, Any],
) -> list[Result]:
    """Fine-tune from the trained and from fresh weights, and put the numbers side by side.

    Args:
        task: Its models are left as they are.
        name: Of the evaluation.
        budget: Repeats of it are averaged.
        measure: From a maker of networks and the number of the repeat to metrics.
        baselines: By metric, further numbers.
        file: Of the training examples; its folder is named beside the metric.
        settings: What else the number depends on.
    """
    import keras

    numbers: dict[str, list[dict[str, float]]] = {}
    with frozen(task.model, task.seed) as weights:
        for which, model in (("trained", task.model), ("from scratch", task.untrained)):
            for repeat in range(budget.repeats):
                keras.utils.set_random_seed(task.seed + repeat)
                scores = measure(lambda model=model: fresh_network(model), repeat)
                numbers.setdefault(which, []).append(scores)
    settings = {**dataclasses.asdict(budget), "batch_size": BATCH_SIZE, **settings}
    settings |= {
        "train file": file.name,
        "dropout": DROPOUT,
        "weight_decay": 0.01,
        "weights_sha256": weights,
    }
    results = []
    for metric in numbers["trained"][0]:
        each = {which: [one[metric] for one in runs] for which, runs in numbers.items()}
        mean = {which: float(np.mean(values)) for which, values in each.items()}
        others = {"from scratch": mean["from scratch"], **baselines.get(metric, {})}
        results.append(
            Result(
                name,
                f"{metric} on {file.parent.name}",
                mean["trained"],
                "higher",
                others,
                settings,
                "; ".join(filter(None, [below(mean["trained"], others), _spread(each)])),
            )
        )
    return results


def _spread(each: dict[str, list[float]]) -> str:
    if len(each["trained"]) < 2:
        return ""
    parts = [
        f"{which} {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
        for which, values in each.items()
    ]
    # The two are drawn alike, so that their difference is far surer than either.
    apart = np.subtract(each["trained"], each["from scratch"])
    error = np.std(apart, ddof=1) / math.sqrt(len(apart))
    parts.append(f"apart by {np.mean(apart):+.3f}, standard error {error:.3f}")
    return f"mean and deviation of {len(apart)} repeats: {', '.join(parts)}"


def vocabulary_for_text(task: Task) -> Any:
    """Return the vocabulary of the run.

    Raises:
        Skipped: There is none, as with images.
    """
    known = task.train.vocabulary
    if known is None:
        raise Skipped("the data has no vocabulary, so labelled text cannot become ids")
    return known
