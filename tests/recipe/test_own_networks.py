"""Networks of one's own as encoders: of keras.applications, and of a module beside the recipe."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kssl
from kssl.cli.common import use_modules
from kssl.recipe import RecipeError, load

MODULE = """
import keras


def network(width: int = 4) -> keras.Model:
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Dense(width)(keras.layers.Flatten()(image)))
"""


def test_keras_applications_say_which_weights_are_meant() -> None:
    name = "keras.applications:MobileNetV2"
    with pytest.raises(RecipeError) as refused:  # before anything is downloaded
        load("simclr_cifar10_gpu", [f"model.encoder={name}"]).check()
    told = str(refused.value)
    assert "needs 'weights': null for a network that has learned nothing yet" in told
    assert "needs 'include_top: false'" in told
    settings = "weights: null, include_top: false, pooling: avg, input_shape: [32, 32, 3]"
    recipe = load("simclr_cifar10_gpu", [f"model.encoder={{use: {name}, {settings}}}"])
    recipe.check()
    (model,) = recipe.settings_of("model")
    assert model["encoder"]["weights"] is None and model["encoder"]["input_shape"] == [32, 32, 3]
    assert "weights:\n" in recipe.resolved()  # null is written down, and read back


def test_a_module_beside_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_networks_of_a_test.py").write_text(MODULE)
    np.savez(tmp_path / "x.npz", x=np.zeros((20, 8, 8, 3), np.uint8))
    text = Path(str(load("autoencoder_mnist").path)).read_text()
    (tmp_path / "mine.yaml").write_text(text)
    changes = [
        f"data={{use: arrays, path: {tmp_path / 'x.npz'}}}",
        "model={use: simclr, encoder: {use: my_networks_of_a_test:network, width: 6}}",
        "pretext=[to_float, {use: two_views, preset: small}]",
        "evaluate=[]",
    ]
    with pytest.raises(RecipeError, match="of your own is found in the folder of the recipe"):
        load(tmp_path / "mine.yaml", changes).check()
    use_modules(tmp_path / "mine.yaml")
    assert sys.path[-2:] == [str(tmp_path), str(Path.cwd())] or sys.path[-1] == str(tmp_path)
    model = kssl.runs.prepare(load(tmp_path / "mine.yaml", changes)).model
    assert isinstance(model.encoder, keras.Model)
    assert model.embed(np.zeros((2, 8, 8, 3), "float32")).shape == (2, 6)


def test_text_is_text_where_text_is_wanted() -> None:
    """A column may be called as a part is: `text`, `images`, `digits`."""
    corpus = "{path: news.jsonl, field: text, label: images}"
    recipe = load("bert_news", [f"data.corpus={corpus}"])
    recipe.check()
    (settings,) = recipe.settings_of("data")
    assert settings["corpus"] == {"path": "news.jsonl", "field": "text", "label": "images"}
    changes = ["data={use: text, path: digits, field: text, label: captions}"]
    recipe = load("bert_news", changes)
    recipe.check()
    assert recipe.settings_of("data")[0] == {
        "path": "digits",
        "field": "text",
        "label": "captions",
    }
