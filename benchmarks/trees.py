"""Steps and epochs of two checkouts of kssl in turn: is one slower than the other?

    python benchmarks/trees.py CHECKOUT [--rounds 3]

The other checkout comes first in each round. A step is that of its own benchmark of the same name;
only the ratio of the medians means anything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CONTENDERS = {
    "gpt_step": ("kssl, TensorFlow", "kssl, JAX"),
    "bert_step": ("kssl, TensorFlow", "kssl, JAX"),
    "mae_step": ("kssl, TensorFlow",),
    "diffusion_step": ("kssl, TensorFlow",),
    "resnet_step": ("kssl's layer, jit_compile=False",),
    "vae_epoch": ("kssl fit on tensorflow", "kssl fit on jax"),
}


def measured(checkout: Path, benchmark: str, contender: str) -> dict[str, float]:
    """Run one contender of a checkout in a process of its own; return its figures by name."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(checkout / "benchmarks" / f"{benchmark}.py"), contender]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=checkout)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise SystemExit(f"{benchmark} {contender!r} of {checkout} failed: {last}")
    figures = json.loads(done.stdout.splitlines()[-1])
    return figures if isinstance(figures, dict) else {"": figures}


def compare(other: Path, benchmark: str, contender: str, rounds: int) -> None:
    """Print the medians of both checkouts, and their ratio; higher is better."""
    found: dict[Path, list[dict[str, float]]] = {other: [], HERE: []}
    for _ in range(rounds):
        for checkout, figures in found.items():
            figures.append(measured(checkout, benchmark, contender))
    for key in found[HERE][0]:
        medians = [statistics.median(each[key] for each in found[one]) for one in (other, HERE)]
        name = f"{benchmark} {contender} {key}".strip()
        print(f"{name:56} {medians[0]:>11,.1f} {medians[1]:>11,.1f} {medians[1] / medians[0]:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path, help="A checkout of another version.")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"{'examples or tokens per second':56} {'other':>11} {'this':>11} {'ratio':>6}")
    for benchmark, contenders in CONTENDERS.items():
        for contender in contenders:
            compare(given.other.resolve(), benchmark, contender, given.rounds)


if __name__ == "__main__":
    main()
