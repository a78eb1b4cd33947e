"""A run directory with everything that a report may show, and a model on real digits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kssl.runs.directory import Run

RECIPE = """\
# A <b>recipe</b> & its "comment" <script>alert(1)</script>
seed: 0
data: {use: mnist, stand_in: digits}
model: {use: vae, latent_dim: 2}
fit: {batch_size: 128, epochs: 12}
"""
RESULT = {
    "name": "knn",
    "metric": "accuracy",
    "value": 0.9714,
    "better": "higher",
    "baselines": {"untrained": 0.61, "pixels": 0.95, "majority class": 0.1},
    "settings": {"k": 20, "temperature": None, "weights_sha256": "0123456789abcdef"},
    "note": "a note",
}
LOSS = {
    "name": "log_likelihood",
    "metric": "-log p(x) in nats",
    "value": 106.2,
    "better": "lower",
    "baselines": {"untrained": 543.0, "independent pixels": 99.5},
    "settings": {"samples": 200},
    "note": "",
}


class PcaModel(keras.Model):
    """PCA as a model with a two-dimensional latent: what a figure needs, and nothing else."""

    latent_dim = 2

    def __init__(self, mean: np.ndarray, components: np.ndarray) -> None:
        super().__init__()
        self.mean = self.add_weight(shape=mean.shape, name="mean")
        self.components = self.add_weight(shape=components.shape, name="components")
        self.built = True
        self.set_weights([mean, components])

    def embed(self, x: Any) -> Any:
        rows = keras.ops.reshape(x, (-1, 64)) - self.mean
        return keras.ops.matmul(rows, keras.ops.transpose(self.components))

    def decode(self, latent: Any) -> Any:
        rows = keras.ops.matmul(latent, self.components) + self.mean
        return keras.ops.reshape(rows, (-1, 8, 8, 1))

    def reconstruct(self, x: Any) -> Any:
        return self.decode(self.embed(x))

    def generate(self, count: int, seed: int | None = None) -> Any:
        return self.decode(2.0 * keras.random.normal((count, 2), seed=seed))


class Split:
    """Real digits, 8 x 8, in memory."""

    def __init__(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        self.images, self.labels = images, labels

    vocabulary = None

    def arrays(
        self, limit: int | None = None, transformed: bool = True, **_: Any
    ) -> dict[str, np.ndarray]:
        arrays = {"image": self.images[:limit]}
        return arrays if self.labels is None else {**arrays, "label": self.labels[:limit]}


def write_metrics(run: Run, epochs: int = 12) -> None:
    """A plausible metrics.csv."""
    lines = ["epoch,seconds,loss,val_loss,kl,val_kl,learning_rate"]
    for epoch in range(1, epochs + 1):
        loss, kl = 100 + 60 * math.exp(-epoch / 3), 20 - 9 * math.exp(-epoch / 2)
        lines.append(f"{epoch},2.1,{loss},{loss + 2},{kl},{kl + 0.1},0.001")
    run.write_text("metrics.csv", "\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def fast_tsne(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two columns in place of t-SNE, which takes a second each time."""
    if "real_tsne" not in request.fixturenames:
        monkeypatch.setattr("kssl.report.latent._tsne", lambda rows, seed: rows[:, :2])


@pytest.fixture
def real_tsne() -> None:
    """Ask for this to get the real one."""


@pytest.fixture
def split() -> Split:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return Split((images[:300] / 16).astype(np.float32).reshape(-1, 8, 8, 1), labels[:300])


@pytest.fixture
def model(split: Split) -> PcaModel:
    rows = split.images.reshape(len(split.images), -1)
    mean = rows.mean(axis=0)
    return PcaModel(mean, np.linalg.svd(rows - mean, full_matrices=False)[2][:2])


@pytest.fixture
def empty_run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "vae_mnist")


@pytest.fixture
def run(empty_run: Run) -> Run:
    """A finished run on stand-in data, its figures not drawn yet."""
    data = {
        "used": "kssl.data.sources.digits:digits",
        "stand_in_for": "kssl.data.sources.tfds:mnist",
        "reason": "no network & no <copy>",
    }
    environment = {
        "command": "kssl fit vae_mnist",
        "backend": "tensorflow",
        "devices": ["cpu:0"],
        "parameters": 652824,
        "packages": {"keras": "3.15.1", "jax": None},
        "data": data,
    }
    empty_run.write_text("recipe.yaml", RECIPE)
    empty_run.write_json("environment.json", environment)
    content = {"results": [RESULT, LOSS], "skipped": ["linear: the data has no labels"]}
    empty_run.write_json("results.json", content)
    write_metrics(empty_run)
    empty_run.finish()
    return empty_run
