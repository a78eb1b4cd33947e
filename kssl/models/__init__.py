"""Models: one self-supervised method each, with its own loss and its representation."""

from __future__ import annotations

import kssl
from kssl.models.autoencoder import AutoEncoder
from kssl.models.base import Model, run
from kssl.models.bert import BERT
from kssl.models.denoising_autoencoder import DenoisingAutoEncoder
from kssl.models.diffusion import Diffusion
from kssl.models.gpt import GPT
from kssl.models.mae import MAE
from kssl.models.metric import Metric
from kssl.models.simclr import SimCLR
from kssl.models.vae import VAE

__all__ = [
    "BERT",
    "GPT",
    "MAE",
    "VAE",
    "AutoEncoder",
    "DenoisingAutoEncoder",
    "Diffusion",
    "Metric",
    "Model",
    "SimCLR",
    "run",
]

kssl._make_known_to_keras()
