"""The check for a GPU, benchmarks/gpu_check.py: tried whole on a processor, without TensorFlow."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kssl

# What a machine without TensorFlow does: it has no such packages, and says so when asked.
WITHOUT_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0].startswith("tensorflow")
        return None if absent else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


@pytest.fixture
def gpu(root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of the check: `gpu("jobs")` is the module `gpu.jobs`."""
    folder = root / "benchmarks"
    if not folder.is_dir():
        pytest.skip("needs the benchmarks of the checkout")
    monkeypatch.syspath_prepend(str(folder))
    return lambda name: importlib.import_module(f"gpu.{name}")


def test_every_model_is_checked(gpu: Any) -> None:
    rooms = [getattr(kssl.models, name) for name in kssl.models.__all__]
    abstract = (kssl.models.Model, kssl.models.JointEmbedding)
    models = [
        each
        for each in rooms
        if isinstance(each, type) and issubclass(each, abstract[0]) and each not in abstract
    ]
    assert set(gpu("factories").MODELS) == {model.__name__ for model in models}


@pytest.mark.parametrize("workload", ["gpt", "simclr", "mae", "diffusion", "bert"])
def test_the_peers_have_the_sizes_of_the_recipe(workload: str, gpu: Any) -> None:
    sizes = gpu("sizes")
    size = sizes.FULL[workload]
    known = {"vocabulary_size": 65} if workload == "gpt" else {}
    plain = kssl.recipe.load(size.recipe)
    given = kssl.recipe.load(size.recipe, sizes.overrides(workload, size))
    assert size.batch == plain.settings.fit.batch_size
    expected, found = (
        recipe.build("model", **known).get_config() | {"name": "", "augment": None, "dtype": ""}
        for recipe in (plain, given)
    )
    assert _without_names(found) == _without_names(expected)
    if workload == "gpt":
        assert f"context: {size.network['context']}" in plain.path.read_text()


def _without_names(config: Any) -> Any:
    """Leave out what differs between two layers of one configuration."""
    if isinstance(config, dict):
        return {key: _without_names(each) for key, each in config.items() if key != "name"}
    return [_without_names(each) for each in config] if isinstance(config, list) else config


@pytest.mark.parametrize(
    "parts", ["2", pytest.param("1 2 3 4 6", marks=pytest.mark.slow)], ids=["gpt", "all"]
)
def test_the_check_runs_on_a_processor_without_tensorflow(
    parts: str, gpu: Any, root: Path, tmp_path: Path
) -> None:
    pytest.importorskip("jax")
    if keras.backend.backend() != "jax":
        pytest.skip("the check runs on JAX: run with KERAS_BACKEND=jax")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
    path = os.pathsep.join([str(tmp_path), str(root)])
    environment = {**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu"}
    asked = [sys.executable, "-c", "import tensorflow"]
    assert b"No module named" in subprocess.run(asked, env=environment, capture_output=True).stderr

    out = tmp_path / "out"
    # More minutes than it needs: where other tests run beside it, everything takes longer.
    command = [sys.executable, str(root / "benchmarks" / "gpu_check.py"), "--tiny"]
    command += ["--minutes", "25", "--out", str(out), "--parts", *parts.split()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    lines = map(gpu("findings").parsed, done.stdout.splitlines())
    findings = [each for each in lines if each is not None]
    ends = {each["job"]: each["status"] for each in findings if each["what"] == "status"}
    absent = {job.name for job in gpu("jobs").JOBS if gpu("jobs").missing(job)}
    assert {name for name, status in ends.items() if status != "done"} == absent & set(ends)
    measured = {each["job"]: each["value"] for each in findings if each["what"] == "rate"}
    assert "gpt kssl" in measured and min(measured.values()) > 0
    text = (out / "gpu_check.md").read_text()
    assert "| GPT step | tokens/s |" in text
    if parts == "2":
        return
    steps = {(each["model"], each["dtype"]) for each in findings if each["what"] == "steps"}
    models = gpu("models")
    compared = list(models.MODELS)[:2]  # a processor with itself: two show that it works
    assert steps == set(models.cases(models.MODELS, compared))
    assert sum(each["what"] == "agreement" for each in findings) == 2 * len(compared)
    assert {f"{name} kssl" for name in gpu("sizes").FULL} <= set(measured)
    assert "SimCLR, kNN accuracy" in text


def test_a_job_that_hangs_is_ended_and_what_it_found_is_kept(
    gpu: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs = gpu("jobs")
    monkeypatch.setattr(jobs, "GRACE", 0.0)
    finding = {"part": 1, "job": "x", "what": "rate", "value": 3}
    code = (
        f"import time; print({json.dumps(finding)!r}, flush=True); print('not one'); time.sleep(60)"
    )
    found: list[dict[str, Any]] = []
    began = time.perf_counter()
    status = jobs.run_job([sys.executable, "-c", code], 3.0, found.append)
    assert time.perf_counter() - began < 30
    assert status["status"] == "cut off" and "limit of 3 s" in status["why"]
    assert found == [finding]
    assert json.loads(capfd.readouterr().out) == finding  # passed on, and alone


def test_a_job_that_fails_says_why(gpu: Any) -> None:
    code = "raise MemoryError('out of memory\\nwhile allocating')"
    status = gpu("jobs").run_job([sys.executable, "-c", code], 60.0, [].append)
    assert status["status"] == "failed"
    assert status["why"] == "exit code 1: MemoryError: out of memory while allocating"


def test_time_that_is_left_over_goes_to_the_training_that_can_use_it(gpu: Any) -> None:
    jobs = gpu("jobs")
    few = [
        jobs.Job("a", 1, "", 100),
        jobs.Job("b", 3, "", 80, elastic=True),
        jobs.Job("c", 4, "", 60),
        jobs.Job("d", 6, "", 50),
    ]
    assert jobs.limit_of(few, 0, left=540, scale=1.0) == 100
    assert jobs.limit_of(few, 1, left=500, scale=1.0) == 440  # 60 stay for c
    assert jobs.limit_of(few, 1, left=90, scale=1.0) == 80  # its own, were it at their cost
    assert jobs.limit_of(few, 2, left=10, scale=1.0) == 10
    assert jobs.limit_of(few, 0, left=540, scale=0.5) == 50


def test_a_job_is_left_out_where_its_packages_or_the_time_are_missing(
    gpu: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = gpu("jobs")
    few = [jobs.Job("a", 2, "", 10, needs=("no_such_package",)), jobs.Job("b", 4, "", 10)]
    found: list[dict[str, Any]] = []
    jobs.run_jobs(few, lambda *_: pytest.fail("it was run"), 1.0, 1.0, found.append)
    assert [each["status"] for each in found] == ["left out", "left out"]
    assert [each["why"] for each in found] == [
        "no_such_package is not installed",
        "no time was left",
    ]
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_losses_agree_within_the_tolerance_of_their_numbers(gpu: Any) -> None:
    agreement = gpu("models").agreement
    assert agreement([2.0, 1.0], [2.0, 1.0005], "float32")["agrees"]
    assert not agreement([2.0, 1.0], [2.0, 1.01], "float32")["agrees"]
    assert agreement([2.0, 1.0], [2.0, 1.01], "mixed_bfloat16")["agrees"]
    assert not agreement([2.0, math.nan], [2.0, 1.0], "mixed_bfloat16")["agrees"]


def test_tables_say_what_is_known_and_what_is_not(gpu: Any) -> None:
    table = gpu("table")
    assert "No devices were seen" in table.tables([])
    rate = {"part": 4, "what": "rate", "unit": "images/s", "value": 1234.5, "compile_seconds": 2.0}
    lost = {"part": 2, "job": "gpt kssl", "what": "status", "status": "cut off", "why": "at 9 s"}
    step = {"part": 1, "what": "agreement", "model": "GPT", "dtype": "float32", "difference": 0.5}
    findings = [{**rate, "job": "mae kssl", "peak_gib": None}, lost]
    text = table.tables(findings)
    assert "| MAE step | images/s | 1,234 | ? | ? | 2 | ? | ? | ? |" in text
    assert "gpt kssl: cut off: at 9 s" in text
    assert table.failed(findings) == ["gpt kssl: cut off at 9 s"]
    wrong = table.failed([{**step, "job": "models", "agrees": False}])
    assert wrong == ["GPT in float32 differs from the processor by 0.5"]


def test_more_than_may_travel_is_refused(
    gpu: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = gpu("gather")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images.npz").write_bytes(bytes(2 << 20))
    monkeypatch.setattr(gather, "checkout", lambda: iter([]))
    assert gather.check_size(3, tmp_path).startswith("2.0 MiB in all")
    with pytest.raises(SystemExit, match="too much to travel: 2.0 MiB.*the limit is 1 MiB"):
        gather.check_size(1, tmp_path)


def test_images_travel_encoded_and_come_back_in_order(gpu: Any, tmp_path: Path) -> None:
    data = gpu("data")
    data.make_tiny(tmp_path)
    images, labels = data.read_images(tmp_path)["train"]
    assert images.shape == (32, 32, 32, 3) and images.dtype == np.uint8
    assert labels.tolist() == [number % 4 for number in range(32)]
    train, held_out, vocabulary = data.read_text(tmp_path)
    assert len(train) == 1800 and len(held_out) == 200
    assert vocabulary == len(set("to be or not to be"))
    rows = data.rows_of(train, np.array([5]), context=8)
    assert rows["tokens"][0, 1:].tolist() == rows["target"][0, :-1].tolist()
