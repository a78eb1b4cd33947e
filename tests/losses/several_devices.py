"""Prints, on JAX, how far loss and gradient on four devices are from those on one, per loss."""

from __future__ import annotations

import json

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kssl import losses

ROWS = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
OTHER = np.random.default_rng(1).normal(size=(32, 6)).astype("float32")
LABELS = (np.arange(32) * 7 % 5).astype("float32")

BY_LABEL = [losses.Contrastive(), losses.LiftedStructured(), losses.SoftNearestNeighbor()]
BY_LABEL += [losses.SupervisedContrastive(), losses.NPair(), losses.Triplet(mining="hard")]
BY_LABEL += [losses.Triplet(), losses.Triplet(mining="all", name="triplet_all")]
BY_VIEW = [losses.NTXent(), losses.InfoNCE(), losses.CLIP(), losses.SigLIP(), losses.VICReg()]
BY_VIEW += [losses.BarlowTwins(), losses.SwappedPrediction(), losses.NPair(name="n_pair_views")]


def main() -> None:
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    sharding = NamedSharding(mesh, PartitionSpec("batch"))
    worst = {}
    for loss, first in [(each, LABELS) for each in BY_LABEL] + [(each, OTHER) for each in BY_VIEW]:
        step = jax.jit(jax.value_and_grad(lambda rows, first, loss=loss: loss(first, rows)))
        one = jax.tree.leaves(step(ROWS, first))
        four = jax.tree.leaves(
            step(jax.device_put(ROWS, sharding), jax.device_put(first, sharding))
        )
        key = f"{loss.name} {getattr(loss, 'mining', '')}".strip()
        worst[key] = max(float(np.abs(a - b).max()) for a, b in zip(one, four, strict=True))
    print(json.dumps({"devices": len(jax.devices()), **worst}))


if __name__ == "__main__":
    main()
