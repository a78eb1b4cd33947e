"""Accuracy against the number of labels, from the results of the evaluation `few_label`."""

from __future__ import annotations

import math
from typing import Any

from kssl.report import canvas

_TRAINED = "fine-tuned"


def points(run: Any) -> dict[str, list[tuple[float, float]]]:
    """Network -> (labelled examples, accuracy) in order; empty when it was not evaluated so."""
    path = run.file("results.json")
    results = run.read_json("results.json").get("results", []) if path.is_file() else []
    lines: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        if result["name"] == "few_label":
            labels = float(result["settings"]["labels"])
            for name, value in {_TRAINED: result["value"], **result["baselines"]}.items():
                if value is not None and math.isfinite(value):
                    lines.setdefault(name, []).append((labels, value))
    return {name: sorted(line) for name, line in lines.items()}


def draw(run: Any) -> tuple[Any, str] | None:
    """Return the figure and its caption, or None where there are not two numbers of labels."""
    lines = points(run)
    if max(map(len, lines.values()), default=0) < 2:
        return None
    drawn = canvas.figure(7.0, 4.0)
    axes = drawn.add_subplot()
    for color, (name, line) in zip(canvas.LINES, lines.items(), strict=False):
        width = 2.4 if name == _TRAINED else 1.5
        labels, accuracy = zip(*line, strict=True)
        axes.plot(labels, [100 * each for each in accuracy], "o-", color=color, lw=width)
        axes.lines[-1].set_label(name)
    axes.set_xscale("log")
    axes.set_xlabel("labelled training examples")
    axes.set_ylabel("test accuracy, %")
    axes.legend()
    return drawn, (
        "Accuracy against the number of labelled examples: the trained network fine-tuned, the same"
        " network from scratch, a logistic regression on its embedding, and simple models of the"
        " raw input."
    )
