"""Models: one self-supervised method each."""

from __future__ import annotations

# name: (where it is, one line of help)
MODELS = {
    "autoencoder": ("kssl.models.autoencoder:AutoEncoder", "Reconstruct the input"),
    "bert": ("kssl.models.bert:BERT", "Hidden words from both sides, and pairs"),
    "byol": ("kssl.models.byol:BYOL", "Predicts its own moving average from another view"),
    "denoising_autoencoder": (
        "kssl.models.autoencoder:DenoisingAutoEncoder",
        "Reconstruct the clean input from a noisy one",
    ),
    "diffusion": ("kssl.models.diffusion:Diffusion", "Take noise away, step by step"),
    "dino": ("kssl.models.dino:DINO", "Self-distillation over prototypes, with small views"),
    "gpt": ("kssl.models.gpt:GPT", "The next token from those before it"),
    "mae": ("kssl.models.mae:MAE", "Masked autoencoder: a vision transformer"),
    "metric": ("kssl.models.metric:Metric", "Distances that follow labels: triplet, …"),
    "moco": ("kssl.models.moco:MoCo", "Momentum contrast: a teacher and a queue of negatives"),
    "pretext_classifier": (
        "kssl.models.pretext_classifier:PretextClassifier",
        "Classifies pseudo-labels: rotation, jigsaw, order, …",
    ),
    "simclr": ("kssl.models.simclr:SimCLR", "Two views of an image find each other"),
    "simsiam": ("kssl.models.simsiam:SimSiam", "Two views, a predictor and a stopped gradient"),
    "vae": ("kssl.models.vae:VAE", "Variational autoencoder"),
}
