"""A model of each modality trains two steps on data of tensorflow-datasets."""

from __future__ import annotations

from pathlib import Path

import pytest

from kssl.recipe import load
from kssl.runs.train import fit

FEW = "jit: false\nfit: {epochs: 1, steps_per_epoch: 2, batch_size: 4}\n"
RECIPES = {
    "audio": """
data: {use: audio, path: {tfds: spoken_digit}, length: 400}
model: {use: autoencoder, modality: audio, latent_dim: 2}
evaluate: [{use: knn, k: 1}]
""",
    "video": """
data:
  use: video
  path:
    tfds: moving_mnist
    splits: {train: "test[:8]", validation: "test[8:10]", test: "test[10:]"}
  shape: [5, 8, 8]
pretext: [{use: to_float, key: video}]
model: {use: autoencoder, modality: video, latent_dim: 2}
evaluate: []
""",
    "table": """
data: {use: tabular, path: {tfds: titanic, missing: [-1, Unknown]}, label: survived}
pretext: [one_hot]
model: {use: autoencoder, modality: table, latent_dim: 2}
evaluate: [{use: knn, k: 1}]
""",
    "captions": """
data: {use: captions, path: {tfds: coco_captions}, size: 8}
pretext: [to_float]
model: {use: autoencoder, modality: image, latent_dim: 2}
evaluate: []
""",
    "tokens": """
data:
  use: tokens
  corpus: {path: {tfds: ag_news_subset, keys: {text: description}}}
  vocabulary: {kind: words}
  length: 16
  rows: sentences
pretext: [mask_tokens]
model: {use: bert, depth: 1, heads: 2, width: 8}
evaluate: []
""",
}


QUICK = ("table", "video")  # tests/test_modalities_end_to_end.py trains each modality


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in RECIPES],
)
def test_two_steps(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_figures: None
) -> None:
    monkeypatch.setenv("KSSL_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / f"{kind}.yaml"
    file.write_text(RECIPES[kind] + FEW)
    run = fit(load(file), root=tmp_path)
    assert run.status == "finished"
    results = run.read_json("results.json")["results"]
    assert [each["name"] for each in results] == ["knn"] * ("knn" in RECIPES[kind])
    data = run.read_json("data.json")
    assert data["stand_in_for"] is None
    assert "of tensorflow-datasets" in data["found"][0] or kind == "table"
