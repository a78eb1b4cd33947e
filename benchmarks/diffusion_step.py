"""A diffusion step and sampling by DDIM: kssl beside diffusers, U-Nets of 1.1 million parameters.

Images of 32 x 32 in colour, batch 64, three levels of 32, 64 and 64 channels, one block each,
self-attention in the middle alone; predicting the noise, Adam. Sampling: 16 images, 50 steps of
DDIM. Both networks have residual blocks with group normalisation, SiLU and a time embedding. The
same arithmetic in bare JAX shows what JAX does by itself. The peer is also measured with its
channels last.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, pace, table

from kssl.system import devices

BATCH, STEPS, WARM, COUNT, SAMPLED = 64, 5, 2, 16, 50
FILTERS = (32, 64, 64)
DIFFUSERS, BARE = ("diffusers", "diffusers, channels last"), "bare JAX"
KERAS = {"kssl, TensorFlow": "tensorflow", "kssl, JAX": "jax"}


def images() -> np.ndarray:
    return np.random.RandomState(0).rand(BATCH, 32, 32, 3).astype("float32")


def rates(step: Callable[[], Any], sample: Callable[[], Any], parameters: int) -> dict[str, float]:
    return {
        **pace(step, BATCH, "images", STEPS, WARM),
        **pace(sample, COUNT, "samples", 1, 1),
        "parameters": parameters,
    }


def on_keras(backend: str) -> dict[str, float]:
    devices.choose(backend)
    import keras

    from kssl import layers, losses, models

    network = layers.UNet(FILTERS, blocks=1, attention=())
    model = models.Diffusion(network, "linear", loss=losses.Diffusion("epsilon"))
    model.compile(keras.optimizers.Adam(2e-4))
    batch = images()
    model.build(batch.shape)
    return rates(
        lambda: float(model.train_on_batch(batch)),
        lambda: keras.ops.convert_to_numpy(model.generate(COUNT, seed=0, steps=SAMPLED)),
        network.count_params(),
    )


def on_diffusers(layout: str) -> dict[str, float]:
    import networks
    import torch
    from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler

    memory = torch.channels_last if layout else torch.contiguous_format
    network = networks.unet(FILTERS, blocks=1).to(memory_format=memory)
    schedule = DDPMScheduler(1000)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4, fused=True)
    batch = 2 * torch.from_numpy(images()).permute(0, 3, 1, 2).contiguous(memory_format=memory) - 1

    def step() -> float:
        noise, times = torch.randn_like(batch), torch.randint(0, 1000, (BATCH,))
        found = network(schedule.add_noise(batch, noise, times), times).sample
        loss = torch.nn.functional.mse_loss(found, noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    pipeline = DDIMPipeline(network, DDIMScheduler(1000))
    pipeline.set_progress_bar_config(disable=True)

    def sample() -> Any:
        return pipeline(batch_size=COUNT, num_inference_steps=SAMPLED, output_type="np").images

    return rates(step, sample, sum(each.numel() for each in network.parameters()))


def on_bare_jax() -> dict[str, float]:
    import bare_jax
    import jax

    train, sample = bare_jax.diffusion(FILTERS)
    batch, key = 2 * images() - 1, jax.random.key(0)
    count = sum(each.size for each in jax.tree.leaves(train.weights))
    return rates(lambda: float(train(batch, key)), lambda: sample(COUNT, SAMPLED), count)


def run(contender: str) -> dict[str, float]:
    if contender == BARE:
        return on_bare_jax()
    if contender in DIFFUSERS:
        return on_diffusers(contender.partition(", ")[2])
    return on_keras(KERAS[contender])


def main() -> None:
    figures = contest(here(__file__), [*KERAS, BARE, *DIFFUSERS])
    for name, figure in figures.items():
        print(f"{name}: {figure['parameters'][0]:,.0f} parameters")
    title = "Diffusion, U-Net of 1.1 M parameters, 32 x 32, {}"
    for unit in ("s", "CPU s"):
        table(title.format("training step"), f"images/{unit}", figures, DIFFUSERS)
        table(title.format("DDIM, 50 steps x 16"), f"samples/{unit}", figures, DIFFUSERS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
