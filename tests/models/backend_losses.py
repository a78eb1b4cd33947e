"""Prints the losses of each model for fixed weights and inputs; run once per backend.

The noise of a VAE and of a corruption differs between backends by design, so it is replaced by
fixed numbers; everything else is as in training. The weights come from NumPy.
"""

from __future__ import annotations

import json

import keras
import numpy as np

from kssl.layers import (
    MLP,
    ConvDecoder,
    ConvEncoder,
    ConvNet,
    MultiscaleEncoder,
    ProjectionHead,
    Transformer,
    UNet,
)
from kssl.losses import ELBO, ImportanceWeightedBound, Reconstruction, SupervisedContrastive
from kssl.models import (
    AMDIM,
    BERT,
    BYOL,
    DINO,
    GPT,
    MAE,
    NNCLR,
    VAE,
    AutoEncoder,
    Counting,
    CPCImage,
    DeepClusterV1,
    DenoisingAutoEncoder,
    DensePrediction,
    Diffusion,
    InstanceDiscrimination,
    InterCLR,
    LeJEPA,
    Metric,
    MoCo,
    MoCoV3,
    SimCLR,
    SimSiam,
    SplitBrain,
    SwAV,
)

IMAGES = np.random.RandomState(0).rand(32, 12, 12, 1).astype("float32")
LABELS = np.arange(32) % 5  # only models that need labels look at them


def fixed(shape, dtype="float32", seed=None, **_):
    size = int(np.prod([int(length) for length in shape]))
    drawn = np.random.RandomState(3).standard_normal(size).astype("float32")
    return keras.ops.convert_to_tensor(drawn.reshape([int(length) for length in shape]))


def timesteps(shape, minval, maxval, dtype="int32", seed=None):
    return keras.ops.convert_to_tensor((np.arange(shape[0]) * 31 % maxval).astype(dtype))


def two_steps() -> list[float]:
    """Return the losses of two steps of `fit` on labels and images that kssl brings."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images[:128].reshape(-1, 8, 8, 1) / 16).astype("float32")
    model = Metric(MLP([16]), 4)
    model.build(images.shape)
    random = np.random.RandomState(1)
    for weight in model.trainable_weights:
        weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
    model.compile(keras.optimizers.SGD(0.1))
    given = {"image": images[:64], "label": labels[:64]}
    return model.fit(given, batch_size=64, epochs=2, verbose=0).history["loss"]


def of_bert() -> list[float]:
    """Return the losses of hidden tokens and of pairs, without and with training."""
    random = np.random.RandomState(2)
    tokens = random.randint(5, 50, (6, 24)).astype("int32")
    hidden = random.rand(6, 24) < 0.1
    batch = {
        "tokens": np.where(hidden, 4, tokens),
        "target": np.where(hidden, tokens, -1).astype("int32"),
        "segment": (np.arange(24) > random.randint(5, 15, (6, 1))).astype("int32"),
        "padding_mask": np.arange(24) < random.randint(16, 25, (6, 1)),
        "pair_target": np.arange(6, dtype="int32") % 2,
    }
    model = BERT(50, depth=2, heads=2, width=16, dropout=0.0, max_predictions=8)
    model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    for weight in model.trainable_weights:
        weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
    before = float(model.compute_loss(batch, None, model(batch), training=False))
    model.compile(keras.optimizers.SGD(0.1))
    history = model.fit(batch, batch_size=6, epochs=2, verbose=0).history
    return [before, *history["masked_loss"], *history["pair_loss"]]


def of_gpt() -> list[float]:
    """Return the loss of two documents in a row, and of two steps of training."""
    random = np.random.RandomState(4)
    tokens = random.randint(0, 30, (6, 16)).astype("int32")
    document = (np.arange(16) > random.randint(4, 12, (6, 1))).astype("int32")
    target = np.where(document[:, :-1] == document[:, 1:], tokens[:, 1:], -1).astype("int32")
    batch = {"tokens": tokens[:, :-1], "target": target, "document": document[:, :-1]}
    model = GPT(30, depth=2, heads=2, width=16)
    model.build((None, 15))
    for weight in model.trainable_weights:
        weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
    before = float(model.compute_loss(batch, None, model(batch), training=False))
    model.compile(keras.optimizers.SGD(0.1))
    return [before, *model.fit(batch, batch_size=6, epochs=2, verbose=0).history["loss"]]


def of_simclr() -> list[float]:
    """Return the loss of two views, with batch normalisation in training and without."""
    random = np.random.RandomState(5)
    views = {f"view_{each}": random.rand(8, 12, 12, 3).astype("float32") for each in (1, 2)}
    model = SimCLR(ConvNet([4, 6]), ProjectionHead(5, hidden_dim=7))
    model.build({key: value.shape for key, value in views.items()})
    for weight in model.trainable_weights:
        weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
    return [
        float(model.compute_loss(views, None, model(views, training=training)))
        for training in (False, True)
    ]


def of_maps() -> dict[str, list[float]]:
    """Return the losses of two training steps of models that predict maps."""
    random = np.random.RandomState(7)
    images = random.rand(8, 12, 12, 3).astype("float32")
    batch = {"image": images, "target": random.rand(8, 12, 12, 3).astype("float32")}
    batch["mask"] = random.rand(8, 12, 12) < 0.3
    classes = {"image": images, "target": random.randint(0, 5, (8, 6, 6)).astype("int32")}
    classes["weight"] = random.rand(8, 6, 6).astype("float32")
    halves = [ConvNet([4], pool=False) for _ in range(2)]
    cases = {
        "values": (DensePrediction(None, ConvNet([4, 6], pool=False)), batch),
        "classes": (DensePrediction(5, ConvNet([4, 6], pool=False)), classes),
        "adversary": (
            DensePrediction(
                None, ConvNet([4], pool=False), adversarial_weight=0.5, discriminator=MLP([6])
            ),
            batch,
        ),
        "split-brain": (SplitBrain(*halves, bins=4), {"image": images}),
    }
    losses = {}
    for name, (model, given) in cases.items():
        model.build({key: (None, *value.shape[1:]) for key, value in given.items()})
        for weight in model.trainable_weights:
            weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
        model.compile(keras.optimizers.SGD(1e-3))
        losses[name] = model.fit(given, batch_size=8, epochs=2, verbose=0).history["loss"]
    return losses


def of_joint_embedding() -> dict[str, list[float]]:
    """Return the losses of two training steps of each method with a teacher, queue or centre."""
    random = np.random.RandomState(6)
    crops = {f"view_{each}": random.rand(8, 12, 12, 1).astype("float32") for each in (1, 2)}
    crops["local_views"] = random.rand(8, 2, 6, 6, 1).astype("float32")
    crops["target"] = np.arange(8, dtype="int32")
    losses = {}
    settings: dict[type, dict[str, int]] = {
        **dict.fromkeys((BYOL, SimSiam, MoCo, MoCoV3, NNCLR, DINO, LeJEPA), {}),
        SwAV: {"prototypes": 6, "queue_size": 8, "frozen_steps": 1},
        InstanceDiscrimination: {"examples": 20},
        DeepClusterV1: {"examples": 8, "steps_per_epoch": 1, "clusters": 3, "components": 5},
        InterCLR: {"examples": 8, "steps_per_epoch": 1, "clusters": 3, "negatives": 2},
    }
    for method, given in settings.items():
        model = method(encoder=ConvNet([4, 6]), projector=ProjectionHead(5, 7), **given)
        model.build({key: (None, *value.shape[1:]) for key, value in crops.items()})
        for weight in model.trainable_weights:
            weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
        for weight in model.non_trainable_weights:  # drawn at the start
            if weight.name in ("features", "rows"):
                weight.assign(random.standard_normal(weight.shape).astype("float32"))
        # A tiny step: weights of 0.1 give projections so small that their directions turn fast, and
        # a rounding of the gradient would become one of the next loss.
        model.compile(keras.optimizers.SGD(1e-5))
        history = model.fit(crops, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        losses[method.__name__] = history["loss"]
    return losses


def of_local_features() -> dict[str, list[float]]:
    """Return the losses of counting, CPC and AMDIM, without and with training."""
    random = np.random.RandomState(7)
    given = {f"view_{each}": random.rand(8, 12, 12, 1).astype("float32") for each in (1, 2)}
    given |= {"image": given["view_1"], "tiles": random.rand(8, 4, 12, 12, 1).astype("float32")}
    heads = [ProjectionHead(5, 7, normalization=None) for _ in range(4)]
    models = {
        "counting": Counting(ConvNet([4, 6]), heads[3]),
        "cpc": CPCImage(ConvEncoder([4]), patch_size=4),
        "amdim": AMDIM(MultiscaleEncoder([4], 6), *heads[:3]),
    }
    losses = {}
    for name, model in models.items():
        model.build({key: (None, *value.shape[1:]) for key, value in given.items()})
        for weight in model.trainable_weights:
            weight.assign(0.3 * random.standard_normal(weight.shape).astype("float32"))
        losses[name] = [
            float(model.compute_loss(given, None, model(given, training=each), training=each))
            for each in (False, True)
        ]
    return losses


def main() -> None:
    keras.random.normal = keras.random.uniform = fixed
    keras.random.randint = timesteps
    models = {
        "autoencoder": AutoEncoder(4, MLP([32]), MLP([32])),
        "convolutional": AutoEncoder(
            4, ConvEncoder([4, 8]), ConvDecoder([8, 4]), loss=Reconstruction("bernoulli")
        ),
        "denoising": DenoisingAutoEncoder(4, MLP([32]), MLP([32])),
        "vae": VAE(4, MLP([32]), MLP([32]), loss=ELBO(beta=2.0, free_bits=0.01)),
        "gaussian vae": VAE(4, MLP([32]), MLP([32]), likelihood="gaussian"),
        "importance-weighted": VAE(4, MLP([32]), MLP([32]), loss=ImportanceWeightedBound(3)),
        "mae": MAE(4, Transformer(16, 2, 2), Transformer(8, 1, 2)),
        "metric": Metric(MLP([32]), 4),
        "diffusion": Diffusion(UNet([4, 8], blocks=1, attention=[1])),
        "diffusion, EDM": Diffusion(UNet([4], blocks=1, patch_size=2), noise="edm"),
        "metric, supervised contrastive": Metric(
            ConvEncoder([4, 8]), 4, loss=SupervisedContrastive()
        ),
    }
    losses = {"two steps of metric": two_steps(), "bert": of_bert(), "gpt": of_gpt()}
    losses["simclr"] = of_simclr()
    losses |= of_joint_embedding() | of_maps() | of_local_features()
    for name, model in models.items():
        model.build(IMAGES.shape)
        random = np.random.RandomState(1)
        for weight in model.trainable_weights:
            weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
        found = []
        for training in (True, False):
            prediction = model(IMAGES, training=training)
            target = LABELS if model.needs_labels else None
            found.append(float(model.compute_loss(IMAGES, target, prediction, training=training)))
        losses[name] = found
    print(json.dumps(losses))


if __name__ == "__main__":
    main()
