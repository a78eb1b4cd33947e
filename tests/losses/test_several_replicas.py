"""What the losses' page says of TensorFlow's replicas: the mean of the losses of their parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from kssl import losses, plugins


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("run with KERAS_BACKEND=tensorflow")
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    script = Path(__file__).parent / "several_replicas.py"
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_one_replica_has_the_loss_and_gradient_of_the_whole_batch(found: dict[str, Any]) -> None:
    assert len(found["losses"]) == 10
    assert {n: e for n, e in found["losses"].items() if e["one, whole"] > 1e-5} == {}


def test_four_replicas_have_the_mean_over_their_parts(found: dict[str, Any]) -> None:
    worst = {name: each["four, mean of parts"] for name, each in found["losses"].items()}
    assert {name: error for name, error in worst.items() if error > 1e-4} == {}


def test_which_is_that_of_the_whole_batch_only_for_losses_that_do_not_span_it(
    found: dict[str, Any],
) -> None:
    for name, each in found["losses"].items():
        if each["spans_batch"]:
            assert each["four, whole"] > 1e-2, name
        else:
            assert each["four, whole"] < 1e-5, name


def test_a_step_of_a_model_on_replicas_follows_the_mean(found: dict[str, Any]) -> None:
    for count in ("1", "4"):
        assert found["model"][count]["loss"] < 1e-5
        assert found["model"][count]["gradient"] < 1e-4


def test_the_page_of_the_losses_says_it() -> None:
    text = " ".join((losses.__doc__ or "").split())
    assert "`spans_batch` of the class is True" in text
    assert "On TensorFlow (`MirroredStrategy`) each replica sees its own part" in text
    assert "the mean over the replicas, which is not that of the whole batch" in text
    for part in plugins.offered("losses").values():
        found = plugins.find("losses", part.name)
        if part.owner == "kssl" and getattr(found, "spans_batch", False):
            said = (getattr(losses, part.name).__doc__ or "") + (found.__doc__ or "")
            assert "data parallelism" in said, part.name
