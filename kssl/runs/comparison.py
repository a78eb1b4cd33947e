"""Several runs side by side: in what their recipes differ, their results, their curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kssl.errors import UserError
from kssl.runs.directory import Run


class Row(NamedTuple):
    """One evaluation with one choice of settings, in every run that has it.

    Attributes:
        name: Of the evaluation, with the settings that tell it from its namesakes.
        metric: What was measured.
        better: `higher` or `lower`.
        results: Of each run, as `results.json` has it; None where it was not done.
    """

    name: str
    metric: str
    better: str
    results: list[dict[str, Any] | None]


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Return the settings in which the resolved recipes differ, each with its value in each run."""
    recipes = [_flat(_recipe(run)) for run in runs]
    keys = dict.fromkeys(key for recipe in recipes for key in recipe)
    values = {key: [recipe.get(key) for recipe in recipes] for key in keys}
    return {key: each for key, each in values.items() if any(one != each[0] for one in each)}


def rows(runs: Sequence[Run]) -> list[Row]:
    """Return the results of runs: those of other settings are never in one row."""
    results = [run.read_json("results.json")["results"] for run in runs]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for result in (each for found in results for each in found):
        by_name.setdefault(result["name"], []).append(result)
    places: dict[tuple[str, str], list[dict[str, Any] | None]] = {}
    for number, found in enumerate(results):
        for result in found:
            same = by_name[result["name"]]
            key = (_called(result, same), result["metric"])
            places.setdefault(key, [None] * len(runs))[number] = result
    return [
        Row(name, metric, next(r for r in found if r).get("better", ""), found)
        for (name, metric), found in places.items()
    ]


def standard_error(result: dict[str, Any]) -> float | None:
    """Return by how much an accuracy may be off by sampling alone; None for other metrics."""
    count, value = (result.get("settings") or {}).get("test"), result.get("value")
    if not isinstance(count, int) or count < 1 or value is None or not 0 <= value <= 1:
        return None
    accuracy = str(result["metric"]).startswith("accuracy")
    rate = value if 0 < value < 1 else (value * count + 1) / (count + 2)  # as the probes tell it
    return float(rate * (1 - rate) / count) ** 0.5 if accuracy else None


def draw_curves(runs: Sequence[Run], path: Path) -> Path:
    """Draw the learning curves of runs; losses of different methods have panels of their own."""
    from kssl.report import curves

    return curves(runs, path, {run.name: _method(run) for run in runs})


def _called(result: dict[str, Any], same: list[dict[str, Any]]) -> str:
    """The evaluation, with the settings that were asked for and are not those of all."""
    asked = _asked(result)
    others = [_asked(other) for other in same]
    parts = [
        f"{key}={_written(value)}"
        for key, value in asked.items()
        if key != "use" and any(other.get(key) != value for other in others)
    ]
    return f"{result['name']} ({', '.join(parts)})" if parts else str(result["name"])


def _asked(result: dict[str, Any]) -> dict[str, Any]:
    """What was asked for; of results of before that was written, the settings they have."""
    return result.get("asked") or {
        key: value
        for key, value in (result.get("settings") or {}).items()
        if not key.endswith("sha256") and key not in ("test", "bank", "width")
    }


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _recipe(run: Run) -> Any:
    from kssl.recipe.problems import Problems
    from kssl.recipe.reader import read_file

    try:
        root, _ = read_file(run.file("recipe.yaml"), run.name, Problems(run.name))
    except UserError:
        return {}
    return root.plain() if root is not None else {}


def _method(run: Run) -> str:
    recipe = _recipe(run)
    model = recipe.get("model") if isinstance(recipe, dict) else None
    model = model if isinstance(model, dict) else {"use": model}
    loss = model.get("loss")
    loss = loss.get("use") if isinstance(loss, dict) else loss
    return f"{model.get('use')} with {loss}" if loss else str(model.get("use"))


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """A tree as `model.encoder.filters` -> value."""
    if isinstance(value, dict) and value:
        parts = [_flat(each, f"{path}.{key}" if path else key) for key, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value):
        parts = [_flat(each, f"{path}[{number}]") for number, each in enumerate(value)]
    else:
        return {path: value}
    return {key: each for part in parts for key, each in part.items()}
