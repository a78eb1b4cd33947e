"""Losses: each a stateless function of tensors, and a `keras.losses.Loss` class around it.

Some compare the examples of a batch with one another (`spans_batch` of the class is True). Where
several devices share a batch, they compare the whole of it on JAX (`keras.distribution`), where a
program sees one global batch. On TensorFlow (`MirroredStrategy`) each replica sees its own part and
finds its pairs there; the loss and its gradient are the mean over the replicas, which is not that
of the whole batch on one device. Give each replica as many examples as the method needs. All other
losses have a value of their own for each example, and are the same on any number of devices.
"""

from __future__ import annotations

import kssl
from kssl.losses.adversarial import Adversarial, adversarial
from kssl.losses.batch import valid_anchors
from kssl.losses.clustering import (
    DINO,
    SwappedPrediction,
    dino,
    dino_center,
    sinkhorn,
    swapped_prediction,
)
from kssl.losses.counting import counting
from kssl.losses.diffusion import Diffusion, diffusion, diffusion_target, diffusion_weight
from kssl.losses.distribution import (
    ELBO,
    GaussianKL,
    ImportanceWeightedBound,
    elbo,
    gaussian_kl,
    importance_weighted_bound,
)
from kssl.losses.divergence import (
    CategoricalKL,
    GaussianKLBetween,
    categorical_kl,
    gaussian_kl_between,
)
from kssl.losses.energy import ContrastiveDivergence, contrastive_divergence, rbm_free_energy
from kssl.losses.gaussianity import random_directions, sigreg
from kssl.losses.local import local_info_nce
from kssl.losses.multimodal import CLIP, SigLIP, clip, siglip
from kssl.losses.neighbours import (
    SoftNearestNeighbor,
    SupervisedContrastive,
    soft_nearest_neighbor,
    supervised_contrastive,
)
from kssl.losses.noise_contrastive import NCE, InfoNCE, NTXent, info_nce, nce, nt_xent
from kssl.losses.pairs import (
    Contrastive,
    LiftedStructured,
    NPair,
    contrastive,
    lifted_structured,
    n_pair,
)
from kssl.losses.reconstruction import Reconstruction, reconstruction
from kssl.losses.redundancy import (
    BarlowTwins,
    NegativeCosine,
    VICReg,
    barlow_twins,
    negative_cosine,
    vicreg,
    vicreg_parts,
)
from kssl.losses.score import DenoisingScore, denoising_score
from kssl.losses.tokens import MaskedCrossEntropy, masked_cross_entropy
from kssl.losses.triplets import Triplet, triplet
from kssl.losses.words import (
    NegativeSampling,
    SampledSoftmax,
    context_mean,
    negative_sampling,
    sampled_softmax,
)

__all__ = [
    "Adversarial",
    "BarlowTwins",
    "CLIP",
    "CategoricalKL",
    "Contrastive",
    "ContrastiveDivergence",
    "DINO",
    "DenoisingScore",
    "Diffusion",
    "ELBO",
    "GaussianKL",
    "GaussianKLBetween",
    "ImportanceWeightedBound",
    "InfoNCE",
    "LiftedStructured",
    "MaskedCrossEntropy",
    "NCE",
    "NPair",
    "NTXent",
    "NegativeCosine",
    "NegativeSampling",
    "Reconstruction",
    "SampledSoftmax",
    "SigLIP",
    "SoftNearestNeighbor",
    "SupervisedContrastive",
    "SwappedPrediction",
    "Triplet",
    "VICReg",
    "adversarial",
    "barlow_twins",
    "categorical_kl",
    "clip",
    "context_mean",
    "contrastive",
    "contrastive_divergence",
    "counting",
    "denoising_score",
    "diffusion",
    "diffusion_target",
    "diffusion_weight",
    "dino",
    "dino_center",
    "elbo",
    "gaussian_kl",
    "gaussian_kl_between",
    "importance_weighted_bound",
    "info_nce",
    "lifted_structured",
    "local_info_nce",
    "masked_cross_entropy",
    "n_pair",
    "nce",
    "negative_cosine",
    "negative_sampling",
    "nt_xent",
    "random_directions",
    "rbm_free_energy",
    "reconstruction",
    "sampled_softmax",
    "siglip",
    "sigreg",
    "sinkhorn",
    "soft_nearest_neighbor",
    "supervised_contrastive",
    "swapped_prediction",
    "triplet",
    "valid_anchors",
    "vicreg",
    "vicreg_parts",
]

kssl._make_known_to_keras()
