"""Recipes: files of the folder `recipes`, by name."""

from __future__ import annotations

# the file without .yaml: one line of help
RECIPES = {
    "autoencoder_mnist": "Autoencoder against PCA",
    "barlow_twins_fashion": "Barlow Twins on Fashion-MNIST",
    "bert_news": "BERT, small, on BBC news",
    "bert_wikipedia_gpu": "BERT-small on a folder of text, for a GPU",
    "byol_fashion": "BYOL on Fashion-MNIST",
    "deep_cluster_fashion": "DeepCluster v2 on Fashion-MNIST",
    "deep_cluster_v1_fashion": "DeepCluster with a head on Fashion-MNIST",
    "denoising_autoencoder_mnist": "Denoising autoencoder",
    "diffusion_cifar10_gpu": "Diffusion with DDPM's settings, for a GPU",
    "diffusion_mnist": "Diffusion, digits by class",
    "dino_fashion": "DINO with small views on Fashion-MNIST",
    "gpt_shakespeare": "GPT, character by character",
    "gpt_shakespeare_gpu": "GPT, larger, for a GPU",
    "instance_fashion": "Instance discrimination on Fashion-MNIST",
    "jigsaw_fashion": "Jigsaw puzzles on Fashion-MNIST",
    "lejepa_fashion": "LeJEPA on Fashion-MNIST",
    "mae_cifar10_gpu": "Masked autoencoder, large, for a GPU",
    "mae_fashion": "Masked autoencoder on Fashion-MNIST",
    "moco_fashion": "MoCo on Fashion-MNIST",
    "moco_v3_fashion": "MoCo v3 on Fashion-MNIST",
    "nnclr_fashion": "NNCLR on Fashion-MNIST",
    "rotation_fashion": "Rotation prediction on Fashion-MNIST",
    "simclr_cifar10_gpu": "SimCLR with a ResNet-18, for a GPU",
    "simclr_fashion": "SimCLR on Fashion-MNIST",
    "simsiam_fashion": "SimSiam on Fashion-MNIST",
    "swav_fashion": "SwAV on Fashion-MNIST",
    "triplet_mnist": "Triplets, trained on labels",
    "vae_mnist": "VAE, binarized anew each time",
    "vae_mnist_binarized": "VAE, fixed binarization",
    "vicreg_fashion": "VICReg on Fashion-MNIST",
}
