"""Each modality from data to an exported encoder, with a model of ten lines; one is a plugin's."""

from __future__ import annotations

import math
import sys
import types
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kssl
from kssl import modalities, plugins, runs
from kssl.models import Model
from kssl.tokenizers import train_vocabulary

PARTS = "parts_of_this_test"  # the name under which recipes find what is defined here


class Reader(Model):
    """A linear autoencoder of all values of an example, side by side."""

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        self.sizes = [math.prod(each) for each in self.modality.by_key(self.example_shape).values()]
        self.to_code, self.back = keras.layers.Dense(4), keras.layers.Dense(sum(self.sizes))
        self.to_code.build((None, sum(self.sizes)))
        self.back.build((None, 4))
        self.built = True

    def values(self, x: Any) -> Any:
        parts = zip(self.modality.by_key(self.modality.pick(x)).values(), self.sizes, strict=True)
        flat = [ops.reshape(ops.cast(part, "float32"), (-1, size)) for part, size in parts]
        return ops.concatenate(flat, axis=1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.back(self.embed(inputs))

    def embed(self, x: Any) -> Any:
        return self.to_code(self.values(x))

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        return self.average(ops.mean(ops.square(self.values(batch) - outputs), 1), sample_weight)


class ImageReader(Reader):
    modality = modalities.Image()


class TokenReader(Reader):
    modality = modalities.Tokens()


class AudioReader(Reader):
    modality = modalities.Audio()


class VideoReader(Reader):
    modality = modalities.Video()


class TableReader(Reader):
    modality = modalities.Table()


class PairReader(Reader):
    modality = modalities.Pair()


class Points(modalities.Modality):
    """Clouds of points `(points, 2)`; simple models read their means."""

    name = "points"
    keys = {"points": "float32"}
    noun = ("cloud", "coordinates")
    cell = (0.8, 0.8)

    def raw(
        self, bank: Any, test: Any, vocabulary: Any = None
    ) -> dict[str, modalities.base.Features]:
        return {"mean point": (bank.mean(axis=1), test.mean(axis=1))}

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        axes.scatter(*example.T, s=2)
        axes.set(xlim=(-3, 3), ylim=(-3, 3))


class PointReader(Reader):
    modality = Points()


TEXT = "a few plain words of one kind and then some others that stand for another class"


def made(split: str, keys: str = "audio", examples: int = 64) -> Any:
    """Two classes of recordings, of images with a text, or of clouds of points."""
    import tensorflow as tf

    random = np.random.default_rng(["train", "validation", "test"].index(split))
    label = np.arange(examples) % 2
    time = np.arange(800) / 16_000
    tones = np.sin(2 * np.pi * (300 + 900 * label[:, None]) * time + random.uniform(0, 6))
    image = 0.2 * random.random((examples, 8, 8, 3))
    image[:, :4] += 0.6 * label[:, None, None, None]
    words = random.integers(5, 13, (examples, 6)) + 8 * label[:, None]  # behind special ones
    cloud = 0.5 * random.normal(size=(examples, 12, 2)) + 2 * label[:, None, None] - 1
    known = {"audio": 0.5 * tones, "image": image, "tokens": words, "points": cloud}
    kinds = {"tokens": "int32"}
    columns = {key: known[key].astype(kinds.get(key, "float32")) for key in keys.split()}
    dataset = tf.data.Dataset.from_tensor_slices({**columns, "label": label})
    if "tokens" in columns:
        dataset.vocabulary = train_vocabulary([TEXT], "words")
    return dataset


# modality: (model, data, pretext, one of the simple models)
CASES = {
    "image": ("ImageReader", "{use: photographs, size: 12, examples: 64}", "[to_float]", "pixels"),
    "tokens": (
        "TokenReader",
        f"{{use: '{PARTS}:made', keys: tokens}}",
        "[]",
        "TF-IDF of words",
    ),
    "audio": ("AudioReader", f"'{PARTS}:made'", "[]", "log-mel statistics"),
    "video": (
        "VideoReader",
        "{use: moving_digits, frames: 4, size: 12, examples: 64}",
        "[{use: to_float, key: video}]",
        "mean frame and differences",
    ),
    "table": (
        "TableReader",
        "{use: sklearn_table, name: wine}",
        "[]",
        "scaled and one-hot columns",
    ),
    "pair": ("PairReader", f"{{use: '{PARTS}:made', keys: image tokens}}", "[]", "pixels"),
    "points": ("PointReader", f"{{use: '{PARTS}:made', keys: points}}", "[]", "mean point"),
}


@pytest.fixture(scope="module", autouse=True)
def parts() -> Any:
    """Recipes find the parts of this file under a name of their own; a plugin offers one."""
    sys.modules[PARTS] = sys.modules[__name__]
    plugin = types.ModuleType("plugin_of_points")

    @kssl.hookimpl
    def register_modalities(register: Any) -> None:
        register("points", f"{PARTS}:Points", help="Clouds of points")

    plugin.register_modalities = register_modalities
    plugins.forget()
    plugins.manager().register(plugin, name="points")
    yield
    plugins.forget()
    del sys.modules[PARTS]


@pytest.fixture(scope="module", params=CASES)
def case(request: Any, tmp_path_factory: Any) -> Any:
    """A recipe of each modality, and its finished run."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("kssl.report.latent._tsne", lambda rows, seed: rows[:, :2])  # faster
    model, data, pretext, simple = CASES[request.param]
    changes = [f"data={data}", f"pretext={pretext}", f"model='{PARTS}:{model}'", "callbacks=[]"]
    changes += ["optimizer=adam", "evaluate=[knn, linear]"]
    changes += ["fit={batch_size: 16, epochs: 1}"]
    recipe = kssl.recipe.load("autoencoder_mnist", changes)
    run = runs.fit(recipe, root=tmp_path_factory.mktemp("runs"))
    monkeypatch.undo()
    noun = globals()[model].modality.noun[0]
    return types.SimpleNamespace(
        name=request.param, recipe=recipe, run=run, simple=simple, noun=noun
    )


def test_probed_with_all_baselines(case: Any) -> None:
    written = case.run.read_json("results.json")
    assert written["skipped"] == []
    results = {each["name"]: each for each in written["results"]}
    model = f"{case.simple}, logistic regression"
    rows = {"untrained", "untrained, rescaled", "PCA", "majority class", case.simple, model}
    for probe in (results["knn"], results["linear"]):
        assert set(probe["baselines"]) >= rows
        assert all(0 <= each <= 1 for each in probe["baselines"].values())
    if case.name != "video":  # 64 clips tell too little of ten digits
        assert probe["baselines"][model] > probe["baselines"]["majority class"]


def test_drawn_in_the_report(case: Any) -> None:
    entries = case.run.read_json("figures/figures.json")
    assert [each["title"] for each in entries] == [
        "Learning curves",
        "Embedding map",
        "Nearest neighbours",
    ]
    assert not [each for each in entries if "error" in each]
    assert f"test {case.noun}s" in entries[-1]["caption"]
    page = case.run.file("report.html").read_text()
    assert page.count("data:image/png") == 2 * len(entries)  # each for light and for dark pages


def test_previewed(case: Any, tmp_path: Path) -> None:
    path = runs.preview(case.recipe, tmp_path / "preview.png")
    assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000


def test_embedded_with_labels(case: Any, tmp_path: Path) -> None:
    arrays = np.load(runs.embed(case.run, tmp_path / "embeddings.npz"))
    assert arrays["embeddings"].shape == (len(arrays["labels"]), 4)
    assert np.isfinite(arrays["embeddings"]).all() and len(np.unique(arrays["labels"])) > 1


def test_exported(case: Any, tmp_path: Path) -> None:
    cosine = runs.export(runs.load(case.run), "keras", tmp_path / "encoder.keras")
    assert cosine == pytest.approx(1.0, abs=1e-5)
    assert keras.models.load_model(tmp_path / "encoder.keras").output_shape == (None, 4)
