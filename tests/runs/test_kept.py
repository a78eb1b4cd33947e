"""Runs and models of version 0.1, kept as they were written: they load, evaluate and resume.

Each folder is a tiny run on data that scikit-learn or kssl brings; the checkpoint is that of its
first epoch of two, `model.keras` that of the end.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import kssl
from kssl.recipe import load as load_recipe
from kssl.runs import Run, evaluate, fit, load

KEPT = sorted((Path(__file__).resolve().parents[1] / "kept").iterdir())

# The others are enough now and then, for a version that is long past.
QUICK = ("autoencoder_mnist", "gpt_shakespeare")
each_run = pytest.mark.parametrize(
    "kept",
    [
        pytest.param(path, marks=() if path.name in QUICK else pytest.mark.slow, id=path.name)
        for path in KEPT
    ],
)

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def copy(kept: Path, to: Path) -> Run:
    shutil.copytree(kept, to / kept.name)
    return Run(to / kept.name / "1")


def arrays(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(ops.convert_to_numpy(weight)) for weight in model.weights]


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
def test_a_model_file_of_version_0_1_loads(kept):
    model = keras.models.load_model(kept / "1" / "model.keras")
    assert isinstance(model, kssl.models.Model) and model.built
    recipe = load_recipe(kept / "1")
    assert kssl.plugins.find("models", recipe.uses("model")[0]) is type(model)


@each_run
def test_a_run_of_version_0_1_loads_and_evaluates(kept, tmp_path):
    run = copy(kept, tmp_path)
    alone = keras.models.load_model(run.file("model.keras"))
    for one, other in zip(arrays(load(run).model), arrays(alone), strict=True):
        np.testing.assert_array_equal(one, other)
    before = {
        result["metric"]: result["value"] for result in run.read_json("results.json")["results"]
    }
    if before:
        again = {result.metric: result.value for result in evaluate(run)}
        assert again.keys() == before.keys()
        for metric, value in again.items():
            assert value == pytest.approx(before[metric], rel=0.05, abs=0.02), metric


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="checkpoints are a backend's")
@each_run
def test_an_interrupted_run_of_version_0_1_ends_as_it_did(kept, tmp_path, no_figures):
    run = copy(kept, tmp_path)
    expected = arrays(keras.models.load_model(run.file("model.keras")))
    run.file("model.keras").unlink()
    status = json.loads(run.file("status.json").read_text()) | {"status": "interrupted"}
    run.file("status.json").write_text(json.dumps(status))
    done = fit(load_recipe(run.path, ["evaluate=[]"]), resume=run)
    for one, other in zip(arrays(load(done).model), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
