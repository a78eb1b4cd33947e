"""One small example of each model: what it is made of, and a batch to train it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

COUNT, LENGTH, VOCABULARY = 32, 32, 64  # small: most of the time goes into compiling


def images() -> np.ndarray:
    return np.random.RandomState(0).rand(COUNT, 32, 32, 3).astype("float32")


def quarters() -> dict[str, np.ndarray]:
    """Images made small, and quarters of that size: random ones serve as well."""
    tiles = np.random.RandomState(2).rand(COUNT, 4, 32, 32, 3).astype("float32")
    return {"image": images(), "tiles": tiles}


def labels() -> np.ndarray:
    return np.arange(COUNT, dtype="int32") % 4


def tokens() -> np.ndarray:
    return np.random.RandomState(1).randint(5, VOCABULARY, (COUNT, LENGTH)).astype("int32")


def hidden_tokens() -> dict[str, np.ndarray]:
    target = np.where(np.arange(LENGTH) % 8 == 1, tokens(), -1).astype("int32")
    return {"tokens": np.where(target < 0, tokens(), 4).astype("int32"), "target": target}


def transformer() -> Any:
    import kssl

    return kssl.layers.Transformer(64, depth=1, heads=2)


def unet() -> Any:
    import kssl

    return kssl.layers.UNet([32], blocks=1, attention=[], patch_size=4)


def convnet() -> Any:
    import kssl

    return kssl.layers.ConvNet([16, 32])


def map_network() -> Any:
    import kssl

    return kssl.layers.ConvNet([16, 32], pool=False)


def multiscale() -> Any:
    import kssl

    return kssl.layers.MultiscaleEncoder([16, 32], width=64)


# For each model of `kssl.models`: how that room makes it, and what makes a batch for it.
MODELS: dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]] = {
    "AMDIM": (
        lambda models: models.AMDIM(multiscale(), augment="device"),
        images,
    ),
    "AutoEncoder": (lambda models: models.AutoEncoder(16), images),
    "BYOL": (lambda models: models.BYOL(convnet(), augment="device"), images),
    "BERT": (lambda models: models.BERT(VOCABULARY, 1, 2, 64), hidden_tokens),
    "CMC": (lambda models: models.CMC(convnet(), convnet()), images),
    "CPCImage": (lambda models: models.CPCImage(patch_size=8), images),
    "Counting": (lambda models: models.Counting(convnet()), quarters),
    "DINO": (lambda models: models.DINO(convnet(), prototypes=64, augment="device"), images),
    "DeepCluster": (
        lambda models: models.DeepCluster(64, 2, [8], convnet(), augment="device"),
        lambda: {"image": images(), "target": labels()},
    ),
    "DeepClusterV1": (
        lambda models: models.DeepClusterV1(64, 2, 8, convnet(), augment="device"),
        lambda: {"image": images(), "target": labels()},
    ),
    "DensePrediction": (
        lambda models: models.DensePrediction(encoder=map_network()),
        lambda: {"image": images(), "target": images()},
    ),
    "DenoisingAutoEncoder": (lambda models: models.DenoisingAutoEncoder(16), images),
    "Diffusion": (lambda models: models.Diffusion(unet()), images),
    "GPT": (lambda models: models.GPT(VOCABULARY, 1, 2, 64, dropout=0.1), tokens),
    "IJEPA": (lambda models: models.IJEPA(4, transformer(), transformer()), images),
    "InstanceDiscrimination": (
        lambda models: models.InstanceDiscrimination(64, convnet(), augment="device"),
        lambda: {"image": images(), "target": labels()},
    ),
    "InterCLR": (
        lambda models: models.InterCLR(64, 2, 8, convnet(), negatives=8, augment="device"),
        lambda: {"image": images(), "target": labels()},
    ),
    "LeJEPA": (lambda models: models.LeJEPA(convnet(), augment="device"), images),
    "MAE": (
        lambda models: models.MAE(4, transformer(), transformer()),
        images,
    ),
    "Metric": (lambda models: models.Metric(), lambda: {"image": images(), "label": labels()}),
    "MoCo": (lambda models: models.MoCo(convnet(), queue_size=64, augment="device"), images),
    "MoCoV3": (lambda models: models.MoCoV3(convnet(), augment="device"), images),
    "NNCLR": (lambda models: models.NNCLR(convnet(), queue_size=64, augment="device"), images),
    "PretextClassifier": (
        lambda models: models.PretextClassifier(4, encoder=convnet()),
        lambda: {"image": images(), "target": labels()},
    ),
    "SimCLR": (lambda models: models.SimCLR(convnet(), augment="device"), images),
    "SplitBrain": (lambda models: models.SplitBrain(map_network(), map_network()), images),
    "SimMIM": (lambda models: models.SimMIM(4, transformer()), images),
    "SimSiam": (lambda models: models.SimSiam(convnet(), augment="device"), images),
    "SwAV": (lambda models: models.SwAV(convnet(), prototypes=64, augment="device"), images),
    "VAE": (lambda models: models.VAE(16), images),
}
