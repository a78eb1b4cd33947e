"""Models: one self-supervised method each, with its own loss and its representation.

What evaluations and figures ask of a model beyond `embed` is in `kssl.models.capabilities`.
"""

from __future__ import annotations

import kssl
from kssl.models.autoencoder import AutoEncoder, DenoisingAutoEncoder
from kssl.models.base import Model
from kssl.models.bert import BERT
from kssl.models.byol import BYOL
from kssl.models.diffusion import Diffusion
from kssl.models.dino import DINO
from kssl.models.gpt import GPT
from kssl.models.inference import run
from kssl.models.joint_embedding import Branch, JointEmbedding
from kssl.models.mae import MAE
from kssl.models.metric import Metric
from kssl.models.moco import MoCo
from kssl.models.pretext_classifier import PretextClassifier
from kssl.models.simclr import SimCLR
from kssl.models.simsiam import SimSiam
from kssl.models.vae import VAE

__all__ = [
    "BERT",
    "BYOL",
    "DINO",
    "GPT",
    "MAE",
    "VAE",
    "AutoEncoder",
    "Branch",
    "DenoisingAutoEncoder",
    "Diffusion",
    "JointEmbedding",
    "Metric",
    "MoCo",
    "Model",
    "PretextClassifier",
    "SimCLR",
    "SimSiam",
    "run",
]

kssl._make_known_to_keras()
