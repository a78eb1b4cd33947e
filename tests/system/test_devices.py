"""Backends and devices: what is chosen, and that several devices train like one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest

from kssl.errors import UserError
from kssl.system import devices

# One process trains every recipe that it is given, on four devices and then on one: TensorFlow
# cannot make devices once it has computed.
CURVES = """
import json, sys
from kssl.system import devices
devices.choose(sys.argv[1], "cpu", 4)  # before Keras is imported
devices.load_keras()
import keras
from kssl.recipe import load
from kssl.runs.train import prepare

def curve(file, count):
    devices.choose(sys.argv[1], "cpu", count)
    with devices.scope():
        prepared = prepare(load(file))
        pipeline = prepared.data.train
        history = prepared.model.fit(
            pipeline.train(0, 2), epochs=2, steps_per_epoch=pipeline.steps_per_epoch, verbose=0,
            validation_data=prepared.data.validation.ordered(), shuffle=False)
        weights = [keras.ops.sum(keras.ops.abs(w)) for w in prepared.model.trainable_weights]
        return {"history": history.history, "weights": [float(w) for w in weights],
                "devices": spread(prepared.model)}

def spread(model):
    if sys.argv[1] == "jax":
        return len(model.trainable_weights[0].value.sharding.device_set)
    return model.distribute_strategy.num_replicas_in_sync

print(json.dumps([[curve(file, count) for file in sys.argv[2:]] for count in (4, 1)]))
"""
# Deterministic, and a plain SGD that would show a gradient that is scaled by the devices.
RECIPE = """
data: {use: synthetic, shape: [8, 8, 1], examples: 256}
pretext: [to_float]
model: {use: MODEL, latent_dim: 4, encoder: {use: mlp, units: [16]}}
optimizer: {use: sgd, learning_rate: 0.01}
fit: {batch_size: 32, epochs: 2}
"""


@pytest.fixture(scope="module")
def backend() -> str:
    """The backend of these tests; those of another one run with `KERAS_BACKEND`."""
    name = keras.backend.backend()
    if name == "torch":
        pytest.skip("several devices need TensorFlow or JAX")
    return name


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "KERAS_BACKEND")}


@pytest.fixture(scope="module")
def curves(backend, environment, tmp_path_factory) -> dict[str, tuple[dict, dict]]:
    """For each model, what it became on one device and on four."""
    folder = tmp_path_factory.mktemp("recipes")
    texts = {"autoencoder": RECIPE.replace("MODEL", "autoencoder")}
    if backend == "jax":  # one process of TensorFlow cannot spread a second model
        texts["vae"] = RECIPE.replace("MODEL", "vae").replace("0.01", "0.0001")
    for name, text in texts.items():
        (folder / name).write_text(text)
    command = [sys.executable, "-c", CURVES, backend, *[str(folder / name) for name in texts]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    four, one = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(texts, zip(one, four, strict=True), strict=True))


def test_four_devices_train_like_one(curves):
    one, four = curves["autoencoder"]
    assert (one["devices"], four["devices"]) == (1, 4)
    for name, values in one["history"].items():
        np.testing.assert_allclose(four["history"][name], values, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(four["weights"], one["weights"], rtol=1e-4)


def test_random_models_train_alike_on_jax_too(backend, curves):
    if backend != "jax":
        pytest.skip("on JAX alone the draws do not depend on the devices")
    one, four = curves["vae"]
    np.testing.assert_allclose(four["history"]["loss"], one["history"]["loss"], rtol=1e-4)


@pytest.mark.slow
def test_a_whole_run_on_two_devices(backend, environment, tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("MODEL", "vae") + "evaluate: [knn]\n")
    options = ["--device", "cpu", "--devices", "2", "--backend", backend]
    command = [sys.executable, "-m", "kssl", "fit", "recipe.yaml", *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "runs/recipe/1/environment.json").read_text())
    assert len(record["devices"]) == 2
    assert (tmp_path / "runs/recipe/1/report.html").is_file()


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


def test_a_package_that_is_hidden_can_be_imported_afterwards() -> None:
    code = (
        "import sys; from kssl.system import devices; devices.choose(); devices.load_keras();"
        "assert not {'sklearn', 'matplotlib', 'jax', 'torch'} & {*sys.modules};"
        "import sklearn.decomposition, matplotlib.pyplot; print(sklearn.__name__)"
    )
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["sklearn"], done.stderr
