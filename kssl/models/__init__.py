"""Models: one self-supervised method each, with its own loss and its representation.

What evaluations and figures ask of a model beyond `embed` is in `kssl.models.capabilities`.
"""

from __future__ import annotations

import kssl
from kssl.models.amdim import AMDIM
from kssl.models.autoencoder import AutoEncoder, DenoisingAutoEncoder
from kssl.models.base import Model
from kssl.models.bert import BERT
from kssl.models.byol import BYOL
from kssl.models.cmc import CMC
from kssl.models.counting import Counting
from kssl.models.cpc import CPCImage
from kssl.models.deep_cluster import DeepCluster
from kssl.models.deep_cluster_v1 import DeepClusterV1
from kssl.models.dense_prediction import DensePrediction
from kssl.models.diffusion import Diffusion
from kssl.models.dino import DINO
from kssl.models.gpt import GPT
from kssl.models.ijepa import IJEPA
from kssl.models.inference import run
from kssl.models.instance_discrimination import InstanceDiscrimination
from kssl.models.interclr import InterCLR
from kssl.models.joint_embedding import Branch, JointEmbedding
from kssl.models.lejepa import LeJEPA
from kssl.models.mae import MAE
from kssl.models.metric import Metric
from kssl.models.moco import MoCo
from kssl.models.moco_v3 import MoCoV3
from kssl.models.nnclr import NNCLR
from kssl.models.pretext_classifier import PretextClassifier
from kssl.models.simclr import SimCLR
from kssl.models.simmim import SimMIM
from kssl.models.simsiam import SimSiam
from kssl.models.split_brain import SplitBrain
from kssl.models.swav import SwAV
from kssl.models.vae import VAE

__all__ = [
    "AMDIM",
    "BERT",
    "BYOL",
    "CMC",
    "DINO",
    "GPT",
    "IJEPA",
    "MAE",
    "NNCLR",
    "VAE",
    "AutoEncoder",
    "Branch",
    "CPCImage",
    "Counting",
    "DeepCluster",
    "DeepClusterV1",
    "DenoisingAutoEncoder",
    "DensePrediction",
    "Diffusion",
    "InstanceDiscrimination",
    "InterCLR",
    "JointEmbedding",
    "LeJEPA",
    "Metric",
    "MoCo",
    "MoCoV3",
    "Model",
    "PretextClassifier",
    "SimCLR",
    "SimMIM",
    "SimSiam",
    "SplitBrain",
    "SwAV",
    "run",
]

kssl._make_known_to_keras()
