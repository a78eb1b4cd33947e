"""`kssl runs`: the list of runs and their status."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from kssl.cli import screen
from kssl.cli.common import runs_option
from kssl.runs.directory import Run, list_runs

COLOURS = {"finished": "green", "failed": "red", "interrupted": "yellow", "running": "cyan"}


@click.command("runs")
@runs_option
def command(runs_dir: Path) -> None:
    """List the runs: status, start, time, main result.

    A run is called by its directory or by its name; the name of its recipe means the latest one.

    \b
    Example:
      kssl runs
    """
    runs = list_runs(runs_dir)
    if not runs:
        screen.show(f"There are no runs in {runs_dir}. Begin with: kssl fit vae_mnist")
        return
    columns = ["run", "status", "started", "time", "main result"]
    screen.show(screen.table(columns, [_row(run) for run in runs], fold=4))
    unfinished = [run for run in runs if run.status == "interrupted"]
    if unfinished:
        screen.show("", f"Resume an interrupted run: kssl fit --resume {unfinished[-1].path}")


def _row(run: Run) -> list[str | Text]:
    status, record = run.status, run.record
    return [
        run.name,
        Text(status, style=COLOURS.get(status, "")),
        _moment(record.get("started")),
        _time(status, record),
        _one_line(record.get("message")) if status == "failed" else _main_result(run),
    ]


def _one_line(message: Any) -> str:
    text = " ".join(str(message or "").split())
    return text if len(text) <= 120 else f"{text[:120]} …"


def _moment(text: Any) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
    except (TypeError, ValueError):
        return "–"


def _time(status: str, record: dict[str, Any]) -> str:
    seconds = record.get("seconds") or 0.0
    if status == "running" and record.get("session"):
        seconds += time.time() - datetime.fromisoformat(record["session"]).timestamp()
    return screen.duration(seconds) if seconds else "–"


def _main_result(run: Run) -> str:
    try:
        result = json.loads(run.file("results.json").read_text(encoding="utf-8"))["results"][0]
        return f"{result['name']}: {result['metric']} {screen.number(result['value'])}"
    except (OSError, ValueError, LookupError, TypeError):
        return "–"
