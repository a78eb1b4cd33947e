"""Losses."""

from __future__ import annotations

# name: (where it is, one line of help)
LOSSES = {
    "reconstruction": (
        "kssl.losses.reconstruction:Reconstruction",
        "Distance of an input from its reconstruction",
    ),
    "gaussian_kl": (
        "kssl.losses.distribution:GaussianKL",
        "Divergence of a diagonal Gaussian from the standard normal",
    ),
    "elbo": ("kssl.losses.distribution:ELBO", "Negative evidence lower bound"),
    "importance_weighted_bound": (
        "kssl.losses.distribution:ImportanceWeightedBound",
        "Tighter bound from several samples",
    ),
    "contrastive": (
        "kssl.losses.pairs:Contrastive",
        "Similar pairs together, others a margin apart",
    ),
    "lifted_structured": (
        "kssl.losses.pairs:LiftedStructured",
        "Each positive pair against all its negatives",
    ),
    "n_pair": ("kssl.losses.pairs:NPair", "One positive against many negatives, by dot products"),
    "triplet": ("kssl.losses.triplets:Triplet", "Positive nearer than negative; mines the batch"),
    "soft_nearest_neighbor": (
        "kssl.losses.neighbours:SoftNearestNeighbor",
        "Soft nearest neighbours: probability of a neighbour of the class",
    ),
    "supervised_contrastive": (
        "kssl.losses.neighbours:SupervisedContrastive",
        "SupCon: all of the class are positives",
    ),
    "nce": ("kssl.losses.noise_contrastive:NCE", "Noise-contrastive estimation"),
    "info_nce": (
        "kssl.losses.noise_contrastive:InfoNCE",
        "InfoNCE: each query against the keys of the batch",
    ),
    "nt_xent": ("kssl.losses.noise_contrastive:NTXent", "NT-Xent: SimCLR's contrastive loss"),
    "clip": ("kssl.losses.multimodal:CLIP", "CLIP: contrastive loss of image-text pairs"),
    "siglip": ("kssl.losses.multimodal:SigLIP", "SigLIP: sigmoid loss of image-text pairs"),
    "barlow_twins": (
        "kssl.losses.redundancy:BarlowTwins",
        "Cross-correlation of two views to the identity",
    ),
    "vicreg": ("kssl.losses.redundancy:VICReg", "Invariance, variance, covariance"),
    "negative_cosine": (
        "kssl.losses.redundancy:NegativeCosine",
        "BYOL and SimSiam: predict the other view",
    ),
    "dino": ("kssl.losses.clustering:DINO", "Student follows the centred, sharpened teacher"),
    "swapped_prediction": (
        "kssl.losses.clustering:SwappedPrediction",
        "SwAV: predict the other view's code",
    ),
    "gaussian_kl_between": (
        "kssl.losses.divergence:GaussianKLBetween",
        "Divergence of two diagonal Gaussians",
    ),
    "categorical_kl": (
        "kssl.losses.divergence:CategoricalKL",
        "Divergence of two categorical distributions",
    ),
    "negative_sampling": (
        "kssl.losses.words:NegativeSampling",
        "word2vec: a word against noise words",
    ),
    "sampled_softmax": (
        "kssl.losses.words:SampledSoftmax",
        "Cross-entropy over a sample of the vocabulary",
    ),
    "masked_cross_entropy": (
        "kssl.losses.tokens:MaskedCrossEntropy",
        "Cross-entropy of the selected tokens",
    ),
    "adversarial": (
        "kssl.losses.adversarial:Adversarial",
        "Discriminator or generator: three kinds",
    ),
    "contrastive_divergence": (
        "kssl.losses.energy:ContrastiveDivergence",
        "Contrastive divergence: free energy of data against samples",
    ),
    "denoising_score": ("kssl.losses.score:DenoisingScore", "Denoising score matching"),
    "diffusion": ("kssl.losses.diffusion:Diffusion", "Squared error by noise level: min-SNR, EDM"),
}
