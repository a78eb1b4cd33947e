"""A network fine-tuned from its trained and from fresh weights, side by side."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kssl.evaluation.base import Result, Task, below, frozen
from kssl.evaluation.finetuning.text_finetune import BATCH_SIZE, Budget
from kssl.evaluation.finetuning.text_head import DROPOUT, fresh_network


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
