"""The metric model: labels where they belong, in Keras and in a recipe, and with any loss."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kssl
from kssl import losses
from kssl.errors import UserError
from kssl.evaluation import nearest_neighbours
from kssl.layers import MLP, ConvEncoder
from kssl.models import AutoEncoder, Metric, run
from kssl.recipe import load
from kssl.runs import dry_run
from kssl.runs.directory import Run
from kssl.runs.train import fit, prepare

LOSSES = {
    "triplet": None,
    "contrastive": losses.Contrastive,
    "lifted_structured": losses.LiftedStructured,
    "n_pair": partial(losses.NPair, l2_reg=0.002),
    "soft_nearest_neighbor": partial(losses.SoftNearestNeighbor, 0.2),
    "supervised_contrastive": losses.SupervisedContrastive,
}
RECIPE = """
data: {use: digits}
pretext: [to_float]
model: {use: metric, embedding_dim: 8, encoder: {use: mlp, units: [32]}}
fit: {batch_size: 64, epochs: 1, steps_per_epoch: 2}
evaluate: [retrieval]
"""


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images[:640].reshape(-1, 8, 8, 1) / 16).astype("float32"), labels[:640]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "metric.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("metric")
    (folder / "metric.yaml").write_text(RECIPE)
    return fit(load(folder / "metric.yaml"), root=folder / "runs")


def precision(model: Metric, images: np.ndarray, labels: np.ndarray) -> float:
    """Precision@1 among the images themselves."""
    nearest = nearest_neighbours(run(model, "embed", images))[:, 0]
    return float(np.mean(labels[nearest] == labels))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_labels_brings_classes_together(name: str, digits: Any) -> None:
    keras.utils.set_random_seed(0)
    loss = LOSSES[name]
    free = name in ("lifted_structured", "n_pair")
    images, labels = digits
    train, test = (images[:512], labels[:512]), (images[512:], labels[512:])
    model = Metric(MLP([64]), 8, not free, loss() if loss else None)
    model.build(images.shape)
    before = precision(model, *test)
    model.compile(keras.optimizers.Adam(5e-3))
    history = model.fit(*train, batch_size=128, epochs=10, verbose=0).history["loss"]
    assert history[-1] < history[0]
    after = precision(model, *test)
    assert after > 0.9 and after > before


def test_embeddings_have_norm_1_only_where_asked(digits: Any) -> None:
    images, _ = digits
    unit, free = Metric(embedding_dim=4), Metric(embedding_dim=4, normalize=False)
    for model in (unit, free):
        model.build(images.shape)
    norms = np.linalg.norm(run(unit, "embed", images), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)
    assert np.linalg.norm(run(free, "embed", images), axis=1).std() > 1e-3
    assert (unit.loss.margin, free.loss.margin) == (0.2, 1.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(free.embed(0 * images[:1])), 0.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(unit.embed(0 * images[:1])), 0.0)


def test_labels_are_targets_or_part_of_the_dict(digits: Any) -> None:
    images, labels = digits
    model = Metric(embedding_dim=4)
    model.compile("sgd")
    parts = model.evaluate({"image": images, "label": labels}, batch_size=64, verbose=0)
    assert parts == pytest.approx(model.evaluate(images, labels, batch_size=64, verbose=0))
    column = model.evaluate(images, labels[:, None], batch_size=64, verbose=0)
    assert parts == pytest.approx(column)
    shuffled = np.random.RandomState(0).permutation(labels)
    assert model.evaluate(images, shuffled, batch_size=64, verbose=0) != pytest.approx(parts)
    embedding = ops.convert_to_numpy(model.embed({"image": images[:5], "label": labels[:5]}))
    np.testing.assert_array_equal(embedding, ops.convert_to_numpy(model.embed(images[:5])))


def test_the_loss_is_that_of_the_labels_and_the_embeddings(digits: Any) -> None:
    images, labels = digits[0][:64], digits[1][:64]
    model = Metric(embedding_dim=4, loss=losses.SupervisedContrastive(0.3))
    model.compile("sgd")
    weights = np.random.RandomState(0).rand(64).astype("float32")
    found = model.evaluate(images, labels, sample_weight=weights, batch_size=64, verbose=0)
    embedding = model.embed(images)
    wanted = losses.SupervisedContrastive(0.3)(ops.array(labels), embedding, weights)
    assert found == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_trains_in_mixed_precision(policy: str, digits: Any) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        model = Metric(MLP([32]), 8)
        model.compile("adam")
        history = model.fit(*digits, batch_size=64, epochs=3, verbose=0).history["loss"]
        assert np.isfinite(history).all() and history[-1] < history[0]
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda x, y: Metric().fit(x), "trained on labels, and there are none: fit"),
        (lambda x, y: Metric().fit({"image": x}), "trained on labels, and there are none: fit"),
        (lambda x, y: Metric().fit((x * 255).astype("uint8"), y), "got uint8: divide bytes"),
        (lambda x, y: Metric(embedding_dim=0), "embedding_dim must be at least 1; got 0"),
        (lambda x, y: Metric().compile("adam", loss="mse"), "pass loss= to the constructor"),
    ],
)
def test_refusals_say_what_was_expected(act: Any, message: str, digits: Any) -> None:
    original = Metric.fit

    def compiled_fit(self: Metric, *args: Any) -> Any:
        self.compile("adam")
        return original(self, *args, verbose=0)

    Metric.fit = compiled_fit
    try:
        with pytest.raises(ValueError, match=message):
            act(*digits)
    finally:
        Metric.fit = original


def test_a_recipe_trains_it_on_labels_and_the_record_says_so(trained: Run) -> None:
    assert trained.read_json("environment.json")["data"]["labels_in_training"] is True
    (result,) = trained.read_json("results.json")["results"]
    assert result["metric"] == "precision@1 among the other test images"
    assert "the encoder was trained on the labels of the training split" in result["note"]
    assert "trained on labels" in trained.file("report.html").read_text()
    captions = {e["title"]: e["caption"] for e in trained.read_json("figures/figures.json")}
    assert "never saw" not in captions["Embedding map"]
    assert "of the same class" in captions["Nearest neighbours"]


def test_an_encoder_file_and_a_model_file_load_where_only_kssl_is_imported(
    trained: Run, tmp_path: Path
) -> None:
    images = np.random.RandomState(0).rand(4, 28, 28, 1).astype("float32")
    model = keras.models.load_model(trained.file("model.keras"))
    np.savez(tmp_path / "x.npz", images=images, embedding=run(model, "embed", images))
    code = (
        "import sys, kssl, keras, numpy as np; folder, run = sys.argv[1:];"
        "stored = np.load(folder + '/x.npz');"
        "files = [f'{run}/{name}.keras' for name in ('model', 'encoder')];"
        "model, encoder = map(keras.models.load_model, files);"
        "found = [keras.ops.convert_to_numpy(each) for each in"
        " (model.embed(stored['images']), encoder(stored['images']))];"
        "[np.testing.assert_allclose(each, stored['embedding'], atol=1e-5) for each in found];"
        "print(model.loss.margin, model.normalize)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(trained.path)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == ["0.2", "True"]


def test_data_without_labels_is_refused_before_anything_is_written(
    recipe: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "plain.npy", np.zeros((40, 8, 8, 1), "uint8"))
    unlabelled = f"data={{use: arrays, path: {tmp_path}/plain.npy}}"
    with pytest.raises(UserError, match="trained on labels, and arrays has no .*'label'.*train"):
        fit(load(recipe, [unlabelled, "evaluate=[]"]), root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_other_models_never_see_labels(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    original = AutoEncoder.call

    def call(self: Any, inputs: Any, training: bool = False) -> Any:
        seen.append(set(inputs) if isinstance(inputs, dict) else {"image"})
        return original(self, inputs, training=training)

    monkeypatch.setattr(AutoEncoder, "call", call)
    other = load(recipe, ["model={use: autoencoder, latent_dim: 2}", "evaluate=[]"])
    dry_run(other)
    assert seen and all("label" not in keys for keys in seen)
    assert prepare(other).data.record()["labels_in_training"] is False
    assert np.isfinite(dry_run(load(recipe, ["evaluate=[]"]))["loss"])


def test_it_takes_the_encoders_of_others(digits: Any) -> None:
    images, labels = digits
    own = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()])
    for encoder in (own, ConvEncoder([2, 4])):
        model = kssl.models.Metric(encoder, 6)
        model.compile("adam")
        model.fit(images, labels, batch_size=64, verbose=0)
        assert run(model, "embed", images[:3]).shape == (3, 6)
