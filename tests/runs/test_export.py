"""Exported encoders say what the trained one says, or they are not exported."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kssl import modalities
from kssl.data import Pipeline
from kssl.errors import RunError, UserError
from kssl.models import Model
from kssl.recipe import load
from kssl.runs.load import load as load_run
from kssl.runs.train import fit

module = import_module("kssl.runs.export")
BACKEND = keras.backend.backend()
NO_SAVEDMODEL = pytest.mark.skipif(BACKEND == "torch", reason="Keras writes none on torch")
NO_ONNX = [
    pytest.mark.skipif(BACKEND != "tensorflow", reason="tried on TensorFlow"),
    pytest.mark.skipif(find_spec("tf2onnx") is None, reason="needs tf2onnx"),
    pytest.mark.skipif(find_spec("onnxruntime") is None, reason="needs onnxruntime"),
]
SAVEDMODEL = pytest.param("savedmodel", marks=NO_SAVEDMODEL)
ONNX = pytest.param("onnx", marks=NO_ONNX)


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
    assert module.export(loaded, to, tmp_path / name) == pytest.approx(1.0, abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    images = np.asarray(loaded.test.arrays(limit=5)["image"], "float32")
    again = module._READERS[to](tmp_path / name, images)
    np.testing.assert_allclose(again, loaded.model.embed(images), atol=1e-5)


RANDOM = np.random.default_rng(0)
COLUMNS = {
    "numeric": RANDOM.normal(size=(20, 3)).astype("float32"),
    "categorical": RANDOM.integers(0, 4, (20, 2)).astype("int32"),
    "label": np.arange(20),
}


class Rows(Model):
    """A dense layer on the columns of a table, the categorical ones as one-hot values."""

    modality = modalities.Table()

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        widths = {key: width for key, (width,) in self.example_shape.items()}
        self.dense = keras.layers.Dense(4)
        self.dense.build((None, widths["numeric"] + 4 * widths.get("categorical", 0)))
        self.built = True

    def embed(self, x: Any) -> Any:
        x = self.modality.pick(x)
        parts = [x["numeric"]]  # (batch, columns)
        if "categorical" in x:
            values = keras.ops.one_hot(x["categorical"], 4)  # (batch, columns, 4)
            parts.append(keras.ops.reshape(values, (-1, 4 * values.shape[1])))
        return self.dense(keras.ops.concatenate(parts, axis=1))


@pytest.mark.parametrize("columns", [("numeric", "categorical"), ("numeric",)], ids=" ".join)
@pytest.mark.parametrize("to", [SAVEDMODEL, ONNX])
def test_a_dictionary_is_what_the_exported_encoder_takes(tmp_path, to, columns):
    given = {key: COLUMNS[key] for key in columns}
    data = tf.data.Dataset.from_tensor_slices(given | {"label": COLUMNS["label"]})
    run = SimpleNamespace(model=Rows(), test=Pipeline(data))
    run.model.build({key: (None, *values.shape[1:]) for key, values in given.items()})
    path = tmp_path / f"encoder{module.ENDINGS[to]}"
    assert module.export(run, to, path) == pytest.approx(1.0, abs=1e-6)
    # The keys in another order, and a batch of another size than the one it was compared with.
    few = {key: given[key][:3] for key in reversed(columns)}
    np.testing.assert_allclose(module._READERS[to](path, few), run.model.embed(few), atol=1e-5)


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
