"""Images per second of a SimCLR step: ResNet-18 with Keras' batch normalisation, ours, PyTorch.

Two views of 64 images of 32 x 32, a projector 512-512-128, NT-Xent at temperature 0.5, SGD with
momentum; no augmentation and no input pipeline. The same network everywhere: 3 x 3 entrance, no
max-pooling. The PyTorch one is written here in plain torch, with channels last, its fastest layout
on a processor. On TensorFlow each layer is measured twice: as `compile` has it when nothing is
said (`jit_compile="auto"`, which is XLA), and with `jit_compile=False`. Each view counts as an
image.

The first table is by the clock on the wall; the second by the processor time of all threads, which
other work on the machine changes less, but which does not see threads that wait.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, pace, table

from kssl.system import devices

PAIRS, STEPS, WARM = 64, 6, 2
PYTORCH = ("PyTorch, channels last", "PyTorch, channels last, compiled")
JIT = {"default compile": "auto", "jit_compile=False": False}
CONTENDERS = [f"{layer}, {jit}" for jit in JIT for layer in ("Keras' layer", "kssl's layer")]
CONTENDERS += PYTORCH


def views() -> np.ndarray:
    return np.random.RandomState(0).rand(2 * PAIRS, 32, 32, 3).astype("float32")


def rate(step: Callable[[], Any]) -> dict[str, float]:
    return pace(lambda: float(step()), 2 * PAIRS, "images", STEPS, WARM)


def on_keras(fused: bool, jit: bool | str) -> dict[str, float]:
    devices.choose("tensorflow")
    import keras

    from kssl import layers
    from kssl.layers import heads, resnet

    if not fused:
        heads.BatchNormalization = resnet.BatchNormalization = keras.layers.BatchNormalization
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.ResNet(18),
            layers.ProjectionHead(128, hidden_dim=512),
        ]
    )
    model = make_simclr(network)
    model.compile(keras.optimizers.SGD(0.06, momentum=0.9), jit_compile=jit)
    images = views()
    return rate(lambda: model.train_on_batch(images))


def make_simclr(network: Any) -> Any:
    import keras

    from kssl import losses

    class SimCLR(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.network(inputs, training=training)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            first, second = keras.ops.split(y_pred, 2)
            return keras.ops.mean(losses.nt_xent(first, second, temperature=0.5))

    return SimCLR()


def on_torch(compiled: bool) -> dict[str, float]:
    import networks
    import torch

    network = networks.resnet18_with_head(512)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.06, momentum=0.9)
    images = torch.from_numpy(views()).permute(0, 3, 1, 2)
    training = torch.compile(network) if compiled else network
    images = images.contiguous(memory_format=torch.channels_last)

    def step() -> torch.Tensor:
        loss = networks.nt_xent(training(images))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return rate(step)


def run(contender: str) -> dict[str, float]:
    if contender in PYTORCH:
        return on_torch("compiled" in contender)
    layer, _, jit = contender.partition(", ")
    return on_keras(layer.startswith("kssl"), JIT[jit])


def main() -> None:
    figures = contest(here(__file__), CONTENDERS)
    for figure in ("images/s", "images/CPU s"):
        table("SimCLR step, ResNet-18, 2 x 64 views of 32 x 32", figure, figures, PYTORCH)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
