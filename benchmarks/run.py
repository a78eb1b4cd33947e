"""Run the benchmarks beside the peers: `make bench`, or `python benchmarks/run.py [NAME…]`.

Each benchmark is a file of this folder with a `main()` that prints its tables. Contenders run in
processes of their own, in turn, on an idle machine: only ratios within one run mean anything. The
tables go into `benchmarks/speed_table.md`, which `docs/speed.md` includes, the figures of each
round into `benchmarks/speed.json`; a ratio that fell by more than a tenth since the last run is
named.
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from contest import machine, ratio_of

FOLDER = Path(__file__).parent
BARE = ("bare_jax", "bare_transformers")
# Shared code; the check of a GPU, runs of several seeds and two checkouts are begun by hand.
NOT_HERE = ("run", "contest", "networks", "gpu_check", "seeds", "trees", *BARE)
RESULTS = FOLDER / "speed.json"
TABLE = FOLDER / "speed_table.md"
FALL = 0.9  # of the last ratio: what is below is named


def main() -> int:
    every = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_HERE)
    last = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"tables": []}
    codes, tables = [], {table["title"]: table for table in last["tables"]}
    for name in sys.argv[1:] or every:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "lines"
            environment = {**os.environ, "KSSL_BENCH_RESULTS": str(target)}
            codes.append(
                subprocess.run([sys.executable, FOLDER / f"{name}.py"], env=environment).returncode
            )
            lines = target.read_text().splitlines() if target.is_file() else []
        for found in map(json.loads, lines):
            title = f"{found['title']}: {found['figure']}"
            for word in fallen(tables.get(title), found):
                print(f"SLOWER than in the last run: {title}: {word}")
            place = {"machine": machine(), "day": str(datetime.date.today())}
            tables[title] = {**found, "title": title, "of": name, **place}
        RESULTS.write_text(json.dumps({"tables": list(tables.values())}, indent=1) + "\n")
        TABLE.write_text(markdown(list(tables.values())))
    return max(codes, default=0)


def fallen(before: dict[str, Any] | None, now: dict[str, Any]) -> list[str]:
    """Return what each contender's ratio to the reference fell to, where that is much."""
    words = []
    for name in now["rounds"]:
        if before is None or any(each["reference"] not in each["rounds"] for each in (before, now)):
            continue
        if name in before["rounds"]:
            old, new = (ratio_of(e["rounds"], name, e["reference"]) for e in (before, now))
            if new < FALL * old:
                words.append(f"{name} {new:.2f} of {now['reference']}, {old:.2f} before")
    return words


def markdown(tables: list[dict[str, Any]]) -> str:
    """Return all tables, and before them one of the ratios, as `docs/speed.md` includes them."""
    lines = ["<!-- Written by `make bench`. -->", *summary(tables)]
    machines: list[dict[str, str]] = []
    for table in tables:
        if table["machine"] not in machines:
            machines.append(table["machine"])
        rounds, reference = table["rounds"], table["reference"]
        place = f" (machine {machines.index(table['machine']) + 1})"
        lines += ["", f"**{table['title']}**{place}, {table['day']}", ""]
        lines += ["| contender | median | range | ratio | peak MiB |", "|---|---:|---:|---:|---:|"]
        for name, values in rounds.items():
            ratio = f"{ratio_of(rounds, name, reference):.2f}" if reference in rounds else ""
            middle = statistics.median(values)
            count = f"{len(values)} round{'s' * (len(values) > 1)}"
            spread = f"{min(values):,.1f} to {max(values):,.1f}, {count}"
            memory = f"{table['memory'][name]:,.0f}"
            lines.append(f"| {name} | {middle:,.1f} | {spread} | {ratio} | {memory} |")
    lines.append("")
    for number, each in enumerate(machines, 1):
        lines.append(f"Machine {number}: " + ", ".join(f"{k} {v}" for k, v in each.items()) + ".")
    return "\n".join(lines) + "\n"


def summary(tables: list[dict[str, Any]]) -> list[str]:
    """Return the lines of a table: how many times as fast kssl is as the fastest peer."""
    head = ["| what | kssl | beside | times as fast | peak MiB, both |", "|---|---|---|---:|---:|"]
    lines = []
    for table in tables:
        rounds, reference = table["rounds"], table["reference"]
        if "CPU" in table["figure"] or reference not in rounds:
            continue
        what = table["title"].rpartition(": ")[0]
        for name in [each for each in rounds if each.startswith("kssl")]:
            ratio = ratio_of(rounds, name, reference)
            memory = " and ".join(f"{table['memory'][each]:,.0f}" for each in (name, reference))
            lines.append(f"| {what} | {name} | {reference} | {ratio:.2f} | {memory} |")
    return ["", *head, *lines] if lines else []


if __name__ == "__main__":
    raise SystemExit(main())
