"""The run directory: numbers, atomic writes, and what a killed process leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kssl.cli import runs as runs_verb
from kssl.errors import UserError
from kssl.runs.directory import Run, current, list_runs
from kssl.system.files import replacing

CREATE = (
    "import sys; from kssl.runs.directory import Run; "
    "[print(Run.create(sys.argv[1], 'vae').number) for _ in range(int(sys.argv[2]))]"
)


def test_runs_are_numbered_and_nothing_is_overwritten(tmp_path: Path) -> None:
    first = Run.create(tmp_path, "vae")
    first.write_text("recipe.yaml", "model: vae\n")
    second = Run.create(tmp_path, "vae")
    assert (first.name, second.name) == ("vae/1", "vae/2")
    assert first.file("recipe.yaml").read_text() == "model: vae\n"
    assert current() == second


def test_a_number_is_not_used_again(tmp_path: Path) -> None:
    (tmp_path / "vae" / "7").mkdir(parents=True)  # no run, but somebody's folder
    (tmp_path / "vae" / "notes").mkdir()
    assert Run.create(tmp_path, "vae").number == 8


def test_processes_that_create_runs_at_once_get_different_numbers(tmp_path: Path) -> None:
    def numbers(_: int) -> list[str]:
        command = [sys.executable, "-c", CREATE, str(tmp_path), "10"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    with ThreadPoolExecutor(4) as pool:
        given = sorted(int(number) for part in pool.map(numbers, range(4)) for number in part)
    assert given == list(range(1, 41))
    assert [run.number for run in list_runs(tmp_path)] == list(range(1, 41))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../evil", "a/b", "/etc", ".hidden", "a\\b", "a\0b", "a\n", "x" * 121]
)
def test_a_recipe_name_cannot_leave_the_runs_folder(tmp_path: Path, name: str) -> None:
    root = tmp_path / "runs"
    with pytest.raises(UserError, match="cannot have runs"):
        Run.create(root, name)
    assert not root.exists()


def test_a_root_that_is_a_file_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(UserError, match="--runs-dir"):
        Run.create(tmp_path / "runs", "vae")


def test_open_by_path_name_and_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(11):
        latest = Run.create("runs", "vae")
    for given in ("runs/vae/11", "vae/11", "runs/vae", "vae", tmp_path / "runs/vae/11", "vae/"):
        assert Run.open(given) == latest  # 11 comes after 2
    assert Run.open("vae/2").number == 2


def test_open_names_the_runs_that_there_are(tmp_path: Path) -> None:
    Run.create(tmp_path, "vae")
    with pytest.raises(UserError, match="'vea/1' is no run directory.*vae/1"):
        Run.open("vea/1", root=tmp_path)
    with pytest.raises(UserError, match="there are no runs in"):
        Run.open("vae", root=tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["x/" + "y" * 300, "a\0b", "", ".", "/"])
def test_what_cannot_be_a_path_is_no_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="is no run directory"):
        Run.open(name, root=tmp_path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    run.write_json("results.json", {"results": []})
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        run.write_json("results.json", {"results": {object()}})
    with pytest.raises(ZeroDivisionError), run.replacing("results.json") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert run.read_json("results.json") == {"results": []}
    assert sorted(path.name for path in run.path.iterdir()) == ["results.json", "status.json"]


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with replacing(path) as temporary:
        temporary.write_text("weights")
        assert not path.exists()
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".keras")
    assert path.read_text() == "weights"


def test_numpy_values_are_written_as_numbers(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    run.write_json("a.json", {"a": np.float32(0.5), "b": np.arange(2), "c": tmp_path})
    assert run.read_json("a.json") == {"a": 0.5, "b": [0, 1], "c": str(tmp_path)}


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    with pytest.raises(UserError, match=r"has no results\.json: it is running"):
        run.read_json("results.json")
    run.file("results.json").write_text("{")
    with pytest.raises(UserError, match=r"results\.json cannot be read"):
        run.read_json("results.json")


def test_status_follows_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    assert run.status == "running"
    run.finish("failed", "the loss is not finite")
    assert (run.status, run.record["message"]) == ("failed", "the loss is not finite")
    run.begin()
    assert run.status == "running"
    run.finish()
    assert run.status == "finished"
    assert run.record["seconds"] >= 0


def test_a_run_that_another_process_works_on_is_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    soon = "2999-01-01T00:00:00+00:00"  # the parent is older than that
    run.write_json("status.json", run.record | {"pid": os.getppid(), "session": soon})
    with pytest.raises(UserError, match=f"is still running, as process {os.getppid()} on"):
        run.begin()
    assert run.record["pid"] == os.getppid()


def test_a_resumed_run_keeps_its_start_and_adds_its_time(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    run.finish("interrupted")
    before = run.record
    run.write_json("status.json", before | {"seconds": 100.0, "started": "2020-01-01T00:00:00Z"})
    run.begin()
    run.finish()
    assert run.record["started"] == "2020-01-01T00:00:00Z"
    assert 100 <= run.record["seconds"] < 110


@contextmanager
def working_process(root: Path) -> Iterator[tuple[Run, subprocess.Popen]]:
    """A run that another process works on, and that process."""
    script = f"{CREATE}; print(flush=True); import time; time.sleep(60)"
    command = [sys.executable, "-c", script, str(root), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        yield Run.open("vae/1", root=root), process
        process.kill()


def test_a_killed_process_leaves_an_interrupted_run(tmp_path: Path) -> None:
    with working_process(tmp_path) as (run, process):
        assert run.status == "running"
        process.kill()
        deadline = time.time() + 10
        while run.status == "running" and time.time() < deadline:
            time.sleep(0.01)  # the process is a zombie from here on: nobody has waited for it
        assert run.status == "interrupted"


def test_a_clock_that_is_put_forward_does_not_end_a_run(tmp_path: Path) -> None:
    with working_process(tmp_path) as (run, _):
        before = "2001-01-01T00:00:00+00:00"  # as it looks to a process that is younger
        run.write_json("status.json", run.record | {"session": before, "started": before})
        assert run.status == "running"
        run.file("status.json").write_text("{")  # whatever the file says
        with pytest.raises(UserError, match="is still running, in another process"):
            run.begin()


def test_of_processes_that_resume_at_once_one_does(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    run.finish("interrupted")
    begin = (
        "import sys, time; from kssl.runs.directory import Run; from pathlib import Path\n"
        "while not Path(sys.argv[2]).exists(): time.sleep(0.001)\n"
        "Run(Path(sys.argv[1])).begin(); time.sleep(2)"
    )
    command = [sys.executable, "-c", begin, str(run.path), str(tmp_path / "go")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    time.sleep(0.5)
    (tmp_path / "go").write_text("")
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1, 1]
    assert sum("is still running" in text for text in said) == 2


@pytest.mark.parametrize(
    "damage",
    [
        {"session": None},
        {"session": 3, "started": []},
        {"seconds": "many"},
        {"seconds": 1e400},
        {"pid": "x"},
        {"pid": 2**70},
        {"status": ["running"]},
        {"host": 7},
        {"message": {"a": 1}},
    ],
)
def test_a_broken_status_file_is_listed_as_far_as_it_makes_sense(
    tmp_path: Path, damage: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run.create(tmp_path, "vae")
    run.write_json("status.json", run.record | damage)
    runs_verb.command.main(["--runs-dir", str(tmp_path)], standalone_mode=False)
    assert "vae/1" in capsys.readouterr().out


def test_another_process_with_the_same_number_is_not_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    long_ago = "2001-01-01T00:00:00+00:00"  # this process is younger: it was given an old number
    run.write_json("status.json", run.record | {"session": long_ago, "started": long_ago})
    assert run.record["pid"] == os.getpid()
    assert run.status == "interrupted"


def test_a_run_of_another_machine_is_judged_by_its_writes(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    run.write_json("status.json", run.record | {"host": "elsewhere", "pid": 1})
    assert run.status == "running"
    for path in (run.file("status.json"), run.path):
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    assert run.status == "interrupted"


def test_a_damaged_status_is_an_interrupted_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    for text in ("", "[]", '{"status": "running"}', json.dumps({"status": "running", "pid": "x"})):
        run.file("status.json").write_text(text)
        assert run.status == "interrupted"


def test_what_a_killed_write_left_is_cleared_at_the_next_beginning(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    run.file(".model.abc.tmp.keras").write_text("half")
    (run.checkpoints / ".weights.abc.tmp.npz").write_text("half")
    run.begin()
    assert [path.name for path in run.path.rglob("*.tmp*")] == []


def test_list_runs_skips_what_is_no_run(tmp_path: Path) -> None:
    Run.create(tmp_path, "vae")
    Run.create(tmp_path, "autoencoder")
    (tmp_path / "vae" / "2").mkdir()
    (tmp_path / "readme.txt").write_text("")
    assert [run.name for run in list_runs(tmp_path)] == ["autoencoder/1", "vae/1"]
