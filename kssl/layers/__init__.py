"""Layers: encoders, decoders and the parts that self-supervised methods are made of."""

from __future__ import annotations

import kssl
from kssl.layers.coding import ImageDecoder, LatentEncoder
from kssl.layers.convnet import ConvDecoder, ConvEncoder
from kssl.layers.corruption import Corruption
from kssl.layers.mlp import MLP
from kssl.layers.moments import LatentGaussian
from kssl.layers.sampling import GaussianSampling

__all__ = [
    "MLP",
    "ConvDecoder",
    "ConvEncoder",
    "Corruption",
    "GaussianSampling",
    "ImageDecoder",
    "LatentEncoder",
    "LatentGaussian",
]

kssl._make_known_to_keras()
