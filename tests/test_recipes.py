"""Every recipe that is shipped: right as it stands, trains, and gives the number that it says."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest

from kssl.data import Unavailable
from kssl.plugins import offered
from kssl.recipe import load
from kssl.runs.train import fit

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
RECIPES = sorted(FOLDER.rglob("*.yaml"))
# Enough to train two steps of any recipe on any machine; text comes from the recipe's stand-in.
QUICK = ["fit.epochs=1", "fit.steps_per_epoch=2", "precision=float32", "evaluate=[]"]
# Validation takes the whole of its split: few examples, in few batches.
IMAGES = "data={use: synthetic, examples: 64}"
LARGE_IMAGES = "data={use: synthetic, examples: 64, shape: [32, 32, 3]}"
SMALL_TEXT = ["model.depth=1", "model.width=16", "model.heads=2", "fit.batch_size=64"]
SMALLER = {
    "bert_news": SMALL_TEXT,
    "bert_wikipedia_gpu": SMALL_TEXT,
    "diffusion_cifar10_gpu": [
        LARGE_IMAGES,
        "model.network.filters=[8, 16]",
        "model.network.blocks=1",
        "fit.batch_size=16",
        "callbacks=[]",
    ],
    "diffusion_mnist": [
        IMAGES,
        "model.network.filters=[8, 16]",
        "fit.batch_size=16",
        "callbacks=[]",
    ],
    "gpt_shakespeare": SMALL_TEXT,
    "gpt_shakespeare_gpu": [*SMALL_TEXT, "callbacks=[]"],
    "mae_cifar10_gpu": [
        LARGE_IMAGES,
        "model.encoder.depth=1",
        "model.decoder.depth=1",
        "fit.batch_size=16",
    ],
    "deep_cluster_fashion": [IMAGES, "fit.batch_size=16", "model.clusters=[4, 5]"],
    "deep_cluster_v1_fashion": [IMAGES, "fit.batch_size=16", "model.clusters=5"],
    "mae_fashion": [IMAGES, "model.encoder.depth=1", "fit.batch_size=16"],
    "simclr_cifar10_gpu": [LARGE_IMAGES, "model.encoder.width=4", "fit.batch_size=16"],
    **{
        f"{method}_fashion": [IMAGES, "fit.batch_size=16"]
        for method in (
            *("simclr", "byol", "simsiam", "moco", "moco_v3", "dino", "swav", "nnclr", "lejepa"),
            *("barlow_twins", "vicreg", "instance", "rotation", "jigsaw"),
            "counting",
        )
    },
    **{
        f"{method}_cifar10": [LARGE_IMAGES, "fit.batch_size=16"]
        for method in ("colorization", "split_brain")
    },
}


def test_all_recipes_are_offered_by_name():
    own = {name for name, part in offered("recipes").items() if part.owner == "kssl"}
    assert own == {path.stem for path in RECIPES}
    assert len(RECIPES) == 33


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_right_and_says_how_it_is_run(path):
    load(path).check()
    head = "".join(line for line in path.read_text().splitlines(True) if line.startswith("#"))
    assert f"kssl fit recipes/{path.stem}.yaml" in head
    assert re.search(r"arXiv:|doi:|JMLR", head), "the head comment names no paper"
    assert re.search(r"\d (minutes|seconds)", head), "the head comment says no time"


# Those that are another's method in another size, or another method of the same kind.
ALIKE = {"byol_fashion", "simsiam_fashion", "dino_fashion", "simclr_fashion", "jigsaw_fashion"}
ALIKE |= {"moco_v3_fashion", "nnclr_fashion", "barlow_twins_fashion", "vicreg_fashion"}
ALIKE |= {"lejepa_fashion", "denoising_autoencoder_mnist", "autoencoder_mnist"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            marks=pytest.mark.slow if path.stem in ALIKE or path.stem.endswith("gpu") else (),
            id=path.stem,
        )
        for path in RECIPES
    ],
)
def test_a_recipe_trains_two_steps(path, tmp_path, monkeypatch, no_figures):
    monkeypatch.delenv("KSSL_DATA_DIR", raising=False)
    # To compile takes longer than two steps; JAX has no other way to take them.
    plain = ["jit=false"] if keras.backend.backend() == "tensorflow" else []
    run = fit(load(path, [*QUICK, *plain, *SMALLER.get(path.stem, [IMAGES])]), root=tmp_path)
    assert run.status == "finished"
    assert run.name == f"{path.stem}/1"


def test_one_folder_of_data_serves_all_recipes(shared_data, monkeypatch, tmp_path):
    """Everywhere the data itself is found; no downloads, no stand-ins."""
    monkeypatch.setenv("KSSL_DATA_DIR", str(shared_data))
    monkeypatch.setattr("kssl.data.sources.tfds_builder.answers", lambda _: "not in a test")
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = {}
    for path in RECIPES:
        recipe = load(path)
        settings = recipe.data_settings()
        if settings.get("vocabulary"):  # letters are made quickly
            recipe = load(path, ["data.vocabulary={kind: characters}", "data.rows=packed"])
        key = str(settings | {"stand_in": None, "length": None})
        if key not in found:
            found[key] = path.stem == "bert_wikipedia_gpu" or recipe.dataset("test")
    # The articles of Wikipedia are the one data set that such a folder does not have.
    with pytest.raises(Unavailable, match="there is no 'wikipedia', and wikipedia/20230601.en can"):
        load("bert_wikipedia_gpu").dataset("test")


def measured(name, folder, root, monkeypatch):
    """Train a recipe as it stands on the data of a folder; return its results."""
    monkeypatch.setenv("KSSL_DATA_DIR", str(folder))
    run = fit(load(name), root=root, allow_stand_in=False)
    return run.read_json("results.json")["results"]


def one(results, name, metric=""):
    """The result of an evaluation whose metric begins so."""
    (found,) = [
        each for each in results if each["name"] == name and each["metric"].startswith(metric)
    ]
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_gpt_shakespeare_reaches_its_number(shared_data, tmp_path, monkeypatch):
    results = measured("gpt_shakespeare", shared_data, tmp_path, monkeypatch)
    assert one(results, "perplexity", "nats per token")["value"] <= 1.88


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_simclr_fashion_is_above_its_baselines(shared_data, tmp_path, monkeypatch):
    results = measured("simclr_fashion", shared_data / "tfds", tmp_path, monkeypatch)
    for name in ("knn", "linear"):
        result = one(results, name)
        assert result["value"] > max(result["baselines"].values()), result


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_mae_fashion_needs_fewer_labels(shared_data, tmp_path, monkeypatch):
    results = measured("mae_fashion", shared_data / "tfds", tmp_path, monkeypatch)
    result = one(results, "finetune", "accuracy, 1 % of the labels")
    assert result["value"] >= result["baselines"]["from scratch"] + 0.02


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_bert_news_reads_the_words_around_a_gap(shared_data, tmp_path, monkeypatch):
    results = measured("bert_news", shared_data, tmp_path, monkeypatch)
    masked = one(results, "masked_accuracy", "accuracy")
    assert masked["value"] >= 3 * masked["baselines"]["most frequent token"]
    for data in ("ag_news", "sst2"):
        result = one(results, "finetune_classification", f"accuracy on {data}")
        assert result["value"] > result["baselines"]["from scratch"], result


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_diffusion_mnist_draws_digits(shared_data, tmp_path, monkeypatch):
    results = measured("diffusion_mnist", shared_data / "tfds", tmp_path, monkeypatch)
    assert one(results, "sample_quality", "Fréchet distance")["value"] < 15
    assert one(results, "sample_quality", "recognised as their class")["value"] >= 0.95


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_vae_mnist_reaches_its_number(shared_data, tmp_path, monkeypatch):
    results = measured("vae_mnist", shared_data / "tfds", tmp_path, monkeypatch)
    (bound,) = [each for each in results if "200-sample" in each["metric"]]
    assert bound["value"] <= 95.0
    assert bound["settings"]["binarization"].startswith("dynamic")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_autoencoder_mnist_beats_pca(shared_data, tmp_path, monkeypatch):
    results = measured("autoencoder_mnist", shared_data / "tfds", tmp_path, monkeypatch)
    error = one(results, "reconstruction")
    assert error["value"] < error["baselines"]["PCA"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_denoising_autoencoder_mnist_beats_noise_and_plain_twin(shared_data, tmp_path, monkeypatch):
    results = measured("denoising_autoencoder_mnist", shared_data / "tfds", tmp_path, monkeypatch)
    error = one(results, "denoising")
    assert error["value"] < min(error["baselines"].values())


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_triplet_mnist_reaches_its_precision(shared_data, tmp_path, monkeypatch):
    results = measured("triplet_mnist", shared_data / "tfds", tmp_path, monkeypatch)
    assert [each["settings"]["bank"] for each in results] == ["test", "train"]
    for each in results:
        assert each["settings"]["queries"] == 10_000
        assert each["value"] >= 0.98 > max(each["baselines"].values())
