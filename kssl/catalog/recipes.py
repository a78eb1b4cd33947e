"""Recipes: files of the folder `recipes`."""

from __future__ import annotations

# name: (where it is, one line of help)
RECIPES = {
    "autoencoder_mnist": ("kssl:autoencoder_mnist.yaml", "Autoencoder against PCA"),
    "bert_news": ("kssl:bert_news.yaml", "BERT, small, on BBC news"),
    "bert_wikipedia_gpu": (
        "kssl:bert_wikipedia_gpu.yaml",
        "BERT-small on a folder of text, for a GPU",
    ),
    "denoising_autoencoder_mnist": (
        "kssl:denoising_autoencoder_mnist.yaml",
        "Denoising autoencoder",
    ),
    "diffusion_cifar10_gpu": (
        "kssl:diffusion_cifar10_gpu.yaml",
        "Diffusion with DDPM's settings, for a GPU",
    ),
    "diffusion_mnist": ("kssl:diffusion_mnist.yaml", "Diffusion, digits by class"),
    "gpt_shakespeare": ("kssl:gpt_shakespeare.yaml", "GPT, character by character"),
    "gpt_shakespeare_gpu": ("kssl:gpt_shakespeare_gpu.yaml", "GPT, larger, for a GPU"),
    "mae_cifar10_gpu": ("kssl:mae_cifar10_gpu.yaml", "Masked autoencoder, large, for a GPU"),
    "mae_fashion": ("kssl:mae_fashion.yaml", "Masked autoencoder on Fashion-MNIST"),
    "simclr_cifar10_gpu": ("kssl:simclr_cifar10_gpu.yaml", "SimCLR with a ResNet-18, for a GPU"),
    "simclr_fashion": ("kssl:simclr_fashion.yaml", "SimCLR on Fashion-MNIST"),
    "triplet_mnist": ("kssl:triplet_mnist.yaml", "Triplets, trained on labels"),
    "vae_mnist": ("kssl:vae_mnist.yaml", "VAE, binarized anew each time"),
    "vae_mnist_binarized": ("kssl:vae_mnist_binarized.yaml", "VAE, fixed binarization"),
}
