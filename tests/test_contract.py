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
TUPLES = np.random.default_rng(3).normal(size=(8, 3, 5)).astype(np.float32)
CROPS = np.random.default_rng(4).normal(size=(8, 2, 5)).astype(np.float32)
EVEN = tuple(np.random.default_rng(5).normal(size=(2, 8, 4)).astype(np.float32))
LABELS = np.array([0, 0, 1, 1, 1, 2, 0, 3])  # a class of one among them
TOKENS = np.array([[1, 2], [0, -1], [4, 4], [-1, -1], [3, 2], [1, 0], [-1, 2], [2, 2]])
VIEWS = tuple(CODES)
LABELLED = (LABELS, CODES[0])
EVEN_TOKENS = np.stack(EVEN, axis=1)
PLACES = np.tile(np.array([3, 0, 2, 1], np.int32), (8, 1))

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
    "gaussian_kl": [
        testing.loss_checks(partial(losses.GaussianKL, free_bits=0.1), tuple(CODES), large=None)
    ],
    "elbo": [testing.loss_checks(partial(losses.ELBO, beta=2.0), tuple(EACH))],
    "importance_weighted_bound": [
        testing.loss_checks(partial(losses.ImportanceWeightedBound, samples=5), tuple(CODES))
    ],
    "contrastive": [
        testing.loss_checks(partial(losses.Contrastive, margin=3.0), LABELLED),
        testing.loss_checks(partial(losses.Contrastive, margin=3.0), (EACH[0] > 0.5, TUPLES)),
    ],
    "triplet": [
        testing.loss_checks(partial(losses.Triplet, 2.0, mining, squared, soft), LABELLED)
        for mining, squared, soft in (
            ("semi_hard", False, False),
            ("hard", False, True),
            ("all", True, True),
            ("semi_hard_all", True, False),
        )
    ]
    + [
        testing.loss_checks(partial(losses.Triplet, 2.0, average="active"), LABELLED),
        testing.loss_checks(partial(losses.Triplet, 2.0), (EACH[0], TUPLES)),
    ],
    "lifted_structured": [
        testing.loss_checks(partial(losses.LiftedStructured, normalize=True), LABELLED),
        testing.loss_checks(partial(losses.LiftedStructured, margin=2.0), LABELLED),
    ],
    "n_pair": [
        testing.loss_checks(partial(losses.NPair, l2_reg=0.1), pair) for pair in (VIEWS, LABELLED)
    ],
    "nce": [testing.loss_checks(partial(losses.NCE, offset=False), VIEWS)],
    "info_nce": [
        testing.loss_checks(partial(losses.InfoNCE, 0.3, symmetric=True), VIEWS),
        testing.loss_checks(partial(losses.InfoNCE, 0.3, same_view=True), VIEWS),
        testing.loss_checks(partial(losses.InfoNCE, 0.3, normalize=False), VIEWS),
    ],
    "nt_xent": [testing.loss_checks(partial(losses.NTXent, 0.3), VIEWS)],
    "clip": [testing.loss_checks(partial(losses.CLIP, logit_scale=1.0), VIEWS)],
    "siglip": [testing.loss_checks(partial(losses.SigLIP, logit_bias=-2.0), VIEWS)],
    "soft_nearest_neighbor": [
        testing.loss_checks(partial(losses.SoftNearestNeighbor, 2.0), LABELLED)
    ],
    "supervised_contrastive": [
        testing.loss_checks(partial(losses.SupervisedContrastive, 0.3), LABELLED)
    ],
    "barlow_twins": [
        testing.loss_checks(partial(losses.BarlowTwins, 0.1), VIEWS, per_example=False)
    ],
    "vicreg": [testing.loss_checks(partial(losses.VICReg, 9.0), VIEWS, per_example=False)],
    "negative_cosine": [testing.loss_checks(losses.NegativeCosine, VIEWS)],
    "dino": [
        testing.loss_checks(partial(losses.DINO, 0.2), pair) for pair in (VIEWS, (CROPS, CROPS))
    ],
    "swapped_prediction": [
        testing.loss_checks(partial(losses.SwappedPrediction, 0.2, iterations=2), VIEWS)
    ],
    "gaussian_kl_between": [
        testing.loss_checks(losses.GaussianKLBetween, EVEN, large=None),
    ],
    "categorical_kl": [testing.loss_checks(losses.CategoricalKL, VIEWS)],
    "negative_sampling": [testing.loss_checks(losses.NegativeSampling, (TUPLES, CODES[0]))],
    "sampled_softmax": [testing.loss_checks(losses.SampledSoftmax, (TUPLES, CODES[0]))],
    "masked_cross_entropy": [
        testing.loss_checks(losses.MaskedCrossEntropy, (TOKENS, CROPS), per_example=False)
    ],
    "adversarial": [
        testing.loss_checks(partial(losses.Adversarial, kind, player), tuple(EACH))
        for kind in ("non_saturating", "hinge", "least_squares")
        for player in ("discriminator", "generator")
    ],
    "contrastive_divergence": [testing.loss_checks(losses.ContrastiveDivergence, tuple(EACH))],
    "denoising_score": [testing.loss_checks(partial(losses.DenoisingScore, 0.3), VIEWS)],
    "diffusion": [testing.loss_checks(partial(losses.Diffusion, "v", "min_snr"), VIEWS)],
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
    "batch_normalization": [
        testing.layer_checks(partial(layers.BatchNormalization, epsilon=1e-2), IMAGES)
    ],
    "conv_net": [testing.layer_checks(partial(layers.ConvNet, [4, 6], 2), IMAGES)],
    "dilated_causal_stack": [
        testing.layer_checks(partial(layers.DilatedCausalStack, 4, [1, 2], 3, 7), TUPLES)
    ],
    "feature_queue": [testing.layer_checks(partial(layers.FeatureQueue, 12, seed=1), CODES[0])],
    "gated_activation": [testing.layer_checks(layers.GatedActivation, EVEN[0])],
    "gradient_reversal": [testing.layer_checks(partial(layers.GradientReversal, 0.3), IMAGES)],
    "mask_tokens": [testing.layer_checks(layers.MaskTokens, CROPS, PLACES)],
    "masked_conv2d": [
        testing.layer_checks(partial(layers.MaskedConv2D, 4, 5, "A", activation="relu"), IMAGES)
    ],
    "masked_dense": [
        testing.layer_checks(partial(layers.MaskedDense, 10, 5, "only", [4, 0, 1, 3, 2]), CODES[0])
    ],
    "momentum_encoder": [
        testing.layer_checks(
            lambda: layers.MomentumEncoder(layers.MLP([7]), 0.9, 0.99, total_steps=10), VECTORS
        )
    ],
    "neural_autoregressive": [
        testing.layer_checks(partial(layers.NeuralAutoregressive, 6, [4, 0, 1, 3, 2]), CODES[0])
    ],
    "patch_embedding": [testing.layer_checks(partial(layers.PatchEmbedding, 6, [4, 3]), IMAGES)],
    "patches": [testing.layer_checks(partial(layers.Patches, [4, 3]), IMAGES)],
    "prediction_head": [
        testing.layer_checks(partial(layers.PredictionHead, 3, 8, 3, "layer"), CODES[0])
    ],
    "projection_head": [
        testing.layer_checks(partial(layers.ProjectionHead, 6, 8, 3, kind, output), CODES[0])
        for kind, output in (("batch", True), ("layer", True), (None, False))
    ],
    "prototypes": [testing.layer_checks(partial(layers.Prototypes, 7), CODES[0])],
    "random_masking": [
        testing.layer_checks(partial(layers.RandomMasking, 0.5, 1), TUPLES, random=True)
    ],
    "residual_block": [
        testing.layer_checks(partial(layers.ResidualBlock, 4, 2, bottleneck), IMAGES)
        for bottleneck in (True, False)
    ],
    "resnet": [testing.layer_checks(partial(layers.ResNet, 34, 2, False), IMAGES)],
    "sin_cos_positions": [
        testing.layer_checks(partial(layers.SinCosPositions, grid, leading), tokens)
        for grid, leading, tokens in (([1, 2], 0, EVEN_TOKENS), (None, 1, EVEN_TOKENS))
    ],
    "sinkhorn": [testing.layer_checks(partial(layers.Sinkhorn, 0.2, 5), CODES[0])],
    "timestep_embedding": [
        testing.layer_checks(partial(layers.TimestepEmbedding, 6, 50.0), EACH[0])
    ],
    "unet": [
        testing.layer_checks(partial(layers.UNet, [4, 6], 1, [1], 5, 0.1), IMAGES, EACH[0], LABELS)
    ],
    "unet_block": [testing.layer_checks(partial(layers.UNetBlock, 4, 0.1, True), IMAGES, CODES[0])],
    "unpatchify": [
        testing.layer_checks(partial(layers.Unpatchify, [1, 1], [1, 2, 4]), EVEN_TOKENS)
    ],
    "vector_quantizer": [
        testing.layer_checks(partial(layers.VectorQuantizer, 6, decay=decay), CROPS)
        for decay in (0.9, None)
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
