"""Exported encoders say what the trained one says, or they are not exported."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kssl import export as module
from kssl.errors import RunError, UserError
from kssl.recipe import load
from kssl.runs.load import load as load_run
from kssl.runs.train import fit

BACKEND = keras.backend.backend()
NO_SAVEDMODEL = pytest.mark.skipif(BACKEND == "torch", reason="Keras writes none on torch")
NO_ONNX = pytest.mark.skipif(BACKEND != "tensorflow", reason="written and read on TensorFlow here")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory):
    changes = ["data={use: synthetic, examples: 200, shape: [8, 8, 1]}", "pretext=[to_float]"]
    changes += ["model={use: autoencoder, latent_dim: 3}", "optimizer=adam"]
    changes += ["evaluate=[]", "fit.epochs=1"]
    return load_run(fit(load("autoencoder_mnist", changes), root=tmp_path_factory.mktemp("runs")))


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("keras", "encoder.keras"),
        pytest.param("savedmodel", "encoder", marks=NO_SAVEDMODEL),
        pytest.param("onnx", "encoder.onnx", marks=NO_ONNX),
    ],
)
def test_says_the_same_as_the_source(loaded, tmp_path, to, name):
    if to == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    assert module.export(loaded, to, tmp_path / name) == pytest.approx(1.0, abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    images = np.asarray(loaded.test.arrays(limit=5)["image"], "float32")
    again = module._READERS[to](tmp_path / name, images)
    np.testing.assert_allclose(again, loaded.model.embed(images), atol=1e-5)


def test_another_encoder_is_not_left_behind(loaded, tmp_path, monkeypatch):
    monkeypatch.setitem(module._READERS, "keras", lambda path, inputs: -np.ones((len(inputs), 3)))
    with pytest.raises(RunError, match="the exported encoder is another one"):
        module.export(loaded, "keras", tmp_path / "encoder.keras")
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs onnxruntime.*kssl\[export\]|on JAX"):
        module.export(loaded, "onnx", tmp_path / "encoder.onnx")


def test_the_smallest_cosine_counts():
    rows = np.eye(3)
    assert module._smallest_cosine(rows, 2 * rows) == pytest.approx(1)
    assert module._smallest_cosine(rows, rows[[0, 1, 1]]) == pytest.approx(0)
    assert module._smallest_cosine(np.zeros((2, 3)), np.zeros((2, 3))) == 1
