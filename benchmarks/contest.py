"""Contenders in processes of their own, in turn, several rounds; the median of each counts."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROUNDS = int(os.environ.get("KSSL_BENCH_ROUNDS", "3"))


def contest(file: str, contenders: Sequence[str], rounds: int = ROUNDS) -> dict[str, Any]:
    """Run `python FILE CONTENDER` for each contender, round by round; return median figures.

    A contender prints one JSON number on its last line, or an object of named numbers. One that
    cannot run is left out, and why is said.
    """
    found: dict[str, list[Any]] = {}
    for _ in range(rounds):
        for name in contenders:
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            done = subprocess.run(
                [sys.executable, file, name], capture_output=True, text=True, env=environment
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["?"])[-1]
                print(f"{name}: left out ({last})", file=sys.stderr)
                continue
            found.setdefault(name, []).append(json.loads(done.stdout.splitlines()[-1]))
    return {name: _median(figures) for name, figures in found.items()}


def _median(figures: list[Any]) -> Any:
    if isinstance(figures[0], dict):
        return {key: _median([each[key] for each in figures]) for key in figures[0]}
    return statistics.median(figures)


def table(title: str, unit: str, figures: dict[str, float], reference: str) -> None:
    """Print figures with their ratio to a reference; higher is better."""
    print(f"\n{title}")
    width = max(map(len, figures), default=0)
    for name, figure in figures.items():
        ratio = f"{figure / figures[reference]:6.2f} x" if reference in figures else ""
        print(f"  {name:{width}}  {figure:>10,.0f} {unit}  {ratio} {reference}")


def here(file: str) -> str:
    """Return the path of a benchmark file."""
    return str(Path(file).resolve())
