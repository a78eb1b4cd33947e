"""Everything that kssl offers keeps the public contract, and is found where the catalog says."""

from __future__ import annotations

import inspect
from functools import partial

import keras
import numpy as np
import pytest

from kssl import layers, losses, models, plugins, pretext, testing

IMAGES = np.random.default_rng(0).random((8, 8, 12, 1), dtype=np.float32)
BYTES = (IMAGES * 255).astype(np.uint8)
VECTORS = IMAGES.reshape(8, -1)
CODES = np.random.default_rng(1).normal(size=(2, 8, 5)).astype(np.float32)
EACH = np.random.default_rng(2).random((2, 8), dtype=np.float32)

PARTS = [
    part
    for kind in plugins.KINDS
    if kind != "recipes"
    for part in plugins.offered(kind).values()
    if part.owner == "kssl"
]

LOSSES = {
    "reconstruction": [
        testing.loss_checks(partial(losses.Reconstruction, kind)) for kind in ("squared", "huber")
    ],
    "gaussian_kl": [testing.loss_checks(partial(losses.GaussianKL, free_bits=0.1), tuple(CODES))],
    "elbo": [testing.loss_checks(partial(losses.ELBO, beta=2.0), tuple(EACH))],
    "importance_weighted_bound": [
        testing.loss_checks(partial(losses.ImportanceWeightedBound, samples=5), tuple(CODES))
    ],
}

TRANSFORMS = {
    "to_float": [testing.transform_checks(pretext.to_float, {"image": BYTES})],
    "flatten": [testing.transform_checks(pretext.flatten, {"image": IMAGES})],
    "binarize": [
        testing.transform_checks(partial(pretext.binarize, mode), {"image": IMAGES})
        for mode in ("dynamic", "threshold")
    ],
    "noise": [
        testing.transform_checks(partial(pretext.noise, kind, 0.4), {"image": IMAGES})
        for kind in ("gaussian", "masking", "salt_and_pepper")
    ],
}

LAYERS = {
    "mlp": [testing.layer_checks(partial(layers.MLP, [7, 5], "tanh"), VECTORS)],
    "conv_encoder": [testing.layer_checks(partial(layers.ConvEncoder, [4, 6]), IMAGES)],
    "conv_decoder": [
        testing.layer_checks(partial(layers.ConvDecoder, [6, 4], (8, 12, 1)), CODES[0])
    ],
    "gaussian_sampling": [
        testing.layer_checks(partial(layers.GaussianSampling, samples=3), *CODES, random=True)
    ],
    "corruption": [
        testing.layer_checks(partial(layers.Corruption, "masking", 0.2), IMAGES, random=True)
    ],
}


def small() -> dict[str, object]:
    """Return settings that are not the defaults."""
    return {"latent_dim": 3, "encoder": layers.MLP([9]), "decoder": layers.MLP([7])}


def autoencoder() -> models.AutoEncoder:
    return models.AutoEncoder(**small(), loss=losses.Reconstruction("absolute"))


def denoising_autoencoder() -> models.DenoisingAutoEncoder:
    return models.DenoisingAutoEncoder(**small(), noise="masking", amount=0.2)


def vae() -> models.VAE:
    return models.VAE(**small(), loss=losses.ELBO(beta=2.0))


def vae_importance_weighted() -> models.VAE:
    loss = losses.ImportanceWeightedBound(samples=3)
    return models.VAE(**small(), likelihood="gaussian", loss=loss)


MODELS = {
    "autoencoder": [testing.model_checks(autoencoder, {"image": IMAGES})],
    "denoising_autoencoder": [testing.model_checks(denoising_autoencoder, {"image": IMAGES})],
    "vae": [
        testing.model_checks(make, {"image": IMAGES}) for make in (vae, vae_importance_weighted)
    ],
}

CONTRACTS = {"losses": LOSSES, "transforms": TRANSFORMS, "layers": LAYERS, "models": MODELS}


@pytest.fixture(autouse=True)
def seed() -> None:
    keras.utils.set_random_seed(0)


@testing.parametrize_checks(
    *(checks for parts in CONTRACTS.values() for groups in parts.values() for checks in groups)
)
def test_contract(check: testing.Check) -> None:
    check()


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_part_of_the_catalog_is_under_contract(kind: str) -> None:
    assert {part.name for part in PARTS if part.kind == kind} == set(CONTRACTS[kind])


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.kind}-{part.name}")
def test_every_part_is_found_and_documented(part: plugins.Part) -> None:
    found = plugins.find(part.kind, part.name)
    assert found.__module__ == part.path.split(":")[0]
    text = inspect.getdoc(found) or ""
    assert len(text.splitlines()) > 3 and text.splitlines()[0].endswith((".", "?"))
    assert "Example:" in text
    if inspect.signature(found).parameters:
        assert "Args:" in text


@testing.parametrize_checks(
    *(testing.recipe_checks(name) for name in plugins.offered("recipes")),
)
def test_recipes(check: testing.Check) -> None:
    check()


@testing.parametrize_checks(
    testing.dataset_checks(partial(plugins.find("datasets", "digits"))),
    testing.dataset_checks(partial(plugins.find("datasets", "synthetic"), examples=60)),
)
def test_datasets(check: testing.Check) -> None:
    check()
