"""Backends and devices: what is chosen, and that several devices train like one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from kssl import devices
from kssl.errors import UserError

CURVE = """
import json, sys
from pathlib import Path
from kssl import devices
devices.choose(sys.argv[1], "cpu", int(sys.argv[2]))
devices.load_keras()
import keras
from kssl.recipe import load
from kssl.training import prepare
with devices.scope():
    prepared = prepare(load(sys.argv[3]))
    pipeline = prepared.data.train
    history = prepared.model.fit(
        pipeline.train(0, 2), epochs=2, steps_per_epoch=pipeline.steps_per_epoch, verbose=0,
        validation_data=prepared.data.validation.ordered(), shuffle=False)
    weights = [float(keras.ops.sum(keras.ops.abs(w))) for w in prepared.model.trainable_weights]
    count = len(keras.distribution.list_devices())
print(json.dumps({"history": history.history, "weights": weights, "devices": count}))
"""
# Deterministic, and a plain SGD that would show a gradient that is scaled by the devices.
RECIPE = """
data: {use: synthetic, shape: [8, 8, 1], examples: 256}
pretext: [to_float]
model: {use: MODEL, latent_dim: 4, encoder: {use: mlp, units: [16]}}
optimizer: {use: sgd, learning_rate: 0.01}
fit: {batch_size: 32, epochs: 2}
"""


def curve(backend: str, count: int, recipe) -> dict:
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "KERAS_BACKEND")}
    command = [sys.executable, "-c", CURVE, backend, str(count), str(recipe)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_four_devices_train_like_one(backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"needs the extra {backend}")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("MODEL", "autoencoder"))
    one, four = (curve(backend, count, recipe) for count in (1, 4))
    assert (one["devices"], four["devices"]) == (1, 4)
    for name, values in one["history"].items():
        np.testing.assert_allclose(four["history"][name], values, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(four["weights"], one["weights"], rtol=1e-4)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_whole_run_on_two_devices(backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"needs the extra {backend}")
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("MODEL", "vae") + "evaluate: [knn]\n")
    options = ["--device", "cpu", "--devices", "2", "--backend", backend]
    command = [sys.executable, "-m", "kssl", "fit", "recipe.yaml", *options]
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "KERAS_BACKEND")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "runs/recipe/1/environment.json").read_text())
    assert len(record["devices"]) == 2
    assert (tmp_path / "runs/recipe/1/report.html").is_file()


def test_random_models_train_alike_on_jax_too(tmp_path):
    if find_spec("jax") is None:
        pytest.skip("needs the extra jax")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("MODEL", "vae").replace("0.01", "0.0001"))
    one, four = (curve("jax", count, recipe) for count in (1, 4))
    np.testing.assert_allclose(four["history"]["loss"], one["history"]["loss"], rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "teansorflow"}, "did you mean 'tensorflow'"),
        ({"device": "gpuu"}, "did you mean 'gpu'"),
        ({"backend": "torch", "devices": 2}, "several devices need the backend jax or tensorflow"),
    ],
)
def test_refusals_name_what_there_is(arguments, message, monkeypatch):
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(UserError, match=message):
        devices.choose(**arguments)


def test_a_backend_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'kssl\[jax\]'"):
        devices.choose("jax")


def test_a_greeting_is_held_back_and_a_failure_is_not(capfd):
    with devices.quiet_import():
        os.write(2, b"greeting\n")
    assert "greeting" not in capfd.readouterr().err
    with pytest.raises(ImportError), devices.quiet_import():
        os.write(2, b"why it failed\n")
        raise ImportError
    assert "why it failed" in capfd.readouterr().err


def test_command_line_wins_over_environment_and_recipe():
    code = (
        "from kssl import devices; import os;"
        "print(devices.choose('jax', recipe_backend='torch'));"
        "os.environ['KERAS_BACKEND'] = 'torch'; print(devices.choose(recipe_backend='jax'));"
        "del os.environ['KERAS_BACKEND']; print(devices.choose(recipe_backend='jax'));"
        "del os.environ['KERAS_BACKEND']; print(devices.choose())"
    )
    if not all(map(find_spec, ("jax", "torch"))):
        pytest.skip("needs the extras jax and torch")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["jax", "torch", "jax", "tensorflow"], done.stderr
