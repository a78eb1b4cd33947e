"""Reconstruction errors whose value is known, and denoising against its twin."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kssl
from kssl.errors import RunError
from kssl.evaluation import Skipped, denoising, reconstruction
from kssl.evaluation.base import digest, flat


@pytest.fixture
def denoiser(task: Any) -> Any:
    """A small denoising autoencoder after 30 epochs on the blobs, as a task."""
    keras.utils.set_random_seed(0)
    task.model, task.untrained = (
        kssl.models.DenoisingAutoEncoder(
            latent_dim=3,
            encoder=kssl.layers.MLP([16]),
            decoder=kssl.layers.MLP([16]),
            amount=0.5,
        )
        for _ in range(2)
    )
    for model in (task.model, task.untrained):
        model.build((None, 4, 4, 1))
    task.fit.epochs = 30
    task.model.compile(task.optimizer())
    task.model.fit(task.train.train(), epochs=30, verbose=0)
    return task


def test_a_model_that_is_pca_scores_as_pca(task: Any, linear_coder: Any) -> None:
    rows = flat(task.train.image)
    mean = rows.mean(axis=0)
    _, values, components = np.linalg.svd(rows - mean, full_matrices=False)
    task.model = linear_coder(mean, components[:2].T)
    task.test = task.train  # then the answers are sums of singular values
    (result,) = reconstruction()(task)
    assert result.better == "lower"
    assert result.value == pytest.approx((values[2:] ** 2).sum() / len(rows), rel=1e-4)
    assert result.baselines["PCA"] == pytest.approx(result.value, rel=1e-4)
    assert result.baselines["mean image"] == pytest.approx((values**2).sum() / len(rows), rel=1e-4)
    assert result.settings["width"] == 2


def test_a_model_that_cannot_reconstruct_is_skipped(task: Any) -> None:
    task.model = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(Skipped, match="reconstructs its input .* Sequential is not one"):
        reconstruction()(task)


def test_denoising_beats_the_noise_and_knows_how_much_there_was(denoiser: Any) -> None:
    before = digest(denoiser.model)
    (result,) = denoising(plain=False)(denoiser)
    # Gaussian noise of deviation 0.5 on 16 pixels: 4 on average, 100 images scatter by 0.14
    assert result.baselines["corrupted input"] == pytest.approx(0.5**2 * 16, abs=0.6)
    assert result.value < result.baselines["corrupted input"]
    assert result.value < result.baselines["untrained"]
    assert "plain twin" not in result.baselines
    assert (result.settings["noise"], result.settings["amount"]) == ("gaussian", 0.5)
    assert digest(denoiser.model) == before


def test_the_twin_is_trained_alike_without_noise(denoiser: Any) -> None:
    with_twin = denoising()(denoiser)[0]
    again = denoising()(denoiser)[0]
    assert with_twin.baselines == again.baselines  # noise and twin are seeded
    assert with_twin.value < with_twin.baselines["plain twin"] < with_twin.baselines["untrained"]
    other = denoising(plain=False, seed=1)(denoiser)[0]
    assert other.baselines["corrupted input"] != with_twin.baselines["corrupted input"]


def test_another_amount_of_noise(denoiser: Any) -> None:
    none = denoising(amount=0.0, plain=False)(denoiser)[0]
    assert none.baselines["corrupted input"] == 0.0
    assert none.settings["amount"] == 0.0
    assert none.value == pytest.approx(reconstruction()(denoiser)[0].value, rel=1e-5)


def test_denoising_needs_a_model_that_corrupts(task: Any) -> None:
    with pytest.raises(Skipped, match="denoising: .*undo a corruption"):
        denoising()(task)


def test_the_twin_needs_to_know_how_the_model_was_trained(denoiser: Any) -> None:
    denoiser.optimizer = None
    with pytest.raises(RunError, match="plain: false"):
        denoising()(denoiser)
