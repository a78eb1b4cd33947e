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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kssl.errors import UserError, nearest
from kssl.runs.directory import Run
from kssl.system.files import replacing

COLUMNS = (
    *("recipe", "data", "seed", "status", "evaluation", "metric", "better", "value"),
    *("baselines", "epochs", "minutes", "run", "note"),
)
Row = dict[str, str]
Cell = tuple[str, str, int]  # recipe with its overrides, name of the data, seed
_LONGEST = 90  # letters of a cell's folder
OWN = "its own"  # the data of a recipe where the plan names none

# Every kind of what has a number on images; on other data the atlas wants a plan.
IMAGES = (
    *("rotation_fashion", "jigsaw_fashion", "simclr_fashion", "moco_fashion", "moco_v3_fashion"),
    *("nnclr_fashion", "instance_fashion", "byol_fashion", "simsiam_fashion", "dino_fashion"),
    *("swav_fashion", "deep_cluster_fashion", "barlow_twins_fashion", "vicreg_fashion"),
    *("deep_cluster_v1_fashion", "lejepa_fashion", "mae_fashion"),
)


@dataclass(frozen=True)
class Plan:
    """What an atlas holds.

    Attributes:
        recipes: Names or files, each with overrides behind it, with blanks between them.
        data: Name -> what `kssl fit --data` takes; empty leaves each recipe its own.
        seeds: Of each recipe on each data set.
        minutes: Of training for each run; None leaves each recipe its epochs.
    """

    recipes: tuple[str, ...]
    data: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    minutes: float | None = None

    def cells(self) -> Iterator[Cell]:
        """Return all cells, those of the first seed first."""
        for seed in self.seeds:
            for data in self.data or (OWN,):
                for recipe in self.recipes:
                    yield recipe, data, seed


def read_plan(path: Path) -> Plan:
    """Read a plan, a file in YAML.

    Raises:
        UserError: It is no such file; the message says what is wrong, and how it looks.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"the plan {path} cannot be read: {error}") from error
    known = ("recipes", "data", "seeds", "minutes")
    if not isinstance(found, dict) or not found.get("recipes"):
        raise UserError(
            f"the plan {path} must name recipes, such as {{recipes: [simclr_fashion], seeds: [0]}}"
        )
    for key in found:
        if key not in known:
            raise UserError(f"the plan {path} has '{key}'{nearest(str(key), known)}")
    return Plan(
        tuple(map(str, _several(path, found, "recipes"))),
        {str(name): _written(data) for name, data in _named(path, found).items()},
        tuple(_number(path, seed, int) for seed in _several(path, found, "seeds", [0])),
        None if found.get("minutes") is None else _number(path, found["minutes"], float),
    )


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
        if any(_cell(row) == cell and row["status"] == "finished" for row in rows):
            continue
        tell(f"{number} of {len(wanted)}: {_title(cell)}")
        began = time.monotonic()
        status, told = start(_command(plan, cell, folder, options, rows))
        new = _rows(cell, folder, status, told, (time.monotonic() - began) / 60)
        rows = [row for row in rows if _cell(row) != cell] + new
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
    plan: Plan, cell: Cell, folder: Path, options: Sequence[str], rows: Sequence[Row]
) -> list[str]:
    """The command of a cell: a new run, or one that was interrupted."""
    recipe, data, seed = cell
    runs, name = folder / "runs", _slug(cell)
    places = ["--runs-dir", str(runs), *options]
    kept = _latest(runs, name)
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


def _rows(cell: Cell, folder: Path, status: int, told: str, minutes: float) -> list[Row]:
    """The rows of a cell that has ended: one for each number, or one that says why not."""
    recipe, data, seed = cell
    same = {"recipe": recipe, "data": data, "seed": str(seed), "minutes": f"{minutes:.1f}"}
    empty = dict.fromkeys(COLUMNS, "")
    run = _latest(folder / "runs", _slug(cell))
    if status or run is None or run.status != "finished":
        return [{**empty, **same, "status": "failed", "note": told}]
    same["run"] = str(run.path.relative_to(folder))
    fit = _resolved(run.path).get("fit", {})
    same["epochs"] = str(fit.get("epochs", ""))
    results = run.read_json("results.json").get("results", [])
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


def _several(path: Path, found: Mapping[str, Any], key: str, default: Any = None) -> list[Any]:
    value = found.get(key, default)
    if not isinstance(value, list) or not value:
        raise UserError(f"the plan {path} has {key}: {value!r}; a list is expected, such as [0, 1]")
    return value


def _named(path: Path, found: Mapping[str, Any]) -> Mapping[str, Any]:
    value = found.get("data") or {}
    if not isinstance(value, dict):
        raise UserError(
            f"the plan {path} has data: {value!r}; names are expected, such as "
            "{fashion: {use: fashion_mnist}, own: photos/}"
        )
    return value


def _written(data: Any) -> str:
    """Data as `kssl fit --data` takes it: a name, a place, or YAML on one line."""
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def _number(path: Path, value: Any, kind: type) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UserError(f"the plan {path} has {value!r} where a number is expected")
    return kind(value)
