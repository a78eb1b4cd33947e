"""Recipes over several seeds: what is not measured yet is run, one row for each number.

    python benchmarks/seeds.py "simclr_fashion fit.epochs=4" byol_fashion --data-dir DATA

Numbers are kept in `benchmarks/seeds.csv`; a recipe and seed that stand there are not run again, so
that the command goes on where it was stopped. It prints the mean and the standard deviation of each
number, accuracies in per cent, with its baselines, as a table in Markdown.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".csv")
COLUMNS = ["recipe", "seed", "evaluation", "metric", "value", "baselines", "minutes", "cpu_minutes"]


def measured() -> list[dict[str, str]]:
    """Return the rows that stand in the file."""
    if not FILE.is_file():
        return []
    with FILE.open(newline="") as file:
        return list(csv.DictReader(file))


def run(recipe: str, seed: int, data: str) -> list[dict[str, Any]]:
    """Train and evaluate a recipe in a process of its own; return a row for each number.

    Args:
        recipe: Its name, and overrides behind it, with blanks between them.
        seed: Of the run.
        data: Folder of the data sets.
    """
    name, *overrides = recipe.split()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kssl", "fit", name, f"seed={seed}", *overrides]
        command += ["--no-stand-in", "--data-dir", data, "--runs-dir", folder]
        began, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
        results = json.loads((Path(folder) / name / "1" / "results.json").read_text())
    minutes = (time.time() - began) / 60
    return [
        {
            "recipe": recipe,
            "seed": seed,
            "evaluation": each["name"],
            "metric": each["metric"],
            "value": round(each["value"], 5),
            "baselines": json.dumps({k: round(v, 5) for k, v in each["baselines"].items()}),
            "minutes": round(minutes, 2),
            "cpu_minutes": round(cpu / 60, 2),
        }
        for each in results["results"]
    ]


def keep(rows: list[dict[str, Any]]) -> None:
    """Append rows to the file."""
    new = not FILE.is_file()
    with FILE.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def table(recipes: list[str]) -> str:
    """Return mean and standard deviation of each number in Markdown, one row for each recipe.

    Baselines that are the same for all recipes are a row each; the others stand beside the number.
    """
    rows = [row for row in measured() if row["recipe"] in recipes]
    columns = list(dict.fromkeys((row["evaluation"], row["metric"]) for row in rows))
    shared = _shared_baselines(rows)
    head = ["", "seeds", *(f"{name}, {metric}" for name, metric in columns), "minutes, CPU minutes"]
    lines = [_line(head), _line(["---"] * len(head))]
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe]
        cells = [_cell([r for r in own if _column(r) == column], shared) for column in columns]
        spent = ", ".join(
            f"{statistics.median(float(row[key]) for row in own):.1f}"
            for key in ("minutes", "cpu_minutes")
        )
        lines.append(_line([recipe, str(len({r["seed"] for r in own})), *cells, spent]))
    for name in dict.fromkeys(name for values in shared.values() for name in values):
        cells = [_spread([v], c) if (v := shared[c].get(name)) else "" for c in columns]
        lines.append(_line([name, "", *cells, ""]))
    return "\n".join(lines)


def _column(row: dict[str, str]) -> tuple[str, str]:
    return row["evaluation"], row["metric"]


def _shared_baselines(rows: list[dict[str, str]]) -> dict[tuple[str, str], dict[str, float]]:
    """Baselines that have one value in all runs, by evaluation and metric."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for row in rows:
        found.setdefault(_column(row), []).append(json.loads(row["baselines"]))
    return {
        column: {
            name: value
            for name, value in every[0].items()
            if len({each["recipe"] for each in rows if _column(each) == column}) > 1
            and all(each.get(name) == value for each in every)
        }
        for column, every in found.items()
    }


def _cell(rows: list[dict[str, str]], shared: dict[tuple[str, str], dict[str, float]]) -> str:
    if not rows:
        return ""
    baselines = [json.loads(row["baselines"]) for row in rows]
    beside = ", ".join(
        f"{name} {_spread([each[name] for each in baselines], _column(rows[0]))}"
        for name in baselines[0]
        if name not in shared[_column(rows[0])]
    )
    value = _spread([float(row["value"]) for row in rows], _column(rows[0]))
    return f"**{value}**" + (f" ({beside})" * bool(beside))


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _spread(values: list[float], column: tuple[str, str]) -> str:
    """Mean and standard deviation; accuracies in per cent."""
    scale, digits = (100, 1) if column[1].startswith("accuracy") else (1, 2)
    spread = f" ± {scale * statistics.stdev(values):.{digits}f}" if len(set(values)) > 1 else ""
    return f"{scale * statistics.mean(values):.{digits}f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data-dir", required=True)
    given = parser.parse_args()
    for seed in given.seeds:
        for recipe in given.recipes:
            if not any((r["recipe"], r["seed"]) == (recipe, str(seed)) for r in measured()):
                keep(run(recipe, seed, given.data_dir))
    print(table(given.recipes))


if __name__ == "__main__":
    main()
