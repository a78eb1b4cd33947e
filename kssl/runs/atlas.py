"""An atlas: many recipes on several data sets with several seeds, one after another, in one table.

A cell is a recipe on a data set with a seed: a run of its own, in a process of its own. What is
done stands in `atlas.csv`, so that the same command goes on where it was stopped; a cell that
failed is kept as failed, with the reason, and tried again then.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from kssl.errors import UserError
from kssl.runs.atlas_plan import OWN, Cell, Plan
from kssl.runs.directory import Run
from kssl.system.files import replacing

COLUMNS = (
    *("recipe", "data", "seed", "status", "evaluation", "metric", "better", "value"),
    *("baselines", "epochs", "minutes", "run", "note", "probed_on"),
)
Row = dict[str, str]
_LONGEST = 90  # letters of a cell's folder


def run(
    plan: Plan,
    folder: Path,
    options: Sequence[str] = (),
    tell: Callable[[str], None] = print,
    start: Callable[[list[str]], tuple[int, str]] | None = None,
) -> list[Row]:
    """Run every cell that is not done yet; return the rows of all cells of the plan.

    Args:
        plan: What is to be run.
        folder: Holds `atlas.csv` and, under `runs`, the runs.
        options: Of `kssl fit`, such as `--data-dir`.
        tell: Is told what begins and what came of it.
        start: Runs a command and returns its exit status and the end of what it wrote; None is a
            process.
    """
    start = _process if start is None else start
    rows, wanted = read(folder), list(plan.cells())
    for number, cell in enumerate(wanted, 1):
        for other in ("", *plan.others(cell[1])):
            done = [row for row in rows if (_cell(row), row["probed_on"]) == (cell, other)]
            if any(row["status"] == "finished" for row in done):
                continue
            command = _command(plan, cell, folder, options, rows, other)
            if not command:
                break  # the run failed: there is nothing to evaluate
            tell(f"{number} of {len(wanted)}: {_title(cell)}{other and f', probed on {other}'}")
            began = time.monotonic()
            status, told = start(command)
            minutes = (time.monotonic() - began) / 60
            new = _rows(cell, folder, status, told, minutes, (other, plan.data.get(other, "")))
            rows = [row for row in rows if row not in done] + new
            write(folder, rows)
            tell("\n".join(f"  {_outcome(row)}" for row in new))
    return [row for row in rows if _cell(row) in wanted]


def read(folder: Path) -> list[Row]:
    """Return the rows of `atlas.csv`, none if there is no such file."""
    path = folder / "atlas.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: row.get(name) or "" for name in COLUMNS} for row in csv.DictReader(file)]


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write `atlas.csv`, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(folder / "atlas.csv") as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def page(folder: Path, rows: Sequence[Row]) -> tuple[Path, Any]:
    """Write `atlas.html`; return its path, and the table, see `kssl.report.atlas_page`."""
    from kssl.report import atlas_page

    return atlas_page.write(folder, rows), atlas_page.table(rows)


def _command(
    plan: Plan,
    cell: Cell,
    folder: Path,
    options: Sequence[str],
    rows: Sequence[Row],
    other: str = "",
) -> list[str]:
    """The command of a cell: a new run, or one that was interrupted; or, of a run, its probes."""
    recipe, data, seed = cell
    runs, name = folder / "runs", _slug(cell)
    places = ["--runs-dir", str(runs), *options]
    kept = _latest(runs, name)
    if other:
        if kept is None or kept.status != "finished":
            return []
        return ["evaluate", str(kept.path), *plan.transfer, "--data", plan.data[other], *places]
    if kept is not None and kept.status == "interrupted":
        return ["fit", "--resume", str(kept.path), *places]
    source, *overrides = shlex.split(recipe)
    command = ["fit", source, f"seed={seed}", *overrides, "--name", name, "--no-stand-in"]
    if plan.data:
        command += ["--data", plan.data[data]]
    length = _length(folder, cell, rows)
    if plan.minutes is not None and not length:
        command += ["--minutes", f"{plan.minutes:g}"]
    return [*command, *(length if plan.minutes is not None else []), *places]


def _length(folder: Path, cell: Cell, rows: Sequence[Row]) -> list[str]:
    """What another seed of the cell was found to have time for: all seeds are trained alike."""
    for row in rows:
        if (row["recipe"], row["data"]) == cell[:2] and row["status"] == "finished" and row["run"]:
            fit = _resolved(folder / row["run"]).get("fit", {})
            names = ("epochs", "steps_per_epoch")
            return [f"fit.{name}={fit[name]}" for name in names if fit.get(name) is not None]
    return []


def _resolved(run: Path) -> dict[str, Any]:
    path = run / "recipe.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _rows(
    cell: Cell,
    folder: Path,
    status: int,
    told: str,
    minutes: float,
    other: tuple[str, str] = ("", ""),
) -> list[Row]:
    """The rows of a cell that has ended: one for each number, or one that says why not.

    Args:
        cell: See above.
        folder: Of the atlas.
        status: Of the process, 0 if all is well.
        told: Why not.
        minutes: What it took.
        other: Name and place of the other data set that a finished run was evaluated on.
    """
    recipe, data, seed = cell
    same = {"recipe": recipe, "data": data, "seed": str(seed), "minutes": f"{minutes:.1f}"}
    same["probed_on"] = other[0]
    empty = dict.fromkeys(COLUMNS, "")
    run = _latest(folder / "runs", _slug(cell))
    if status or run is None or run.status != "finished":
        return [{**empty, **same, "status": "failed", "note": told}]
    same["run"] = str(run.path.relative_to(folder))
    fit = _resolved(run.path).get("fit", {})
    same["epochs"] = str(fit.get("epochs", ""))
    results = [
        each
        for each in run.read_json("results.json").get("results", [])
        if each.get("settings", {}).get("data", "") == other[1]
    ]
    rows = [
        {
            **empty,
            **same,
            "status": "finished",
            "evaluation": str(each["name"]),
            "metric": str(each["metric"]),
            "better": str(each.get("better", "")),
            "value": "" if each["value"] is None else f"{each['value']:.5g}",
            "baselines": json.dumps(
                {k: float(f"{v:.5g}") for k, v in each["baselines"].items() if v is not None}
            ),
            "note": str(each.get("note") or ""),
        }
        for each in results
    ]
    return rows or [{**empty, **same, "status": "finished", "note": "nothing was evaluated"}]


def _latest(runs: Path, name: str) -> Run | None:
    try:
        return Run.open(name, runs)
    except UserError:
        return None


def _process(command: list[str]) -> tuple[int, str]:
    """Run `kssl` in a process of its own; return its status and the last line of its errors."""
    done = subprocess.run(
        [sys.executable, "-m", "kssl", *command], stderr=subprocess.PIPE, text=True, check=False
    )
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return done.returncode, lines[-1] if lines else f"exit status {done.returncode}"


def _slug(cell: Cell) -> str:
    """The folder of the runs of a cell; of a long name the start, and a number made of all."""
    text = " ".join([cell[0], *([] if cell[1] == OWN else [cell[1]])])
    plain = "".join(each if each.isalnum() or each in "_.+=(), -" else "_" for each in text)
    if len(plain) > _LONGEST:
        plain = f"{plain[:_LONGEST]} {zlib.crc32(text.encode()):08x}"
    return f"{plain} seed {cell[2]}"


def _title(cell: Cell) -> str:
    data = "" if cell[1] == OWN else f" on {cell[1]}"
    return f"{cell[0]}{data}, seed {cell[2]}"


def _outcome(row: Row) -> str:
    if row["status"] == "failed":
        return f"failed: {row['note']}"
    return f"{row['evaluation']} {row['metric']} {row['value']}".strip()


def _cell(row: Row) -> Cell:
    return row["recipe"], row["data"], int(row["seed"])
