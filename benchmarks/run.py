"""Run the benchmarks beside the peers: `make bench`, or `python benchmarks/run.py [NAME…]`.

Each benchmark is a file of this folder with a `main()` that prints one table. Contenders run in
processes of their own, in turn, on the same machine: only ratios within one run mean anything.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
# Shared code; the check of a GPU, runs of several seeds and two checkouts are begun by hand.
NOT_HERE = ("run", "contest", "networks", "gpu_check", "seeds", "trees")


def main() -> int:
    names = sys.argv[1:] or sorted(
        path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_HERE
    )
    codes = [subprocess.run([sys.executable, FOLDER / f"{name}.py"]).returncode for name in names]
    return max(codes, default=0)


if __name__ == "__main__":
    raise SystemExit(main())
