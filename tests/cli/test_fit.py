"""`kssl fit`: what it asks for, what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kssl.errors import RunError, UserError
from kssl.runs.directory import Run


def test_fit_prints_results_with_baselines_and_paths(kssl: Any, training: Any) -> None:
    ended = kssl("fit", "vae.yaml", "fit.epochs=5", "~callbacks")
    assert ended.code == 0
    assert training.asked["load"] == ("vae.yaml", ("fit.epochs=5", "~callbacks"))
    lines = [line.split() for line in ended.out.splitlines() if line]
    assert lines[0] == "evaluation metric this model untrained raw input".split()
    assert lines[1] == "knn accuracy ↑ 0.97 0.9 0.95".split()
    assert lines[2] == "log_likelihood -log p(x), nats ↓ 94.25 543.2 –".split()
    assert "log_likelihood: pixels are binarized by their value" in ended.out
    assert lines[-2:] == [["run", "runs/vae/1"], ["report", "runs/vae/1/report.html"]]
    assert "note: model.beta is left out" in ended.err


def test_a_stand_in_cannot_be_overlooked_at_the_end(kssl: Any, training: Any) -> None:
    training.data = {"used": "digits", "stand_in_for": "mnist"}
    ended = kssl("fit", "vae")
    assert "On the stand-in digits: these numbers say nothing about mnist." in ended.out
    called = {"used": "python_topics (tokens)", "stand_in_for": "news (tokens)"}
    training.data = {"used": "tokens", "stand_in_for": "tokens", "called": called}
    said = " ".join(kssl("fit", "vae").out.split())
    assert "On the stand-in python_topics (tokens): these numbers say nothing about news" in said


def test_the_backend_is_chosen_before_keras_and_the_check_comes_after(
    kssl: Any, training: Any
) -> None:
    kssl("fit", "vae", "--device", "cpu", "--devices", "4", "--no-stand-in")
    assert training.asked["choose"] == {
        "backend": None,
        "device": "cpu",
        "devices": 4,
        "recipe_backend": "jax",
    }
    assert training.asked["keras after"] == ["choose", "load"]
    assert training.asked["fit"]["allow_stand_in"] is False
    assert training.asked["fit"]["recipe"].checked


def test_data_dir_is_passed_by_the_environment(
    kssl: Any, training: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("KSSL_DATA_DIR", "before")
    assert kssl("fit", "vae", "--data-dir", tmp_path).code == 0
    assert os.environ["KSSL_DATA_DIR"] == str(tmp_path)
    ended = kssl("fit", "vae", "--data-dir", "nowhere")
    assert (ended.code, ended.err) == (2, "error: --data-dir nowhere is no folder\n")


def test_a_dry_run_prints_the_cost_and_makes_no_run(
    kssl: Any, training: Any, tmp_path: Path
) -> None:
    ended = kssl("fit", "vae", "--dry-run")
    assert ended.code == 0
    for line in ("parameters 650,000", "memory 3.0 MiB", "time of a step 12.5 ms"):
        assert line in " ".join(ended.out.split())
    assert "about 2 min 31 s" in ended.out
    assert not (tmp_path / "runs").exists()


def test_resume_goes_on_with_an_interrupted_run(kssl: Any, training: Any, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs", "vae")
    run.finish("interrupted")
    ended = kssl("fit", "--resume", "vae/1")
    assert ended.code == 0
    assert training.asked["fit"]["resume"] == run
    assert training.asked["fit"]["root"] == tmp_path / "runs"
    assert run.status == "finished"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("finished", "is finished; kssl fit runs/vae/1 replays it as a new run"),
        ("running", "is still running, as process"),
    ],
)
def test_resume_refuses_a_run_that_is_not_interrupted(
    kssl: Any, training: Any, tmp_path: Path, status: str, message: str
) -> None:
    run = Run.create(tmp_path / "runs", "vae")
    run.finish(status)
    if status == "running":
        run.write_json("status.json", run.record | {"pid": 1, "session": "2999-01-01T00:00:00Z"})
    ended = kssl("fit", "--resume", "vae")
    assert ended.code == 2
    assert message in ended.err
    assert "fit" not in training.asked


def test_resume_takes_no_recipe_and_no_overrides(kssl: Any, finished: Any) -> None:
    ended = kssl("fit", "vae", "fit.epochs=3", "--resume", finished().path)
    assert ended.code == 2
    assert "'vae fit.epochs=3' cannot be given" in ended.err


def test_ctrl_c_says_how_to_resume(kssl: Any, training: Any) -> None:
    training.raises = KeyboardInterrupt()
    ended = kssl("fit", "vae")
    assert ended.code == 130
    assert ended.err.endswith("interrupted; resume with: kssl fit --resume runs/vae/1\n")
    assert Run.open("vae").status == "interrupted"


def test_a_failing_run_is_one_line_that_names_the_run(kssl: Any, training: Any) -> None:
    training.raises = ValueError("\x1b[1mthe loss [is]\x1b[0m\n\nnot finite.")
    ended = kssl("fit", "vae")
    assert ended.code == 1
    error = ended.err.splitlines()[-1]
    assert error == (
        "error: ValueError: the loss [is] not finite; the run is runs/vae/1, its traceback is in "
        "error.txt there; run again with --debug for the traceback"
    )
    assert "Traceback" not in ended.err
    assert "Traceback" in Run.open("vae").file("error.txt").read_text()
    assert Run.open("vae").status == "failed"


def test_a_run_error_is_said_without_its_class(kssl: Any, training: Any) -> None:
    training.raises = RunError("the loss is not finite at step 3")
    ended = kssl("fit", "vae")
    assert ended.code == 1
    assert "error: the loss is not finite at step 3; the run is" in ended.err


def test_a_users_error_during_a_run_closes_it_too(kssl: Any, training: Any) -> None:
    training.raises = UserError("knn: k must be above zero")
    ended = kssl("fit", "vae")
    assert ended.code == 2
    assert "error: knn: k must be above zero\nThe run is runs/vae/1." in ended.err
    assert Run.open("vae").status == "failed"


@pytest.mark.parametrize("arguments", [("--debug", "fit", "vae"), ("fit", "vae", "--debug")])
def test_debug_shows_the_traceback(kssl: Any, training: Any, arguments: tuple[str, ...]) -> None:
    training.raises = ValueError("bad")
    ended = kssl(*arguments)
    assert ended.code == 1
    assert "Traceback (most recent call last)" in ended.err
    assert "run again with --debug" not in ended.err
    assert "Traceback" not in kssl("fit", "vae").err


def test_fit_without_a_recipe(kssl: Any) -> None:
    ended = kssl("fit")
    assert ended.code == 2
    assert "which recipe?" in ended.err
    assert "See: kssl fit --help" in ended.err


def test_a_run_can_be_replayed_by_its_name(kssl: Any, training: Any, finished: Any) -> None:
    finished()
    assert kssl("fit", "vae/1").code == 0
    assert training.asked["load"][0] == Path("runs/vae/1")
    assert Run.open("vae").number == 2
