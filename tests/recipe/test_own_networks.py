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


IMAGES = ["data={use: synthetic, shape: [16, 16, 3], examples: 32}", "pretext=[to_float]"]
TOKENS = [
    "data={use: tokens, corpus: python_topics, vocabulary: {kind: characters}, length: 16}",
    "pretext=[mask_tokens]",
]
SMALL = "num_layers: 1, num_heads: 2, hidden_dim: 8, intermediate_dim: 8, max_sequence_length: 16"
BACKBONES = {
    "ResNetBackbone": (
        "simclr_fashion",
        "input_conv_filters: [64], input_conv_kernel_sizes: [3], stackwise_num_filters: [64], "
        "stackwise_num_blocks: [1], stackwise_num_strides: [1], block_type: basic_block, "
        "image_shape: [16, 16, 3]",
    ),
    "ViTBackbone": (
        "simclr_fashion",
        "image_shape: [16, 16, 3], patch_size: 8, num_layers: 1, num_heads: 2, hidden_dim: 8, "
        "mlp_dim: 8",
    ),
    "BertBackbone": ("bert_news", SMALL),
    "GPT2Backbone": ("bert_news", SMALL),
}


@pytest.mark.parametrize(
    "name",
    ["ResNetBackbone", "BertBackbone"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("ViTBackbone", "GPT2Backbone")],
)
def test_a_backbone_of_keras_hub_is_made_of_its_arguments_and_trained(name: str) -> None:
    base, arguments = BACKBONES[name]
    backbone = f"{{use: 'keras_hub.models:{name}', {arguments}}}"
    model = {
        "simclr_fashion": f"{{use: simclr, augment: device, encoder: {backbone}}}",
        "bert_news": f"{{use: {name[:4].rstrip('2B').lower()}, backbone: {backbone}}}",
    }[base]
    data = IMAGES if base == "simclr_fashion" else TOKENS
    short = ["evaluate=[]", "fit.batch_size=16", "fit.epochs=1", "fit.steps_per_epoch=2"]
    prepared = kssl.runs.prepare(load(base, [*data, f"model={model}", *short]))
    history = prepared.model.fit(
        prepared.data.training_batches(0, 1), steps_per_epoch=2, shuffle=False, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    made = {type(each).__name__ for each in prepared.model._flatten_layers()}
    assert name in made
    if base == "bert_news":
        assert prepared.model.vocabulary_size == prepared.data.train.vocabulary.size


def test_backbones_of_keras_hub_have_no_weights_to_say() -> None:
    name, (_, arguments) = "ResNetBackbone", BACKBONES["ResNetBackbone"]
    encoder = f"{{use: 'keras_hub.models:{name}', weights: null, {arguments}}}"
    with pytest.raises(RecipeError, match="leave 'weights' out; one that is trained already is"):
        load("simclr_fashion", [f"model={{use: simclr, encoder: {encoder}}}"]).check()


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
