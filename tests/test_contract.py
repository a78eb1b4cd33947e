"""Everything that kssl offers keeps the public contract, and is found where the catalog says."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from kssl import layers, losses, models, plugins, pretext, testing

IMAGES = np.random.default_rng(0).random((8, 8, 12, 1), dtype=np.float32)
BYTES = (IMAGES * 255).astype(np.uint8)
COLOURS = np.random.default_rng(10).integers(0, 256, (6, 18, 14, 3)).astype(np.uint8)
SQUARES = np.random.default_rng(11).integers(0, 256, (5, 20, 20, 3)).astype(np.uint8)
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
SOUND = np.random.default_rng(6).uniform(-1, 1, (8, 120)).astype(np.float32)
REAL = np.arange(120) < np.array([120, 60, 33, 1, 0, 90, 7, 119])[:, None]  # the rest is padding
FRAMES = np.random.default_rng(7).integers(0, 256, (6, 9, 8, 12, 3)).astype(np.uint8)
ROWS = {
    "numeric": np.random.default_rng(8).normal(size=(8, 5)).astype(np.float32),
    "categorical": np.random.default_rng(9).integers(0, 4, (8, 3)).astype(np.int32),
}
CATEGORIES = [4, 4, 4]  # numbers of each categorical column
TEXTS = np.array([["a cat", "a pet", ""], ["a dog", "", ""], ["", "", ""], ["b", "c", "d"]])
PLACES = np.tile(np.array([3, 0, 2, 1], np.int32), (8, 1))
WORDS = pretext.train_vocabulary([f"w{i} " * (60 - i) for i in range(50)], "words", sentinels=12)


def text_rows() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Packed rows and pairs of rows of sentences, of that vocabulary."""
    rng = np.random.default_rng(12)
    tokens = rng.integers(5, 55, (8, 32)).astype(np.int32)
    document = np.cumsum(rng.random((8, 32)) < 0.05, axis=1).astype(np.int32)
    starts = rng.random((8, 32)) < 0.7
    packed = {"tokens": tokens, "document": document, "starts": starts}
    place, real = np.arange(32), np.array([32, 30, 20, 3, 32, 12, 8, 25])[:, None]
    inside = (place > 0) & (place < real - 1)
    sentence = np.where(inside, (place - 1) // 6, -1).astype(np.int32)
    ids = np.where(inside, tokens, np.where(place == 0, 2, np.where(place == real - 1, 3, 0)))
    ids = ids.astype(np.int32)
    row = {"tokens": ids, "sentence": sentence, "starts": starts | ~inside}
    other = {"other": ids[::-1], "other_sentence": sentence[::-1], "other_starts": starts[::-1]}
    return packed, row | {"padding_mask": place < real} | other


PACKED, PAIRS = text_rows()
SENTENCES = {key: PAIRS[key] for key in ("tokens", "sentence", "starts", "padding_mask")}

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
    "tokenize": [
        testing.transform_checks(
            partial(pretext.tokenize, WORDS, 7, starts=True),
            {"text": np.array([b"w1 w2 nothing", b"w3", b"w4 " * 20, b"w5, w6"])},
        )
    ],
    "skip_gram": [testing.transform_checks(partial(pretext.skip_gram, WORDS, 2, pairs=40), PACKED)],
    "cbow": [testing.transform_checks(partial(pretext.cbow, WORDS, 2, 3, 0.0), PACKED)],
    "mask_tokens": [
        testing.transform_checks(partial(pretext.mask_tokens, WORDS, 0.3, **settings), PAIRS)
        for settings in ({}, {"whole_words": True})
    ],
    "word_dropout": [testing.transform_checks(partial(pretext.word_dropout, WORDS), PACKED)],
    "sentence_pairs": [testing.transform_checks(partial(pretext.sentence_pairs, WORDS), PAIRS)],
    "sentence_order": [testing.transform_checks(partial(pretext.sentence_order, WORDS), SENTENCES)],
    "neighbour_sentences": [
        testing.transform_checks(partial(pretext.neighbour_sentences, WORDS, 9), SENTENCES)
    ],
    "shuffle_words": [testing.transform_checks(partial(pretext.shuffle_words, WORDS, 2), PAIRS)],
    "shuffle_sentences": [testing.transform_checks(pretext.shuffle_sentences, SENTENCES)],
    "mask_sentences": [
        testing.transform_checks(partial(pretext.mask_sentences, WORDS, 0.4, 20), SENTENCES)
    ],
    "next_token": [
        testing.transform_checks(partial(pretext.next_token, context, True, True), example)
        for context, example in ((12, PACKED), (None, SENTENCES))
    ],
    "prefix": [testing.transform_checks(partial(pretext.prefix, True), SENTENCES)],
    "corrupt_spans": [
        testing.transform_checks(partial(pretext.corrupt_spans, WORDS, 0.3, 2.0), SENTENCES)
    ],
    "drop_spans": [testing.transform_checks(partial(pretext.drop_spans, WORDS, 0.3), PACKED)],
    "infill": [testing.transform_checks(partial(pretext.infill, WORDS), SENTENCES)],
    "split": [
        testing.transform_checks(partial(pretext.split, *settings), example)
        for settings, example in (
            (("left", 0.3), {"image": BYTES}),
            (("random", 0.3), {"image": IMAGES}),
            (("future", 0.3, True, 0.0, "audio", 1), {"audio": SOUND}),
            (("past", 0.3, False, 9, "video", 4), {"video": FRAMES}),
        )
    ],
    "number": [
        testing.transform_checks(pretext.number, {"index": np.arange(8, dtype=np.int32) + 3})
    ],
    "rotate": [
        testing.transform_checks(partial(pretext.rotate, all_four), {"image": SQUARES})
        for all_four in (False, True)
    ],
    "jigsaw": [
        testing.transform_checks(partial(pretext.jigsaw, *settings), {"image": images})
        for settings, images in (
            ((100,), COLOURS),
            ((20, 2, None, 0.5, False, False), IMAGES),
        )
    ],
    "relative_position": [
        testing.transform_checks(partial(pretext.relative_position, color=color), {"image": images})
        for color, images in (
            ("drop", SQUARES),
            ("project", SQUARES / np.float32(255)),
        )
    ],
    "colorize": [
        testing.transform_checks(partial(pretext.colorize, *settings), {"image": images})
        for settings, images in (
            (("regression",), COLOURS),
            (("soft", 5), SQUARES),
            (("hard", 2), COLOURS / np.float32(255)),
        )
    ],
    "color_views": [
        testing.transform_checks(partial(pretext.color_views, space, keep), {"image": COLOURS})
        for space, keep in (("lab", True), ("ydbdr", False))
    ],
    "inpaint": [
        testing.transform_checks(partial(pretext.inpaint, kind, fill=0.5), {"image": images})
        for kind, images in (("center", IMAGES), ("blocks", IMAGES), ("free_form", COLOURS))
    ],
    "mask_patches": [
        testing.transform_checks(partial(pretext.mask_patches, *settings), {"image": images})
        for settings, images in (
            ((4, 0.75), SQUARES),
            ((2, 0.4, "blocks"), IMAGES),
            ((2, 0.4, "blocks", 7), COLOURS),
        )
    ],
    "count": [
        testing.transform_checks(partial(pretext.count, data), {"image": COLOURS})
        for data in (None, COLOURS[:4])
    ],
    "mu_law": [testing.transform_checks(partial(pretext.mu_law, 100), {"audio": SOUND})],
    "future_windows": [
        testing.transform_checks(partial(pretext.future_windows, 7, 3, 2, 4, 5), example)
        for example in ({"audio": SOUND}, {"audio": SOUND, "padding_mask": REAL})
    ],
    "mask_time": [
        testing.transform_checks(partial(pretext.mask_time, 0.1, 4, 3), example)
        for example in ({"audio": SOUND}, {"audio": SOUND, "padding_mask": REAL})
    ],
    "frame_order": [
        testing.transform_checks(partial(pretext.frame_order, gap, 0.3, motion), {"video": video})
        for gap, motion, video in ((2, False, FRAMES), (1, True, FRAMES), (1, True, FRAMES / 255))
    ],
    "arrow_of_time": [testing.transform_checks(pretext.arrow_of_time, {"video": FRAMES})],
    "reference_frame": [
        testing.transform_checks(partial(pretext.reference_frame, 2, 2), {"video": video})
        for video in (FRAMES, FRAMES / 255)
    ],
    "future_frame": [
        testing.transform_checks(partial(pretext.future_frame, 3, 2), {"video": FRAMES})
    ],
    "corrupt_features": [
        testing.transform_checks(partial(pretext.corrupt_features, ROWS, 0.4, exact), ROWS)
        for exact in (True, False)
    ],
    "mask_features": [
        testing.transform_checks(partial(pretext.mask_features, 0.4, exact), ROWS)
        for exact in (True, False)
    ],
    "one_hot": [testing.transform_checks(partial(pretext.one_hot, CATEGORIES), ROWS)],
    "caption_pairs": [
        testing.transform_checks(partial(pretext.caption_pairs, choose), {"captions": TEXTS})
        for choose in ("random", "first")
    ],
    "to_float": [testing.transform_checks(pretext.to_float, {"image": BYTES})],
    "flatten": [testing.transform_checks(pretext.flatten, {"image": IMAGES})],
    "binarize": [
        testing.transform_checks(partial(pretext.binarize, mode), {"image": IMAGES})
        for mode in ("dynamic", "fixed", "threshold")
    ],
    "noise": [
        testing.transform_checks(partial(pretext.noise, kind, 0.4), {"image": IMAGES})
        for kind in ("gaussian", "masking", "salt_and_pepper", "swap")
    ],
    "two_views": [
        testing.transform_checks(partial(pretext.two_views, preset, size), {"image": images})
        for preset, size, images in (
            ("small", None, COLOURS),
            ("byol", None, COLOURS / np.float32(255)),
            ("simclr", [20, 9], BYTES),
        )
    ],
    "multi_crop": [
        testing.transform_checks(partial(pretext.multi_crop, "dino", 16, 7), {"image": COLOURS}),
        testing.transform_checks(partial(pretext.multi_crop, keep=False), {"image": IMAGES}),
    ],
    "exemplar": [
        testing.transform_checks(
            pretext.exemplar, {"image": COLOURS, "index": np.array([4, 0, 9, 2, 3, 7])}
        )
    ],
    "patch_grid": [
        testing.transform_checks(partial(pretext.patch_grid, 8, 5, augment), {"image": COLOURS})
        for augment in (None, {"jitter": 0.8, "blur": 0.5, "scale": [0.5, 1.0]})
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
    "target_blocks": [
        testing.layer_checks(partial(layers.TargetBlocks, (3, 5), (1, 2), 2, 1), CROPS)
    ],
    "memory_bank": [testing.layer_checks(partial(layers.MemoryBank, 9, 5, seed=1), LABELS)],
    "map_decoder": [
        testing.layer_checks(partial(layers.MapDecoder, shape), IMAGES)
        for shape in ((4, 6, 2), (16, 24, 3))
    ],
    "sobel": [testing.layer_checks(layers.Sobel, IMAGES)],
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
    "multiscale_encoder": [
        testing.layer_checks(partial(layers.MultiscaleEncoder, [4], 5, 2), IMAGES)
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
    "random_view": [
        testing.layer_checks(partial(layers.RandomView, (0.5, 1.0), (0.9, 1.1), 1.0), IMAGES)
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
    "transformer": [
        testing.layer_checks(partial(layers.Transformer, 4, 1, 2, 1.5, 0.1), EVEN_TOKENS)
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


def metric() -> models.Metric:
    return models.Metric(layers.MLP([9]), 5, False, losses.SoftNearestNeighbor(2.0))


def mae() -> models.MAE:
    parts = [layers.Transformer(8, 1, heads) for heads in (2, 4)]
    return models.MAE([4, 3], *parts, 0.5, False, losses.Reconstruction("huber"))


def bert() -> models.BERT:
    return models.BERT(55, depth=1, heads=2, width=8, dropout=0.0, max_predictions=6)


def hidden_tokens() -> dict[str, np.ndarray]:
    """Rows with hidden tokens, in pairs."""
    hidden = (np.arange(32) % 8 == 3) & (SENTENCES["sentence"] >= 0)
    ids = SENTENCES["tokens"]
    batch = {"tokens": np.where(hidden, 4, ids), "target": np.where(hidden, ids, -1)}
    batch |= {"segment": (SENTENCES["sentence"] > 1).astype(np.int32)}
    return batch | {"padding_mask": SENTENCES["padding_mask"], "pair_target": (LABELS == 1) * 1}


@keras.saving.register_keras_serializable(package="kssl_tests")
class Denoiser(keras.layers.Layer):
    """A denoising network of two dense layers: a U-Net takes long to compile."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs, autocast=False)
        self.mix = keras.layers.Dense(96)
        self.shift = keras.layers.Embedding(6, 96)

    def build(self, images: object, times: object = None, labels: object = None) -> None:
        self.mix.build((None, 97))
        self.shift.build(())

    def call(self, images, times, labels=None, training=False):
        times = ops.reshape(ops.cast(times, "float32"), (-1, 1))
        found = self.mix(ops.concatenate([ops.reshape(images, (-1, 96)), times], axis=1))
        labels = ops.zeros_like(times[:, 0], dtype="int32") if labels is None else labels
        return ops.reshape(found + self.shift(labels), (-1, 8, 12, 1))


def diffusion() -> models.Diffusion:
    loss = losses.Diffusion("x0", "min_snr")
    return models.Diffusion(Denoiser(), "linear", 100, 5, 0.2, loss)


def gpt() -> models.GPT:
    return models.GPT(55, depth=1, heads=2, width=8)


def packed_documents() -> dict[str, np.ndarray]:
    """Rows of several documents each, with what comes next."""
    made = pretext.next_token()(PACKED)
    keys = ("tokens", "target", "positions", "document")
    return {key: np.asarray(made[key]).astype(np.int32) for key in keys}


def simclr() -> models.SimCLR:
    projector = layers.ProjectionHead(5, hidden_dim=7)
    return models.SimCLR(layers.ConvNet([4, 6]), projector, losses.NTXent(0.3))


def joint(method: Callable[..., models.JointEmbedding], **settings: object) -> Callable[[], object]:
    """Return what makes a small model of a method that compares views."""
    return lambda: method(
        encoder=layers.ConvNet([4]), projector=layers.ProjectionHead(5, hidden_dim=7), **settings
    )


def cmc() -> models.CMC:
    encoders = layers.ConvNet([4]), layers.ConvNet([3])
    return models.CMC(*encoders, layers.ProjectionHead(5, 7), layers.ProjectionHead(5, 7))


def dense(**settings: object) -> models.DensePrediction:
    return models.DensePrediction(encoder=layers.ConvNet([4, 6], pool=False), **settings)


def split_brain() -> models.SplitBrain:
    return models.SplitBrain(*[layers.ConvNet([width], pool=False) for width in (4, 3)], bins=4)


def counting() -> models.Counting:
    head = layers.ProjectionHead(6, 7, normalization=None)
    return models.Counting(layers.ConvNet([4]), head, margin=20.0)


def cpc_image() -> models.CPCImage:
    return models.CPCImage(layers.ConvEncoder([4]), 2, 1, 2, context_depth=1, negatives=5)


def amdim() -> models.AMDIM:
    heads = [layers.ProjectionHead(5, 7, normalization=None) for _ in range(3)]
    return models.AMDIM(layers.MultiscaleEncoder([4], 6), *heads, clip=5.0, penalty=0.1)


def ijepa() -> models.IJEPA:
    encoder, predictor = layers.Transformer(8, 1, 2), layers.Transformer(8, 1, 2)
    return models.IJEPA(2, encoder, predictor, block=(1, 2), blocks=2, momentum=0.9)


def simmim(**settings: object) -> models.SimMIM:
    return models.SimMIM(2, layers.Transformer(8, 1, 2), **settings)


QUARTERS = {
    "image": IMAGES[:, ::2, ::2],
    "tiles": np.stack(
        [IMAGES[:, :4, :6], IMAGES[:, :4, 6:], IMAGES[:, 4:, :6], IMAGES[:, 4:, 6:]], axis=1
    ),
}
VIEWED = {"image": IMAGES, "view_1": IMAGES, "view_2": IMAGES[::-1].copy()}
NUMBERED = {"image": IMAGES, "view_1": IMAGES, "target": np.arange(8, dtype=np.int32) + 9}
CROPPED = VIEWED | {"local_views": np.stack([IMAGES[:, :4, :4], IMAGES[:, 4:, 4:8]], axis=1)}


MODELS = {
    "byol": [testing.model_checks(joint(models.BYOL, momentum=0.9), VIEWED)],
    "simsiam": [
        testing.model_checks(
            joint(models.SimSiam, predictor=layers.PredictionHead(hidden_dim=3)), VIEWED
        )
    ],
    "moco": [testing.model_checks(joint(models.MoCo, queue_size=16), VIEWED)],
    "cmc": [testing.model_checks(cmc, {"image": COLOURS[:, :8, :8] / np.float32(255)})],
    "amdim": [testing.model_checks(amdim, VIEWED)],
    "counting": [
        testing.model_checks(counting, batch)
        for batch in (QUARTERS, {**QUARTERS, "contrast": IMAGES[::-1, 1::2, 1::2].copy()})
    ],
    "cpc_image": [testing.model_checks(cpc_image, {"image": IMAGES})],
    "deep_cluster": [
        testing.model_checks(
            joint(models.DeepCluster, examples=20, steps_per_epoch=1, clusters=[3, 4, 5]),
            {**VIEWED, "target": NUMBERED["target"]},
        )
    ],
    "dense_prediction": [
        testing.model_checks(
            dense, {"image": IMAGES, "target": IMAGES, "mask": IMAGES[..., 0] > 0}
        ),
        testing.model_checks(
            partial(dense, target_classes=5),
            {"image": IMAGES, "target": np.arange(8 * 24, dtype=np.int32).reshape(8, 4, 6) % 5},
        ),
        testing.model_checks(
            partial(dense, adversarial_weight=0.1, discriminator=layers.MLP([3])),
            {"image": IMAGES, "target": IMAGES},
        ),
    ],
    "split_brain": [
        testing.model_checks(split_brain, {"image": COLOURS[:, :8, :8] / np.float32(255)})
    ],
    "deep_cluster_v1": [
        testing.model_checks(
            joint(models.DeepClusterV1, examples=20, steps_per_epoch=1, clusters=3, sobel=sobel),
            NUMBERED,
        )
        for sobel in (False, True)
    ],
    "interclr": [
        testing.model_checks(
            joint(models.InterCLR, examples=20, steps_per_epoch=1, clusters=3, negatives=2),
            NUMBERED,
        )
    ],
    "ijepa": [testing.model_checks(ijepa, {"image": IMAGES})],
    "simmim": [
        testing.model_checks(partial(simmim, **settings), {"image": IMAGES})
        for settings in ({}, {"mask_size": 4, "normalize_targets": True})
    ],
    "moco_v3": [testing.model_checks(joint(models.MoCoV3, momentum=0.9), VIEWED)],
    "nnclr": [testing.model_checks(joint(models.NNCLR, queue_size=16), VIEWED)],
    "swav": [
        testing.model_checks(joint(models.SwAV, prototypes=6, queue_size=16), batch)
        for batch in (VIEWED, CROPPED)
    ],
    "lejepa": [
        testing.model_checks(joint(models.LeJEPA, directions=8), batch)
        for batch in (VIEWED, CROPPED)
    ],
    "instance_discrimination": [
        testing.model_checks(
            joint(models.InstanceDiscrimination, examples=20, noise=noise), NUMBERED
        )
        for noise in (None, 4)
    ],
    "dino": [
        testing.model_checks(joint(models.DINO, student_temperature=0.2), batch)
        for batch in (VIEWED, CROPPED)
    ],
    "pretext_classifier": [
        testing.model_checks(
            lambda: models.PretextClassifier(4, encoder=layers.ConvNet([4]), head=layers.MLP([5])),
            {"image": IMAGES, "target": LABELS},
        ),
        testing.model_checks(
            lambda: models.PretextClassifier(4, "tiles", layers.ConvNet([4])),
            {"image": IMAGES, "tiles": CROPPED["local_views"], "target": LABELS},
        ),
    ],
    "diffusion": [testing.model_checks(diffusion, {"image": IMAGES, "label": LABELS})],
    "bert": [testing.model_checks(bert, hidden_tokens())],
    "autoencoder": [testing.model_checks(autoencoder, {"image": IMAGES})],
    "denoising_autoencoder": [testing.model_checks(denoising_autoencoder, {"image": IMAGES})],
    "vae": [
        testing.model_checks(make, {"image": IMAGES}) for make in (vae, vae_importance_weighted)
    ],
    "gpt": [testing.model_checks(gpt, packed_documents())],
    "simclr": [
        testing.model_checks(simclr, {"image": IMAGES, "view_1": IMAGES, "view_2": IMAGES[::-1]}),
        testing.model_checks(partial(models.SimCLR, augment="device"), IMAGES),
    ],
    "mae": [testing.model_checks(mae, {"image": IMAGES})],
    "metric": [testing.model_checks(metric, {"image": IMAGES, "label": LABELS})],
}

CONTRACTS = {"losses": LOSSES, "transforms": TRANSFORMS, "layers": LAYERS, "models": MODELS}
# A transform is traced for nearly every check.
FURTHER_SETTINGS = [checks for groups in TRANSFORMS.values() for checks in groups[1:]]


@pytest.fixture(autouse=True)
def seed() -> None:
    keras.utils.set_random_seed(0)


@testing.parametrize_checks(
    *(
        checks
        for kind, parts in CONTRACTS.items()
        for groups in parts.values()
        for checks in (groups[:1] if kind == "transforms" else groups)
    )
)
def test_contract(check: testing.Check) -> None:
    check()


@pytest.mark.slow
@testing.parametrize_checks(*FURTHER_SETTINGS)
def test_contract_of_transforms_in_other_settings(check: testing.Check) -> None:
    check()


def unet_diffusion() -> models.Diffusion:
    """The network above is known to no other process."""
    return models.Diffusion(layers.UNet([4], 1, [], 5), "linear", 100, 5, 0.2)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each model, with what it embeds and what it embeds in another process."""
    folder, random = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    for name, groups in MODELS.items():
        make, trained_on = groups[0][0].run.args
        batch = trained_on.data
        model = unet_diffusion() if name == "diffusion" else make()
        model.build({key: (None, *array.shape[1:]) for key, array in batch.items()})
        for weight in model.weights:  # moments and centres too: what is lost must be seen
            if "float" in weight.dtype:
                held = ops.convert_to_numpy(weight)
                weight.assign(held + 0.1 * random.random(held.shape, np.float32))
        (folder / name).mkdir()
        model.save(folder / name / "model.keras")
        model.save_weights(folder / name / "model.weights.h5")
        np.savez(folder / name / "batch.npz", **batch)
        np.save(folder / name / "wanted.npy", models.run(model, "embed", batch))
    script = Path(__file__).parent / "contract" / "load_models.py"
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    subprocess.run([sys.executable, script, folder], env=environment, check=True)
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_in_a_process_that_only_imports_kssl(name: str, elsewhere: Path) -> None:
    folder = elsewhere / name
    error = folder / "error.txt"
    assert not error.exists(), error.read_text()
    wanted, found = np.load(folder / "wanted.npy"), np.load(folder / "found.npy")
    np.testing.assert_allclose(found, wanted, atol=1e-5)


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
