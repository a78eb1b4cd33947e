"""The jobs of the check, most important first, and how each is run: alone, and not too long."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from gpu.findings import parsed, say

GRACE = 3.0  # seconds that a job may take to end by itself when its time is over
LEAST = 5.0  # seconds; in less no job finds anything


@dataclasses.dataclass(frozen=True)
class Job:
    """One process of the check.

    Attributes:
        name: What the findings are filed under.
        part: Number of the part, 1 to 6; memory and compile time, 5, are in the others' findings.
        call: What runs: a workload and who does it, such as `gpt kssl`.
        seconds: What it may take of a check of 9 minutes.
        elastic: Whether it may also use what the jobs before it have left over.
        needs: Packages without which it is left out.
        changes: For part 6: settings that differ from the recipe's, or `xla_flags`.
    """

    name: str
    part: int
    call: str
    seconds: float
    elastic: bool = False
    needs: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


TORCH, HUGGING = ("torch",), ("torch", "transformers")
JOBS = (
    Job("models", 1, "models", 140),
    Job("gpt kssl", 2, "gpt kssl", 100),
    Job("gpt torch", 2, "gpt torch", 45, needs=TORCH),
    Job("simclr torch", 3, "simclr torch", 45, needs=TORCH),
    Job("simclr kssl", 3, "simclr kssl", 80, elastic=True),
    Job("mae kssl", 4, "mae kssl", 35),
    Job("mae torch", 4, "mae torch", 30, needs=HUGGING),
    Job("diffusion kssl", 4, "diffusion kssl", 35),
    Job("diffusion torch", 4, "diffusion torch", 30, needs=("torch", "diffusers")),
    Job("bert kssl", 4, "bert kssl", 25),
    Job("bert torch", 4, "bert torch", 25, needs=HUGGING),
    *(
        Job(f"{workload}, {name}", 6, f"{workload} change", 25, changes=(change,))
        for workload, name, change in (
            ("gpt", "one step a call", "steps_per_execution=1"),
            ("gpt", "no autotuning", "xla_flags=--xla_gpu_autotune_level=0"),
            ("mae", "no flash attention", "flash_attention=off"),
            ("simclr", "no CUDA graphs", "xla_flags=--xla_gpu_enable_command_buffer="),
            ("gpt", "float32", "precision=float32"),
            ("simclr", "float32", "precision=float32"),
        )
    ),
)


def limit_of(jobs: Sequence[Job], number: int, left: float, scale: float) -> float:
    """Return the seconds that a job may take.

    Args:
        jobs: All of them.
        number: Which of them.
        left: Seconds until the check must end.
        scale: The length of the check, in units of the 9 minutes that `Job.seconds` is made for.
    """
    job = jobs[number]
    own = job.seconds * scale
    if job.elastic:
        # A job that ends early gives its time to this one. Those behind it keep theirs, but for
        # the settings of part 6, which take what is left over in the end.
        later = sum(each.seconds for each in jobs[number + 1 :] if each.part < 6)
        own = max(own, left - later * scale)
    return min(own, left)


def missing(job: Job) -> str | None:
    """Return the first package that a job needs and that is not installed."""
    return next((name for name in job.needs if importlib.util.find_spec(name) is None), None)


def run_jobs(
    jobs: Sequence[Job],
    command: Callable[[Job, float], list[str]],
    seconds: float,
    scale: float,
    found: Callable[[dict[str, Any]], None],
) -> None:
    """Run jobs one after another within a number of seconds.

    Args:
        jobs: In this order.
        command: The command line of a job, given its limit in seconds.
        seconds: For all together.
        scale: See `limit_of`.
        found: Called with each finding, and with the status of each job at its end.
    """
    ends = time.perf_counter() + seconds
    for number, job in enumerate(jobs):
        limit = limit_of(jobs, number, ends - time.perf_counter() - GRACE, scale)
        absent = missing(job)
        if absent is not None:
            status = {"status": "left out", "why": f"{absent} is not installed", "seconds": 0.0}
        elif limit < LEAST:
            status = {"status": "left out", "why": "no time was left", "seconds": 0.0}
        else:
            status = run_job(command(job, limit), limit, found)
        found(say(job.part, job.name, "status", **status))


def run_job(
    command: Sequence[str], limit: float, found: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Run one command, pass on what it finds, and stop it at its limit; return how it ended."""
    began = time.perf_counter()
    lines: queue.Queue[str | None] = queue.Queue()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        try:
            ended = _pass_on(lines, began + limit + GRACE, found)
        finally:
            _kill(process)
        seconds = time.perf_counter() - began
        if not ended:
            why = f"at its limit of {limit:.0f} s"
            return {"status": "cut off", "why": why, "seconds": seconds}
        if process.returncode:
            errors.seek(0)
            why = _reason(errors.read(), process.returncode)
            return {"status": "failed", "why": why, "seconds": seconds}
    return {"status": "done", "why": "", "seconds": seconds}


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    for line in process.stdout or ():
        lines.put(line)
    process.wait()
    lines.put(None)


def _pass_on(
    lines: queue.Queue[str | None], ends: float, found: Callable[[dict[str, Any]], None]
) -> bool:
    """Pass findings on until the process has ended, True, or its time is over, False."""
    while True:
        try:
            line = lines.get(timeout=max(0.0, ends - time.perf_counter()))
        except queue.Empty:
            return False
        if line is None:
            return True
        finding = parsed(line)
        if finding is not None:
            print(line, end="", flush=True)
            found(finding)


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and those that it started, which would keep the memory of the GPU."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reason(errors: str, code: int) -> str:
    """Return what a process wrote about its failure: the last line that names an error, and on."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [number for number, line in enumerate(lines) if "Error" in line]
    wanted = lines[named[-1] :] if named else lines[-1:] or ["it wrote nothing"]
    return f"exit code {code}: {' '.join(wanted)[:400]}"
