"""An atlas: which cells are run, how, what is kept of them, and how it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kssl.cli.atlas import command
from kssl.errors import UserError
from kssl.runs import atlas
from kssl.runs.atlas_plan import IMAGES, Plan, read_plan
from kssl.runs.directory import Run

PLAN = Plan(("simclr_fashion", "moco_fashion fit.epochs=2"), seeds=(0, 1))


class Machine:
    """Stands for the processes: makes the run that a command asks for, or fails."""

    def __init__(self, folder: Path, fails: str = "", dies: str = "") -> None:
        self.runs, self.fails, self.dies = folder / "runs", fails, dies
        self.commands: list[list[str]] = []

    def __call__(self, given: list[str]) -> tuple[int, str]:
        self.commands.append(given)
        if given[0] == "evaluate":
            return self._evaluate(Run.open(given[1]), given[given.index("--data") + 1])
        if "--resume" in given:
            run = Run.open(given[given.index("--resume") + 1])
        else:
            run = Run.create(self.runs, given[given.index("--name") + 1])
        if self.fails and self.fails in run.recipe:
            return 2, "no such thing"
        if self.dies and self.dies in run.recipe:
            self.dies = ""
            run.write_json("status.json", {**run.record, "status": "interrupted"})
            return 137, "killed"
        run.write_text("recipe.yaml", yaml.safe_dump({"fit": {"epochs": 7, "steps_per_epoch": 5}}))
        seed = int(run.recipe[-1])
        result = {
            "name": "knn",
            "metric": "accuracy",
            "better": "higher",
            "value": 0.8 + 0.02 * seed,
            "baselines": {"untrained": 0.7 + 0.01 * seed, "pixels": 0.75},
            "note": "",
        }
        run.write_json("results.json", {"results": [result]})
        run.finish()
        return 0, ""

    def _evaluate(self, run: Run, data: str) -> tuple[int, str]:
        if self.dies == data:
            self.dies = ""
            return 1, "no labels"
        content = run.read_json("results.json")
        result = {**content["results"][0], "value": 0.5, "settings": {"data": data}}
        run.write_json("results.json", {"results": [*content["results"], result]})
        return 0, ""


def go(folder: Path, plan: Plan = PLAN, **settings: Any) -> tuple[Machine, list[atlas.Row]]:
    machine = Machine(folder, **settings)
    return machine, atlas.run(plan, folder, tell=lambda _: None, start=machine)


def test_each_cell_is_a_run_of_its_own_and_a_row_for_each_number(tmp_path: Path) -> None:
    machine, rows = go(tmp_path)
    first = machine.commands[0]
    assert first[:3] == ["fit", "simclr_fashion", "seed=0"]
    assert "--no-stand-in" in first and "--minutes" not in first
    assert machine.commands[1][:4] == ["fit", "moco_fashion", "seed=0", "fit.epochs=2"]
    assert [(row["recipe"], row["seed"]) for row in rows] == [
        (recipe, seed) for seed in ("0", "1") for recipe in PLAN.recipes
    ]
    assert {row["status"] for row in rows} == {"finished"}
    assert rows[2]["value"] == "0.82" and rows[2]["epochs"] == "7"
    assert json.loads(rows[2]["baselines"]) == {"untrained": 0.71, "pixels": 0.75}
    assert (tmp_path / rows[0]["run"]).is_dir()
    assert atlas.read(tmp_path) == rows


def test_what_is_done_is_not_done_again_and_what_failed_is(tmp_path: Path) -> None:
    _, rows = go(tmp_path, fails="moco")
    assert [row["status"] for row in rows] == ["finished", "failed"] * 2
    assert rows[1]["note"] == "no such thing" and rows[1]["value"] == ""
    machine, rows = go(tmp_path)
    assert [given[1] for given in machine.commands] == ["moco_fashion"] * 2
    assert {row["status"] for row in rows} == {"finished"} and len(rows) == 4


def test_a_run_that_was_killed_is_resumed(tmp_path: Path) -> None:
    plan = Plan(("simclr_fashion",))
    go(tmp_path, plan, dies="simclr")
    machine, rows = go(tmp_path, plan)
    assert machine.commands[0][:2] == ["fit", "--resume"]
    assert [row["status"] for row in rows] == ["finished"]


def test_data_are_handed_on_and_all_seeds_are_trained_as_long_as_the_first(tmp_path: Path) -> None:
    plan = Plan(("simclr_fashion",), {"own": "photos/"}, (0, 1), minutes=2.5)
    machine, rows = go(tmp_path, plan)
    first, second = machine.commands
    assert first[first.index("--data") + 1] == "photos/"
    assert first[first.index("--minutes") + 1] == "2.5"
    assert "--minutes" not in second
    assert "fit.epochs=7" in second and "fit.steps_per_epoch=5" in second
    assert {row["data"] for row in rows} == {"own"}


def test_runs_are_probed_on_the_other_data_too_and_what_failed_is_tried_again(
    tmp_path: Path,
) -> None:
    data = {"own": "photos/", "fashion": "fashion_mnist"}
    plan = Plan(("simclr_fashion", "moco_fashion"), data, transfer=("linear", "{use: knn, k: 5}"))
    machine, rows = go(tmp_path, plan, dies="fashion_mnist")
    probes = [given for given in machine.commands if given[0] == "evaluate"]
    assert len(probes) == 4 and len(machine.commands) == 8
    assert probes[0][2:4] == ["linear", "{use: knn, k: 5}"]
    assert probes[0][probes[0].index("--data") + 1] == "fashion_mnist"
    found = [(row["data"], row["probed_on"], row["status"], row["value"]) for row in rows]
    assert found[:2] == [
        ("own", "", "finished", "0.8"),
        ("own", "fashion", "failed", ""),
    ]
    assert rows[1]["note"] == "no labels"
    assert ("fashion", "own", "finished", "0.5") in found and len(found) == 8
    machine, rows = go(tmp_path, plan)
    assert [given[0] for given in machine.commands] == ["evaluate"]
    assert {row["status"] for row in rows} == {"finished"} and len(rows) == 8


def test_long_recipes_that_begin_alike_have_runs_of_their_own(tmp_path: Path) -> None:
    start = "simclr_fashion " + "model.encoder.filters=[16,32,64] " * 5
    plan = Plan((f"{start}fit.epochs=1", f"{start}fit.epochs=2"), seeds=(0, 1))
    _, rows = go(tmp_path, plan)
    assert len({row["run"] for row in rows}) == 4
    assert all("seed " in row["run"] and len(row["run"]) < 130 for row in rows)


def test_a_plan_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "recipes: [simclr_fashion, 'moco_fashion fit.epochs=2']\n"
        "data: {fashion: {use: fashion_mnist}, own: photos/}\nseeds: [0, 3]\nminutes: 3\n"
    )
    plan = read_plan(path)
    assert plan.data == {"fashion": '{"use": "fashion_mnist"}', "own": "photos/"}
    assert plan.minutes == 3.0 and len(list(plan.cells())) == 8
    assert list(plan.cells())[:2] == [(recipe, "fashion", 0) for recipe in plan.recipes]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [0]", "must name recipes"),
        ("recipes: simclr_fashion", "a list is expected"),
        ("recipes: [a]\nseed: [0]", "has 'seed'.*seeds"),
        ("recipes: [a]\nseeds: [x]", "'x' where a number is expected"),
        ("recipes: [a]\nminutes: soon", "'soon' where a number is expected"),
        ("recipes: [a]\ndata: [b]", "names are expected"),
        ("recipes: [a", "cannot be read"),
    ],
)
def test_a_plan_that_is_none_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_plan(tmp_path / "plan.yaml")


def test_without_a_plan_and_data_the_command_says_what_to_give() -> None:
    done = CliRunner().invoke(command, [])
    assert isinstance(done.exception, UserError)
    assert "kssl atlas --data photos/" in str(done.exception)


def test_the_command_writes_the_table_and_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atlas, "_process", Machine(tmp_path / "plan"))
    (tmp_path / "plan.yaml").write_text("recipes: [simclr_fashion, moco_fashion]\nseeds: [0, 1]\n")
    done = CliRunner().invoke(command, [str(tmp_path / "plan.yaml")], catch_exceptions=False)
    assert done.exit_code == 0
    assert "81.0 ± 1.4" in done.stdout
    page = (tmp_path / "plan" / "atlas.html").read_text()
    assert "81.0 ± 1.4" in page and "untrained 70.5 ± 0.7" in page


def test_all_recipes_for_images_are_offered() -> None:
    from kssl.catalog.recipes import RECIPES

    assert set(IMAGES) <= set(RECIPES)
