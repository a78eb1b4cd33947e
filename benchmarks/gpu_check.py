"""Ten minutes on a GPU: does kssl run there, with which results, and how fast beside PyTorch.

    bash benchmarks/gpu_check.sh gather DATA    here: wheels and data, for a machine without network
    bash benchmarks/gpu_check.sh run            there
    python benchmarks/gpu_check.py --tiny       a try of the whole script on a processor

It runs on JAX and needs no TensorFlow. Parts, most important first: (1) the devices, and three
steps of every model beside the processor's; (2) a GPT on tiny Shakespeare to nanoGPT's loss; (3)
SimCLR on CIFAR-10 with views made on the device; (4) steps of MAE, diffusion and BERT; (5) memory
and time to compile, of all of them; (6) settings that may make a difference. Each job has a process
and a time limit of its own. A line of JSON says each finding as soon as it is known, and tables
stand at the end, also where the check was cut off.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gpu.findings import Clock
from gpu.jobs import GRACE, JOBS, Job, run_jobs
from gpu.sizes import size_of
from gpu.table import failed, tables

MINUTES = 9.0  # that the limits of the jobs are made for
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    arguments = _arguments()
    os.environ["KERAS_BACKEND"] = "jax"
    platforms = os.environ.get("JAX_PLATFORMS")
    if platforms and "cpu" not in platforms.split(","):
        os.environ["JAX_PLATFORMS"] = f"{platforms},cpu"  # part 1 draws its weights there
    sys.path.insert(0, str(ROOT))  # kssl, from the checkout, also where it is not installed
    if arguments.call:
        run_call(arguments)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.tiny:
            from gpu.data import make_tiny

            compile_little(temporary)
            arguments.data = Path(temporary)
            make_tiny(arguments.data)
        elif arguments.data is None:
            sys.exit("give --data FOLDER, which gpu_check.sh gathers; or --tiny")
        return check(arguments)


def compile_little(folder: str) -> None:
    """Let JAX keep what it compiles for the other processes, and XLA not optimise it.

    In a try on a processor most of the time would go into that: a third of it is left so.
    """
    least = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    given = os.environ.get("XLA_FLAGS", "")
    for flags in (f"{given} {least} --xla_cpu_use_fusion_emitters=false", f"{given} {least}"):
        # XLA ends a process with a flag that its version does not know.
        asked = [sys.executable, "-c", "import jax; jax.devices()"]
        known = subprocess.run(asked, env={**os.environ, "XLA_FLAGS": flags}, capture_output=True)
        if known.returncode == 0:
            os.environ["XLA_FLAGS"] = flags
            break
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(folder) / "compiled")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def check(arguments: argparse.Namespace) -> int:
    """Run all jobs, print the tables, and return the exit code."""
    findings: list[dict[str, Any]] = []
    # Whoever ends the check early gets the tables of what is known.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.perf_counter()
    try:
        run_jobs(
            chosen(arguments),
            lambda job, limit: command(arguments, job.name, job.call, limit),
            60 * arguments.minutes,
            arguments.minutes / MINUTES,
            findings.append,
        )
    finally:
        text = f"{tables(findings)}\n\nThe check took {time.perf_counter() - began:.0f} s."
        print(f"\n{text}", flush=True)
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            (arguments.out / "gpu_check.md").write_text(text + "\n", encoding="utf-8")
    wrong = failed(findings)
    for each in wrong:
        print(f"not as it should be: {each}", file=sys.stderr)
    return 1 if wrong else 0


def chosen(arguments: argparse.Namespace) -> list[Job]:
    """Return the jobs that were asked for; a try on a processor has one of part 6."""
    jobs = [job for job in JOBS if job.part in arguments.parts]
    if arguments.tiny:
        first = next((job for job in jobs if job.part == 6), None)
        jobs = [job for job in jobs if job.part != 6 or job is first]
    return jobs


def command(arguments: argparse.Namespace, name: str, call: str, limit: float) -> list[str]:
    """Return the command line of one job."""
    changes = next(job.changes for job in JOBS if job.name == name)
    line = [sys.executable, str(Path(__file__).resolve()), "--call", call, "--name", name]
    line += ["--seconds", f"{limit:.1f}", "--data", str(arguments.data)]
    line += [f"--change={change}" for change in changes]
    return line + (["--tiny"] if arguments.tiny else [])


def run_call(arguments: argparse.Namespace) -> None:
    """Run one job, in this process."""
    changes = dict(change.split("=", 1) for change in arguments.change)
    flags = changes.pop("xla_flags", None)
    if flags is not None:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
    # Batches of the recipes are large; nothing else is on the GPU at the same time.
    os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.9")
    clock = Clock(arguments.seconds - GRACE)
    workload, _, who = arguments.call.partition(" ")
    if workload == "models":
        from gpu import models

        # A try on a processor compares it with itself: a few models show that this works.
        compared = list(models.MODELS)[: 2 if arguments.tiny else None]
        if who == "reference":
            models.run_reference(compared)
        else:
            models.run(command(arguments, "models", "models reference", 0.0), clock, compared)
        return
    size = size_of(workload, arguments.tiny)
    job = next(job for job in JOBS if job.name == arguments.name)
    if who == "torch":
        from gpu import torch_side

        torch_side.rate(job.part, job.name, workload, size, arguments.data)
        return
    from gpu import kssl_side

    if who == "kssl" and workload in ("gpt", "simclr"):
        getattr(kssl_side, workload)(size, arguments.data, clock)
    else:
        kssl_side.rate(job.part, job.name, workload, size, arguments.data, **changes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for everything; 9")
    parser.add_argument("--data", type=Path, help="folder of text.npz and images.npz")
    parser.add_argument("--out", type=Path, help="folder for the tables")
    parser.add_argument("--tiny", action="store_true", help="tiny networks and made-up data")
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 2, 3, 4, 6])
    for name, options in {
        "--call": {},
        "--name": {},
        "--seconds": {"type": float, "default": 60.0},
        "--change": {"action": "append", "default": []},
    }.items():
        parser.add_argument(name, help=argparse.SUPPRESS, **options)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
