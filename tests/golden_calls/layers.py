"""The golden functions that layers cover."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from golden_calls.common import Case
from keras import ops

from kssl import layers, losses, models


def mae_random_masking(c: Case) -> dict[str, Any]:
    tokens = np.zeros((*c.noise.shape, 2), "float32")
    masked = layers.RandomMasking(c.mask_ratio)(tokens, noise=c.noise)
    return {
        "num_keep": masked["visible"].shape[1],
        "ids_keep": masked["keep"],
        "mask": masked["mask"],
        "ids_restore": masked["restore"],
    }


def nade(c: Case) -> dict[str, Any]:
    layer = layers.NeuralAutoregressive(len(c.c), order=c.order)
    layer.build(c.x.shape)
    layer.set_weights([c.W.T, c.c, c.V, c.b])
    every = np.array(list(itertools.product([0, 1], repeat=len(c.b))), "float32")
    log_likelihood = bernoulli(c.x, layer(c.x))
    return {
        "conditional_probability": ops.sigmoid(layer(c.x)),
        "log_likelihood": log_likelihood,
        "mean_negative_log_likelihood": -ops.mean(log_likelihood),
        "total_probability": ops.sum(ops.exp(bernoulli(every, layer(every)))),
    }


def bernoulli(x: Any, logits: Any) -> Any:
    """Return the log-likelihood of binary rows under independent logits."""
    x = ops.convert_to_tensor(x)
    return -ops.sum(ops.softplus(logits) - x * logits, axis=-1)


def sincos_2d(c: Case) -> dict[str, Any]:
    return {"embedding": layers.sincos_2d(c.height, c.width, c.dim, c.temperature)}


def cosine_momentum(c: Case) -> dict[str, Any]:
    return {"values": layers.cosine_momentum(c.steps, c.total_steps, c.start, c.end)}


def mae_target(c: Case) -> dict[str, Any]:
    patches = layers.Patches(c.patch_size)(c.images)
    return {"target": layers.normalize_patches(patches, c.eps)}


def mae_loss(c: Case) -> dict[str, Any]:
    parts = [layers.Transformer(8, 1, 2) for _ in range(2)]
    model = models.MAE(c.patch_size, *parts, normalize_targets=c.norm_pix)
    predicted = {"prediction": ops.convert_to_tensor(c.prediction), "mask": c.mask}
    target = layers.Patches(c.patch_size)(c.images)
    target = layers.normalize_patches(target) if c.norm_pix else target
    values = target.shape[-1]
    rows = [ops.reshape(each, (-1, values)) for each in (target, predicted["prediction"])]
    per_patch = losses.reconstruction(*rows) / values
    return {
        "per_patch": ops.reshape(per_patch, c.mask.shape),
        "loss": model.compute_loss(c.images, y_pred=predicted),
    }
