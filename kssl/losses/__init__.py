"""Losses: each a stateless function of tensors, and a `keras.losses.Loss` class around it."""

from __future__ import annotations

import kssl
from kssl.losses.distribution import (
    ELBO,
    GaussianKL,
    ImportanceWeightedBound,
    elbo,
    gaussian_kl,
    importance_weighted_bound,
)
from kssl.losses.reconstruction import Reconstruction, reconstruction

__all__ = [
    "ELBO",
    "GaussianKL",
    "ImportanceWeightedBound",
    "Reconstruction",
    "elbo",
    "gaussian_kl",
    "importance_weighted_bound",
    "reconstruction",
]

kssl._make_known_to_keras()
