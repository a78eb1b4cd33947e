"""Models: one self-supervised method each."""

from __future__ import annotations

# name: (where it is, one line of help)
MODELS = {
    "amdim": (
        "kssl.models.amdim:AMDIM",
        "AMDIM: global features pick local ones of the other view",
    ),
    "autoencoder": (
        "kssl.models.autoencoder:AutoEncoder",
        "Autoencoder: reconstructs its input from a low-dimensional code",
    ),
    "bert": ("kssl.models.bert:BERT", "Masked language model, and sentence pairs"),
    "byol": (
        "kssl.models.byol:BYOL",
        "BYOL: predicts a momentum teacher's projection of the other view",
    ),
    "cmc": ("kssl.models.cmc:CMC", "CMC: brightness and colour of an image as two views"),
    "counting": (
        "kssl.models.counting:Counting",
        "Counting: counts of the quarters add up to those of the image",
    ),
    "cpc_image": (
        "kssl.models.cpc:CPCImage",
        "CPC for images: rows of patches predicted from those above",
    ),
    "deep_cluster": (
        "kssl.models.deep_cluster:DeepCluster",
        "DeepCluster v2: clusters of the last epoch as classes",
    ),
    "deep_cluster_v1": (
        "kssl.models.deep_cluster_v1:DeepClusterV1",
        "DeepCluster: k-means of whitened features, a new head each epoch",
    ),
    "dense_prediction": (
        "kssl.models.dense_prediction:DensePrediction",
        "Predicts a class or values at each place: colorization, context encoder",
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
    "ijepa": (
        "kssl.models.ijepa:IJEPA",
        "I-JEPA: predicts the features of hidden blocks",
    ),
    "instance_discrimination": (
        "kssl.models.instance_discrimination:InstanceDiscrimination",
        "Instance discrimination: each example a class, a memory bank",
    ),
    "interclr": (
        "kssl.models.interclr:InterCLR",
        "InterCLR: instances and others of an online cluster as positives",
    ),
    "lejepa": (
        "kssl.models.lejepa:LeJEPA",
        "LeJEPA: views alike, embeddings normally distributed",
    ),
    "mae": ("kssl.models.mae:MAE", "Masked autoencoder with a vision transformer"),
    "metric": ("kssl.models.metric:Metric", "Supervised metric learning: triplet and other losses"),
    "moco": (
        "kssl.models.moco:MoCo",
        "Momentum contrast: a momentum encoder and a queue of negatives",
    ),
    "moco_v3": (
        "kssl.models.moco_v3:MoCoV3",
        "MoCo v3: a momentum encoder and a predictor, no queue",
    ),
    "nnclr": ("kssl.models.nnclr:NNCLR", "NNCLR: nearest neighbours as positives"),
    "pretext_classifier": (
        "kssl.models.pretext_classifier:PretextClassifier",
        "Pseudo-label classification: rotation, jigsaw, order, …",
    ),
    "simclr": ("kssl.models.simclr:SimCLR", "SimCLR: contrastive learning of two views"),
    "split_brain": (
        "kssl.models.split_brain:SplitBrain",
        "Split-brain: colour from brightness, and brightness from colour",
    ),
    "simmim": (
        "kssl.models.simmim:SimMIM",
        "SimMIM: masked patches by one encoder, without a decoder",
    ),
    "simsiam": ("kssl.models.simsiam:SimSiam", "SimSiam: a predictor and a stop-gradient"),
    "swav": ("kssl.models.swav:SwAV", "SwAV: predicts the other view's assignment to prototypes"),
    "vae": ("kssl.models.vae:VAE", "Variational autoencoder"),
}
