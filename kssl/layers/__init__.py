"""Layers: encoders, decoders and the parts that self-supervised methods are made of."""

from __future__ import annotations

import kssl
from kssl.layers.augmentation import RandomView
from kssl.layers.autoregressive import MaskedDense, NeuralAutoregressive
from kssl.layers.causal import DilatedCausalStack, GatedActivation, MaskedConv2D
from kssl.layers.clustering import Prototypes, Sinkhorn
from kssl.layers.coding import ImageDecoder, LatentEncoder
from kssl.layers.conditioning import chosen_labels, drop_labels
from kssl.layers.convnet import ConvDecoder, ConvEncoder
from kssl.layers.corruption import Corruption
from kssl.layers.denoising_steps import (
    classifier_free_guidance,
    ddim_step,
    ddpm_step,
    euler_step,
    heun_step,
    renoise,
)
from kssl.layers.gradient import GradientReversal
from kssl.layers.heads import PredictionHead, ProjectionHead
from kssl.layers.masking import MaskTokens, RandomMasking, gather_tokens
from kssl.layers.mlp import MLP
from kssl.layers.moments import LatentGaussian
from kssl.layers.momentum import MomentumEncoder, cosine_momentum
from kssl.layers.noise_schedule import (
    EDMNoise,
    NoiseSchedule,
    add_noise,
    convert,
    edm_preconditioning,
    edm_sigmas,
)
from kssl.layers.normalization import BatchNormalization
from kssl.layers.patches import PatchEmbedding, Patches, Unpatchify, normalize_patches
from kssl.layers.positions import SinCosPositions, TimestepEmbedding, sincos_1d, sincos_2d
from kssl.layers.quantizer import VectorQuantizer
from kssl.layers.queue import FeatureQueue
from kssl.layers.resnet import ConvNet, ResidualBlock, ResNet
from kssl.layers.reverse_process import ReverseProcess, SeededNoise, in_batches
from kssl.layers.sampling import GaussianSampling
from kssl.layers.transformer import Transformer
from kssl.layers.unet import UNet
from kssl.layers.unet_block import UNetBlock
from kssl.layers.unet_features import UNetFeatures

__all__ = [
    "MLP",
    "BatchNormalization",
    "ConvDecoder",
    "ConvEncoder",
    "ConvNet",
    "Corruption",
    "DilatedCausalStack",
    "EDMNoise",
    "FeatureQueue",
    "GatedActivation",
    "GaussianSampling",
    "GradientReversal",
    "ImageDecoder",
    "LatentEncoder",
    "LatentGaussian",
    "MaskTokens",
    "MaskedConv2D",
    "MaskedDense",
    "MomentumEncoder",
    "NeuralAutoregressive",
    "NoiseSchedule",
    "PatchEmbedding",
    "Patches",
    "PredictionHead",
    "ProjectionHead",
    "Prototypes",
    "RandomMasking",
    "RandomView",
    "ResNet",
    "ResidualBlock",
    "ReverseProcess",
    "SeededNoise",
    "SinCosPositions",
    "Sinkhorn",
    "TimestepEmbedding",
    "Transformer",
    "UNet",
    "UNetBlock",
    "UNetFeatures",
    "Unpatchify",
    "VectorQuantizer",
    "add_noise",
    "chosen_labels",
    "classifier_free_guidance",
    "convert",
    "cosine_momentum",
    "ddim_step",
    "ddpm_step",
    "drop_labels",
    "edm_preconditioning",
    "edm_sigmas",
    "euler_step",
    "gather_tokens",
    "heun_step",
    "in_batches",
    "normalize_patches",
    "renoise",
    "sincos_1d",
    "sincos_2d",
]

kssl._make_known_to_keras()
