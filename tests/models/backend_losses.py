"""Prints the losses of each model for fixed weights and inputs; run once per backend.

The noise of a VAE and of a corruption differs between backends by design, so it is replaced by
fixed numbers; everything else is as in training. The weights come from NumPy.
"""

from __future__ import annotations

import json

import keras
import numpy as np

from kssl.layers import MLP, ConvDecoder, ConvEncoder
from kssl.losses import ELBO, ImportanceWeightedBound, Reconstruction, SupervisedContrastive
from kssl.models import VAE, AutoEncoder, DenoisingAutoEncoder, Metric

IMAGES = np.random.RandomState(0).rand(32, 12, 12, 1).astype("float32")
LABELS = np.arange(32) % 5  # only models that need labels look at them


def fixed(shape, dtype="float32", seed=None, **_):
    size = int(np.prod([int(length) for length in shape]))
    drawn = np.random.RandomState(3).standard_normal(size).astype("float32")
    return keras.ops.convert_to_tensor(drawn.reshape([int(length) for length in shape]))


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


def main() -> None:
    keras.random.normal = fixed
    models = {
        "autoencoder": AutoEncoder(4, MLP([32]), MLP([32])),
        "convolutional": AutoEncoder(
            4, ConvEncoder([4, 8]), ConvDecoder([8, 4]), loss=Reconstruction("bernoulli")
        ),
        "denoising": DenoisingAutoEncoder(4, MLP([32]), MLP([32])),
        "vae": VAE(4, MLP([32]), MLP([32]), loss=ELBO(beta=2.0, free_bits=0.01)),
        "gaussian vae": VAE(4, MLP([32]), MLP([32]), likelihood="gaussian"),
        "importance-weighted": VAE(4, MLP([32]), MLP([32]), loss=ImportanceWeightedBound(3)),
        "metric": Metric(MLP([32]), 4),
        "metric, supervised contrastive": Metric(
            ConvEncoder([4, 8]), 4, loss=SupervisedContrastive()
        ),
    }
    losses = {"two steps of metric": two_steps()}
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
