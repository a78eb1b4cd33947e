"""Layers: encoders, decoders and the parts that self-supervised methods are made of."""

from __future__ import annotations

import importlib
from typing import Any

import kssl
from kssl.layers.augmentation import RandomView
from kssl.layers.autoregressive import MaskedDense, NeuralAutoregressive
from kssl.layers.causal import DilatedCausalStack, GatedActivation, MaskedConv2D
from kssl.layers.clustering import Prototypes, Sinkhorn
from kssl.layers.coding import ImageDecoder, LatentEncoder
from kssl.layers.colors import brightness_and_color
from kssl.layers.convnet import ConvDecoder, ConvEncoder
from kssl.layers.corruption import Corruption
from kssl.layers.gradient import GradientReversal
from kssl.layers.heads import PredictionHead, ProjectionHead
from kssl.layers.map_decoder import MapDecoder
from kssl.layers.masking import MaskTokens, RandomMasking, gather_tokens
from kssl.layers.memory_bank import MemoryBank
from kssl.layers.mlp import MLP
from kssl.layers.moments import LatentGaussian
from kssl.layers.momentum import MomentumEncoder, cosine_momentum
from kssl.layers.multiscale import MultiscaleEncoder
from kssl.layers.normalization import BatchNormalization
from kssl.layers.patches import (
    PatchEmbedding,
    Patches,
    Unpatchify,
    denormalize_patches,
    normalize_patches,
)
from kssl.layers.positions import SinCosPositions, TimestepEmbedding, sincos_1d, sincos_2d
from kssl.layers.quantizer import VectorQuantizer
from kssl.layers.queue import FeatureQueue
from kssl.layers.resnet import ConvNet, ResidualBlock, ResNet
from kssl.layers.sampling import GaussianSampling
from kssl.layers.sobel import Sobel
from kssl.layers.target_blocks import TargetBlocks
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
    "FeatureQueue",
    "GatedActivation",
    "GaussianSampling",
    "GradientReversal",
    "ImageDecoder",
    "LatentEncoder",
    "LatentGaussian",
    "MapDecoder",
    "MaskTokens",
    "MaskedConv2D",
    "MaskedDense",
    "MemoryBank",
    "MomentumEncoder",
    "MultiscaleEncoder",
    "NeuralAutoregressive",
    "PatchEmbedding",
    "Patches",
    "PredictionHead",
    "ProjectionHead",
    "Prototypes",
    "RandomMasking",
    "RandomView",
    "ResNet",
    "ResidualBlock",
    "SinCosPositions",
    "Sinkhorn",
    "Sobel",
    "TargetBlocks",
    "TimestepEmbedding",
    "Transformer",
    "UNet",
    "UNetBlock",
    "UNetFeatures",
    "Unpatchify",
    "VectorQuantizer",
    "brightness_and_color",
    "cosine_momentum",
    "denormalize_patches",
    "gather_tokens",
    "normalize_patches",
    "sincos_1d",
    "sincos_2d",
]


def __getattr__(name: str) -> Any:
    # Noise schedules and samplers were here in version 0.1, though they are no layers.
    if name in importlib.import_module("kssl.diffusion").__all__:
        kssl.moved.warn(f"kssl.layers.{name}", f"kssl.diffusion.{name}")
        return getattr(importlib.import_module("kssl.diffusion"), name)
    raise AttributeError(f"module 'kssl.layers' has no attribute {name!r}")


kssl._make_known_to_keras()
