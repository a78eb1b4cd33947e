"""What a finished run gives out: embeddings in files, and images by the model's own settings."""

from __future__ import annotations

import csv
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kssl
from kssl import trained
from kssl.errors import UserError
from kssl.models import run as run_method
from kssl.recipe import load
from kssl.runs.directory import Run
from kssl.runs.train import fit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    changes = ["data=digits", "pretext=[to_float]", "model={use: vae, latent_dim: 3}"]
    changes += ["optimizer=adam", "evaluate=[]", "callbacks=[]", "fit={batch_size: 64, epochs: 1}"]
    return fit(load("vae_mnist", changes), root=tmp_path_factory.mktemp("runs"))


def test_embeddings_are_those_of_the_model_in_either_file(run: Run, tmp_path: Path) -> None:
    from pyarrow import parquet

    arrays = np.load(trained.embed(run, tmp_path / "digits.npz"))
    table = parquet.read_table(trained.embed(run, tmp_path / "digits.parquet"))
    loaded = trained.load(run)
    test = loaded.test.arrays()
    expected = run_method(loaded.model, "embed", test["image"])
    np.testing.assert_allclose(arrays["embeddings"], expected, atol=1e-6)
    np.testing.assert_array_equal(arrays["labels"], test["label"])
    assert table.column_names == ["embedding", "label", "name", "split"]
    np.testing.assert_array_equal(np.array(table["embedding"].to_pylist()), arrays["embeddings"])
    assert table["label"].to_pylist() == test["label"].tolist()
    with trained.embed(run, tmp_path / "digits.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    assert lines[0] == ["name", "split", "label", "e0", "e1", "e2"]
    assert [row[:3] for row in lines[1:]] == [
        [name, "test", str(label)]
        for name, label in zip(arrays["names"], test["label"], strict=True)
    ]
    numbers = np.array([row[3:] for row in lines[1:]], "float32")
    np.testing.assert_array_equal(numbers, arrays["embeddings"])


def test_only_what_is_needed_is_read(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    from kssl.data import pipeline

    read: list[int] = []

    def read_all(dataset: Any) -> Any:
        read.append(int(dataset.cardinality()))
        return whole(dataset)

    whole = pipeline.read_all
    monkeypatch.setattr(pipeline, "read_all", read_all)
    sizes = run.read_json("data.json")["examples"]
    loaded = trained.load(run, splits=())
    trained.sample_images(loaded, tmp_path / "drawn.png", 4)
    assert read == []
    trained.embed(run, tmp_path / "test.npz")
    assert read == [sizes["test"]]
    trained.embed(run, tmp_path / "all.npz", split="all")
    assert sorted(read[1:]) == sorted(sizes.values())


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("digits.tsv", "test", r"must end in \.npz, \.parquet, \.csv"),
        ("digits.npz", "tset", "there is no split 'tset'; there is: train, validation, test"),
    ],
)
def test_what_cannot_be_embedded_leaves_no_file(
    run: Run, tmp_path: Path, name: str, split: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        trained.embed(run, tmp_path / name, split=split)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("{use: vae, latent_dim: 3}", {"guidance": 3.0}, "VAE does not generate by guidance"),
        ("{use: metric, encoder: mlp}", {}, "Metric does not generate"),
    ],
)
def test_a_model_that_cannot_draw_so_says_it(
    tmp_path: Path, model: str, settings: dict[str, Any], message: str
) -> None:
    recipe = load("vae_mnist", [f"model={model}"])
    loaded = trained.Loaded(recipe, None, recipe.build("model"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        trained.sample_images(loaded, tmp_path / "samples.png", 4, **settings)


def test_a_model_is_asked_for_its_samplers_and_uses_the_chosen_one(tmp_path: Path) -> None:
    from kssl import runs
    from kssl.models import Diffusion

    model = Diffusion(kssl.layers.UNet([8], blocks=1))
    model.build((None, 8, 8, 1))
    loaded = trained.Loaded(load("vae_mnist"), None, model)  # type: ignore[arg-type]
    can = runs.sampling(loaded)
    assert can.samplers == ("ddim", "ddpm", "heun") and not can.as_text
    assert {"labels", "guidance", "steps", "sampler"} <= set(can.options)
    files = [
        trained.sample_images(loaded, tmp_path / f"{name}.png", 2, 0, steps=3, sampler=name)
        for name in can.samplers
    ]
    assert len({file.read_bytes() for file in files}) == 3
    with pytest.raises(UserError, match="sampler must be one of ddim, ddpm, heun.*got 'greedy'"):
        trained.sample_images(loaded, tmp_path / "greedy.png", 2, 0, sampler="greedy")


def test_what_is_generated_and_no_picture_is_drawn_as_its_modality_does(tmp_path: Path) -> None:
    model = kssl.models.AutoEncoder(latent_dim=2, modality="audio")
    model.build((None, 64))
    pipeline = types.SimpleNamespace(vocabulary=None)
    data = types.SimpleNamespace(train=pipeline)
    loaded = trained.Loaded(load("vae_mnist"), data, model)  # type: ignore[arg-type]
    path = trained.sample_images(loaded, tmp_path / "sounds.png", 4, seed=0)
    assert path.read_bytes().startswith(b"\x89PNG")
