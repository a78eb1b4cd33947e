"""What a job found: a JSON line each, written as soon as it is known."""

from __future__ import annotations

import json
import time
from typing import Any


def say(part: int, job: str, what: str, **facts: Any) -> dict[str, Any]:
    """Print a finding as one JSON line and return it."""
    finding = {"part": part, "job": job, "what": what, **_rounded(facts)}
    # Flushed, for whoever reads it must have it also if this process is killed later.
    print(json.dumps(finding), flush=True)
    return finding


def parsed(line: str) -> dict[str, Any] | None:
    """Return the finding that a line holds, or None for any other line."""
    try:
        finding = json.loads(line)
    except ValueError:
        return None
    known = isinstance(finding, dict) and {"part", "job", "what"} <= set(finding)
    return finding if known else None


class Clock:
    """Seconds since a job began, and those that it still has."""

    def __init__(self, seconds: float) -> None:
        self.began = time.perf_counter()
        self.seconds = seconds

    def passed(self) -> float:
        return time.perf_counter() - self.began

    def left(self) -> float:
        return self.seconds - self.passed()


def _rounded(value: Any) -> Any:
    """Return six digits of each number: more are noise, and the lines are read by people."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
