"""Images per second of a masked-autoencoder step: ours, Hugging Face's on PyTorch.

A batch of 128 images of 32 x 32, patches of 4, an encoder of 12 blocks of width 192 with 3 heads, a
decoder of 4 blocks of width 128 with 4 heads, normalised targets, AdamW; no input pipeline. The
peer is `ViTMAEForPreTraining`, eager and compiled. Three quarters of the patches are hidden; ours
is measured with one hidden as well, which shows what the encoder saves by not seeing them: .35 of
the products are left, since the decoder sees all patches both times.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, pace, ratio_of, table

from kssl.system import devices

BATCH, STEPS, WARM = 128, 5, 2
OURS, WHOLE = "kssl, TensorFlow", "kssl, one patch hidden"
PEERS = ("Hugging Face ViT-MAE", "Hugging Face ViT-MAE, compiled")
JAX, BARE = "kssl, JAX", "bare JAX"


def rate(step: Callable[[], Any]) -> dict[str, float]:
    return pace(lambda: float(step()), BATCH, "images", STEPS, WARM)


def on_keras(mask_ratio: float, backend: str = "tensorflow") -> dict[str, float]:
    devices.choose(backend)
    import keras

    from kssl.layers import Transformer
    from kssl.models import MAE

    parts = Transformer(192, 12, 3), Transformer(128, 4, 4)
    model = MAE(4, *parts, mask_ratio=mask_ratio)
    optimizer = keras.optimizers.AdamW(1.5e-4, weight_decay=0.05, beta_2=0.95)
    model.compile(optimizer)
    images = np.random.RandomState(0).rand(BATCH, 32, 32, 3).astype("float32")
    return rate(lambda: model.train_on_batch(images))


def on_bare_jax() -> dict[str, float]:
    import bare_transformers
    import jax

    training = bare_transformers.mae(4, (192, 12, 3), (128, 4, 4))
    images = np.random.RandomState(0).rand(BATCH, 32, 32, 3).astype("float32")
    keys = iter(jax.random.split(jax.random.key(0), STEPS + WARM))
    return rate(lambda: training(images, next(keys)))


def on_torch(compiled: bool) -> dict[str, float]:
    import networks
    import torch

    model = networks.vit_mae(4, (192, 12, 3), (128, 4, 4))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1.5e-4, betas=(0.9, 0.95), weight_decay=0.05, fused=True
    )
    images = torch.rand(BATCH, 3, 32, 32)
    training = torch.compile(model) if compiled else model

    def step() -> torch.Tensor:
        loss = training(images).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return rate(step)


def run(contender: str) -> dict[str, float]:
    if contender in PEERS:
        return on_torch("compiled" in contender)
    if contender == BARE:
        return on_bare_jax()
    return on_keras(
        1 / 64 if contender == WHOLE else 0.75, "jax" if contender == JAX else "tensorflow"
    )


def main() -> None:
    figures = contest(here(__file__), [OURS, JAX, BARE, WHOLE, *PEERS])
    for figure in ("images/s", "images/CPU s"):
        table("MAE step, ViT 192 x 12 + 128 x 4, 128 images of 32 x 32", figure, figures, PEERS)
    if OURS in figures and WHOLE in figures:
        fraction = ratio_of({n: figures[n]["images/s"] for n in (OURS, WHOLE)}, WHOLE, OURS)
        print(
            f"  a step that hides three quarters takes {fraction:.2f} of one that hides one patch"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
