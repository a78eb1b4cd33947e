"""The table of results: each number beside its baselines, as every verb prints it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from kssl.cli import screen
from kssl.cli.screen import number, table
from kssl.report.words import OWN, labels, stand_in, written
from kssl.system.terminal import wrapped

ARROWS = {"higher": "↑", "lower": "↓"}


def as_dicts(results: Sequence[Any]) -> list[dict[str, Any]]:
    """Turn results into dicts as results.json has them, whether they are objects or dicts."""
    return [dict(r) if isinstance(r, Mapping) else dataclasses.asdict(r) for r in results]


def metric(result: Mapping[str, Any]) -> str:
    """Name the metric, with the direction that is better."""
    return f"{result['metric']} {ARROWS.get(result.get('better', ''), '')}".strip()


def print_results(results: Sequence[Mapping[str, Any]], content: Mapping[str, Any]) -> None:
    """Print results, and what has to be known about them.

    Args:
        results: The results to print.
        content: What results.json holds: the evaluations that were skipped, and the data.
    """
    if results:
        screen.show(results_table(results))
    texts = [*notes(results), *content.get("skipped", [])]
    said: list[str | Text] = [wrapped(text) for text in texts]
    if names := stand_in(content.get("data") or {}):
        warning = (
            f"On the stand-in {names['used']}: these numbers say nothing about "
            f"{names['stand_in_for']}."
        )
        said.append(Text(warning, style="bold red"))
    if said:
        screen.show("", *said)


def results_table(results: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Make the table: evaluation, metric, this model, then one column for each baseline.

    The model's number is green where it is better than all its baselines, else yellow. Where the
    terminal is too narrow for the columns, the baselines are in lines below, the best one first.
    """
    wide = _wide_table(results)
    return wide if screen.fits(wide) else _narrow_table(results)


def _narrow_table(results: Sequence[Mapping[str, Any]]) -> RenderableType:
    rows: list[RenderableType] = []
    for name, result in zip(labels(results), results, strict=True):
        rows.append(Text(f"{name}  {metric(result)}  ").append(_own(result)))
        others = [f"{written(other)} {number(value)}" for other, value in _best_first(result)]
        if others:
            rows.append(screen.folded([f"baselines: {others[0]}", *others[1:]]))
    return Group(*rows)


def _best_first(result: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the baselines, the best one in front; those without a number are the last."""
    sign = -1.0 if result.get("better") == "higher" else 1.0

    def place(item: tuple[str, Any]) -> float:
        return math.inf if item[1] is None else sign * float(item[1])

    found = list(result.get("baselines", {}).items())
    return sorted(found, key=place) if result.get("better") in ARROWS else found


def _wide_table(results: Sequence[Mapping[str, Any]]) -> RenderableType:
    baselines = list(dict.fromkeys(name for r in results for name in r.get("baselines", {})))
    rows = [
        [name, metric(result), _own(result)]
        + [number(result.get("baselines", {}).get(baseline)) for baseline in baselines]
        for name, result in zip(labels(results), results, strict=True)
    ]
    columns = ["evaluation", "metric", OWN, *(written(name) for name in baselines)]
    return table(columns, rows, numbers=range(2, len(columns)))


def notes(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the results add in words, each once."""
    said = [f"{r['name']}: {r['note']}" for r in results if r.get("note")]
    return list(dict.fromkeys(said))


def _own(result: Mapping[str, Any]) -> Text:
    value = result["value"]
    others = [float(other) for other in result.get("baselines", {}).values() if other is not None]
    if value is None or not others or result.get("better") not in ARROWS:
        return Text(number(value), style="bold")
    higher = result["better"] == "higher"
    best = float(value) > max(others) if higher else float(value) < min(others)
    return Text(number(value), style="bold green" if best else "bold yellow")
