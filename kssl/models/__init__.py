"""Models: one self-supervised method each, with its own loss and its representation."""

from __future__ import annotations

import kssl
from kssl.models.autoencoder import AutoEncoder
from kssl.models.base import Model, run
from kssl.models.denoising_autoencoder import DenoisingAutoEncoder
from kssl.models.metric import Metric
from kssl.models.vae import VAE

__all__ = ["VAE", "AutoEncoder", "DenoisingAutoEncoder", "Metric", "Model", "run"]

kssl._make_known_to_keras()
