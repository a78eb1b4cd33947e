"""Prints the losses of each model for fixed weights and inputs; run once per backend.

The noise of a VAE and of a corruption differs between backends by design, so it is replaced by
fixed numbers; everything else is as in training. The weights come from NumPy.
"""

from __future__ import annotations

import json

import keras
import numpy as np

from kssl.layers import MLP, ConvDecoder, ConvEncoder
from kssl.losses import ELBO, ImportanceWeightedBound, Reconstruction
from kssl.models import VAE, AutoEncoder, DenoisingAutoEncoder

IMAGES = np.random.RandomState(0).rand(32, 12, 12, 1).astype("float32")


def fixed(shape, dtype="float32", seed=None, **_):
    size = int(np.prod([int(length) for length in shape]))
    drawn = np.random.RandomState(3).standard_normal(size).astype("float32")
    return keras.ops.convert_to_tensor(drawn.reshape([int(length) for length in shape]))


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
    }
    losses = {}
    for name, model in models.items():
        model.build(IMAGES.shape)
        random = np.random.RandomState(1)
        for weight in model.trainable_weights:
            weight.assign(0.1 * random.standard_normal(weight.shape).astype("float32"))
        found = []
        for training in (True, False):
            prediction = model(IMAGES, training=training)
            found.append(float(model.compute_loss(IMAGES, None, prediction, training=training)))
        losses[name] = found
    print(json.dumps(losses))


if __name__ == "__main__":
    main()
