"""Models: one self-supervised method each."""

from __future__ import annotations

# name: (where it is, one line of help)
MODELS = {
    "autoencoder": (
        "kssl.models.autoencoder:AutoEncoder",
        "Autoencoder: reconstructs its input from a low-dimensional code",
    ),
    "bert": ("kssl.models.bert:BERT", "Masked language model, and sentence pairs"),
    "byol": (
        "kssl.models.byol:BYOL",
        "BYOL: predicts a momentum teacher's projection of the other view",
    ),
    "denoising_autoencoder": (
        "kssl.models.autoencoder:DenoisingAutoEncoder",
        "Denoising autoencoder",
    ),
    "diffusion": (
        "kssl.models.diffusion:Diffusion",
        "Denoising diffusion, with or without classes",
    ),
    "dino": ("kssl.models.dino:DINO", "DINO: self-distillation over prototypes, multi-crop"),
    "gpt": ("kssl.models.gpt:GPT", "Autoregressive language model"),
    "mae": ("kssl.models.mae:MAE", "Masked autoencoder with a vision transformer"),
    "metric": ("kssl.models.metric:Metric", "Supervised metric learning: triplet and other losses"),
    "moco": (
        "kssl.models.moco:MoCo",
        "Momentum contrast: a momentum encoder and a queue of negatives",
    ),
    "pretext_classifier": (
        "kssl.models.pretext_classifier:PretextClassifier",
        "Pseudo-label classification: rotation, jigsaw, order, …",
    ),
    "simclr": ("kssl.models.simclr:SimCLR", "SimCLR: contrastive learning of two views"),
    "simsiam": ("kssl.models.simsiam:SimSiam", "SimSiam: a predictor and a stop-gradient"),
    "vae": ("kssl.models.vae:VAE", "Variational autoencoder"),
}
