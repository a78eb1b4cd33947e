"""The size of each workload: that of the recipe for a GPU, or tiny for a try on a processor."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Size:
    """A workload, for kssl and for its peer alike.

    Attributes:
        recipe: The recipe that says how kssl trains it.
        batch: Examples of a step.
        steps: Steps of a round, of which the time is taken.
        rounds: Of the training, at most: of `steps` each, or epochs of SimCLR.
        network: Settings of the network; for kssl they go into the recipe as overrides.
    """

    recipe: str
    batch: int
    steps: int
    rounds: int
    network: dict[str, Any]


FULL = {
    "gpt": Size(
        "gpt_shakespeare_gpu",
        batch=64,
        steps=250,
        rounds=20,
        network={"context": 256, "depth": 6, "heads": 6, "width": 384, "dropout": 0.2},
    ),
    "simclr": Size(
        "simclr_cifar10_gpu",
        batch=512,
        steps=40,
        rounds=1000,
        network={"encoder": "{use: resnet, depth: 18}", "width": 64, "hidden": 1024},
    ),
    "mae": Size(
        "mae_cifar10_gpu",
        batch=4096,
        steps=4,
        rounds=3,
        network={"patch": 2, "encoder": (192, 12, 3), "decoder": (192, 4, 3)},
    ),
    "diffusion": Size(
        "diffusion_cifar10_gpu",
        batch=128,
        steps=50,
        rounds=3,
        network={
            "filters": (128, 256, 256, 256),
            "blocks": 2,
            "attention": (1,),
            "dropout": 0.1,
        },
    ),
    "bert": Size(
        "bert_wikipedia_gpu",
        batch=256,
        steps=30,
        rounds=3,
        network={"vocabulary": 30522, "length": 128, "depth": 4, "heads": 8, "width": 512},
    ),
}

# For each workload: batch, steps, rounds, and what of the network is smaller.
_TINY: dict[str, tuple[int, int, int, dict[str, Any]]] = {
    "gpt": (4, 4, 2, {"context": 16, "depth": 1, "heads": 2, "width": 16}),
    "simclr": (8, 2, 2, {"encoder": "{use: conv_net, filters: [4]}", "width": 4, "hidden": 16}),
    "mae": (4, 2, 2, {"patch": 8, "encoder": (16, 1, 2), "decoder": (16, 1, 2)}),
    "diffusion": (4, 2, 2, {"filters": (8,), "blocks": 1, "attention": ()}),
    "bert": (4, 2, 2, {"vocabulary": 64, "length": 16, "depth": 1, "heads": 2, "width": 16}),
}
TINY = {
    name: Size(FULL[name].recipe, batch, steps, rounds, {**FULL[name].network, **network})
    for name, (batch, steps, rounds, network) in _TINY.items()
}


def size_of(workload: str, tiny: bool) -> Size:
    return (TINY if tiny else FULL)[workload]


def overrides(workload: str, size: Size) -> list[str]:
    """Return the overrides that give a recipe's model the sizes of a workload."""
    network = size.network
    if workload in ("gpt", "bert"):
        names = ["depth", "heads", "width"] + (["dropout"] if workload == "gpt" else [])
        own = [f"model.{name}={network[name]}" for name in names]
        return own + (
            [f"model.vocabulary_size={network['vocabulary']}"] if workload == "bert" else []
        )
    if workload == "simclr":
        # The recipe's views come from TensorFlow's pipeline: here the step makes them.
        own = ["model.augment=device", "precision=mixed_bfloat16"]
        own.append(f"model.encoder={network['encoder']}")
        return [*own, f"model.projector.hidden_dim={network['hidden']}"]
    if workload == "mae":
        parts = ("encoder", "decoder")
        return [f"model.patch_size={network['patch']}"] + [
            f"model.{part}.{name}={value}"
            for part in parts
            for name, value in zip(("width", "depth", "heads"), network[part], strict=True)
        ]
    return [
        f"model.network.{name}={list(value) if isinstance(value, tuple) else value}"
        for name, value in network.items()
    ]
