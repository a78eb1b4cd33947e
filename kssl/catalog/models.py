"""Models: one self-supervised method each."""

from __future__ import annotations

# name: (where it is, one line of help)
MODELS = {
    "autoencoder": ("kssl.models.autoencoder:AutoEncoder", "Reconstruct the input"),
    "bert": ("kssl.models.bert:BERT", "Hidden words from both sides, and pairs"),
    "denoising_autoencoder": (
        "kssl.models.denoising_autoencoder:DenoisingAutoEncoder",
        "Reconstruct the clean input from a noisy one",
    ),
    "diffusion": ("kssl.models.diffusion:Diffusion", "Take noise away, step by step"),
    "gpt": ("kssl.models.gpt:GPT", "The next token from those before it"),
    "mae": ("kssl.models.mae:MAE", "Masked autoencoder: a vision transformer"),
    "metric": ("kssl.models.metric:Metric", "Distances that follow labels: triplet, …"),
    "simclr": ("kssl.models.simclr:SimCLR", "Two views of an image find each other"),
    "vae": ("kssl.models.vae:VAE", "Variational autoencoder"),
}
