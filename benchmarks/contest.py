"""Contenders in processes of their own, in turn, on an idle machine; median and range of each.

Other work slows PyTorch's threads most, so that a figure taken beside it flatters us: each round
waits until nobody else uses the processor and a small loop of products is as fast as it was, and
the whole stops with a word where that does not come.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from kssl.system import environment

ROUNDS = int(os.environ.get("KSSL_BENCH_ROUNDS", "5"))
PATIENCE = float(os.environ.get("KSSL_BENCH_PATIENCE", "900"))  # seconds of waiting for idleness
IDLE = 0.08  # of all cores may be used by others
SLOWER = 1.15  # times the calibrating loop may take longer than at its best
PACKAGES = ("keras", "tensorflow", "jax", "torch", "transformers", "diffusers", "numpy")
MEMORY = "peak MiB"
Figures = dict[str, dict[str, list[float]]]  # contender -> what is counted -> a value each round


def contest(file: str, contenders: Sequence[str], rounds: int = ROUNDS) -> Figures:
    """Run `python FILE CONTENDER` for each contender, round by round.

    A contender prints an object of named figures, or one number, as JSON on its last line; the most
    memory that its process held is added. One that cannot run is left out, and why is said.
    """
    found: Figures = {}
    failed: set[str] = set()
    for _ in range(rounds):
        for name in [each for each in contenders if each not in failed]:
            wait_until_idle()
            done = _process([sys.executable, file, name])
            if isinstance(done, str):
                print(f"{name}: left out ({done})", file=sys.stderr)
                failed.add(name)
                continue
            for figure, value in done.items():
                found.setdefault(name, {}).setdefault(figure, []).append(value)
    return found


def pace(step: Callable[[], Any], count: int, unit: str, steps: int, warm: int) -> dict[str, float]:
    """Return how many examples the median step does, by the wall's clock and by the processor's.

    Args:
        step: Does the work and waits for its end.
        count: Examples in one step.
        unit: What they are, `images` or `tokens`.
        steps: That count.
        warm: Before them, which compile.
    """
    for _ in range(warm):
        step()
    wall, processor = [], []
    for _ in range(steps):
        began = time.perf_counter(), time.process_time()
        step()
        wall.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    return {
        f"{unit}/s": count / statistics.median(wall),
        f"{unit}/CPU s": count / max(statistics.median(processor), 1e-9),
    }


def wait_until_idle(patience: float = PATIENCE) -> None:
    """Return when others leave the processor alone; exit with a word if they do not."""
    until = time.monotonic() + patience
    while True:
        used = psutil.cpu_percent(interval=1.0) / 100
        now = _products()
        _best[0] = min(_best[0], now)
        if used <= IDLE and now <= SLOWER * _best[0]:
            return
        if time.monotonic() > until:
            raise SystemExit(
                f"the machine is not idle: others use {used:.0%} of the processor, and a loop of "
                f"products takes {now / _best[0]:.2f} of its best time; stop what runs beside it, "
                "or set KSSL_BENCH_PATIENCE to wait for more seconds"
            )


_best = [float("inf")]


def _products() -> float:
    """Seconds of a fixed piece of work; the median of five."""
    matrix = np.ones((384, 384), "float32")
    lengths = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(8):
            matrix @ matrix
        lengths.append(time.perf_counter() - began)
    return statistics.median(lengths)


def _process(command: list[str]) -> dict[str, float] | str:
    """Run a contender; return its figures, or the last line of its error."""
    cores = str(os.cpu_count() or 1)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"), cores)
    variables = {**os.environ, **threads, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True, env=variables)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            return (err.read().strip().splitlines() or ["?"])[-1]
        found = json.loads(out.read().splitlines()[-1])
    figures = found if isinstance(found, dict) else {"": found}
    return {**figures, MEMORY: usage.ru_maxrss / 1024}


def table(title: str, figure: str, found: Figures, peers: str | Sequence[str]) -> None:
    """Print one figure of all contenders with its ratio to the fastest peer's; higher is better.

    It is also kept for `make bench`, in the file that KSSL_BENCH_RESULTS names.

    Args:
        title: What was done.
        figure: Its key in what the contenders print.
        found: See `contest`.
        peers: Names of the contenders that are not ours; the median of the fastest is 1.
    """
    rows = {name: each[figure] for name, each in found.items()}
    asked = [peers] if isinstance(peers, str) else peers
    ran = [name for name in asked if name in rows]
    reference = max(ran, key=lambda name: statistics.median(rows[name]), default="")
    print(f"\n{title}: {figure or 'examples/s'}")
    width = max(map(len, rows), default=0)
    for name, values in rows.items():
        ratio = f"{ratio_of(rows, name, reference):6.2f} x {reference}" if reference else ""
        low, high = min(values), max(values)
        memory = f"{statistics.median(found[name][MEMORY]):>7,.0f} MiB"
        middle = statistics.median(values)
        print(f"  {name:{width}}  {middle:>11,.1f} ({low:,.1f} to {high:,.1f}) {ratio}{memory}")
    if target := os.environ.get("KSSL_BENCH_RESULTS"):
        memory = {name: statistics.median(found[name][MEMORY]) for name in rows}
        line = {"title": title, "figure": figure or "examples/s", "reference": reference}
        with Path(target).open("a") as file:
            file.write(json.dumps({**line, "rounds": rows, "memory": memory}) + "\n")


def ratio_of(rows: Mapping[str, Sequence[float]], name: str, reference: str) -> float:
    """Return the median of a contender over that of the reference."""
    return statistics.median(rows[name]) / statistics.median(rows[reference])


def machine() -> dict[str, str]:
    """Return what a reader must know to place the figures: processor, cores, versions."""
    found = environment.machine()
    kept = {name: str(found[name]) for name in ("processor", "cores")}
    return {**kept, "python": platform.python_version(), **environment.versions(PACKAGES)}


def here(file: str) -> str:
    """Return the path of a benchmark file."""
    return str(Path(file).resolve())
