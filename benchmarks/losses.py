"""Time and peak memory of losses of a batch, forward and backward, beside pytorch-metric-learning.

128 dimensions, 4 rows of each class. Each loss of each library runs in a process of its own, kssl's
compiled by the backend as in `fit` (`KERAS_BACKEND`, TensorFlow without it). Memory is how far the
process grows in a step, the first one left out. A row that is missing ran out of memory.

pytorch-metric-learning's semi-hard miner returns all triplets within the margin, kssl's
`semi_hard_all`; kssl's default `semi_hard` (FaceNet) stands beside it too.
"""

from __future__ import annotations

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCHES = (128, 512, 2048)
WIDTH = 128
SECONDS = 2.0  # of measuring, for each batch size
MEMORY_LIMIT = 12 * 2**30  # bytes that a contender may take
PEERS = {
    "triplet hard": "pml hard",
    "triplet semi_hard": "pml semihard",
    "triplet semi_hard_all": "pml semihard",
    "nt_xent": "pml nt_xent",
}


def batch(size: int) -> tuple[Any, Any]:
    """Return labels, four rows to each class, and normalised embeddings."""
    import numpy as np

    rows = np.random.default_rng(0).normal(size=(size, WIDTH)).astype("float32")
    rows += 3.0 * np.repeat(rows[::4], 4, axis=0)[:size]
    return np.arange(size) // 4, rows / np.linalg.norm(rows, axis=1, keepdims=True)


def keras_step(name: str) -> Callable[[Any, Any], Any]:
    """Return a compiled function that gives a loss of kssl and its gradient."""
    import keras

    from kssl import losses

    if name == "nt_xent":
        loss = losses.NTXent(0.1)
    else:
        loss = losses.Triplet(0.2, name.split()[1])

    def value(rows: Any, labels: Any) -> Any:
        if name == "nt_xent":
            return loss(rows[: len(labels) // 2], rows[len(labels) // 2 :])
        return loss(labels, rows)

    return compiled_gradient(value, keras.backend.backend())


def compiled_gradient(value: Callable[[Any, Any], Any], backend: str) -> Callable[[Any, Any], Any]:
    """Return the gradient of a function of rows and labels, compiled as in `fit`."""
    import numpy as np

    if backend == "jax":
        import jax

        gradient = jax.jit(jax.value_and_grad(value))
        return lambda labels, rows: jax.block_until_ready(gradient(rows, labels))
    if backend == "torch":
        return lambda labels, rows: torch_gradient(value, labels, rows)
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def step(labels: Any, rows: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            found = value(rows, labels)
        return found, tape.gradient(found, rows)

    return lambda labels, rows: np.asarray(step(labels, tf.convert_to_tensor(rows))[1])


def torch_gradient(value: Callable[[Any, Any], Any], labels: Any, rows: Any) -> Any:
    import torch

    point = torch.from_numpy(rows).requires_grad_()
    value(point, torch.from_numpy(labels)).backward()
    return point.grad


def peer_step(name: str) -> Callable[[Any, Any], Any]:
    """Return a function that gives a loss of pytorch-metric-learning and its gradient."""
    import torch
    from pytorch_metric_learning import distances, losses, miners, reducers

    if name == "pml nt_xent":
        loss = losses.NTXentLoss(0.1)

        def value(rows: Any, labels: Any) -> Any:
            half = torch.arange(len(labels) // 2)
            return loss(rows, torch.cat([half, half]))

        return lambda labels, rows: torch_gradient(value, labels, rows)
    distance = distances.LpDistance(power=2)
    loss = losses.TripletMarginLoss(0.2, distance=distance, reducer=reducers.MeanReducer())
    miner = (
        miners.BatchHardMiner(distance=distance)
        if name == "pml hard"
        else miners.TripletMarginMiner(0.2, "semihard", distance=distance)
    )
    return lambda labels, rows: torch_gradient(
        lambda point, target: loss(point, target, miner(point, target)), labels, rows
    )


def measure(step: Callable[[Any, Any], Any], size: int) -> tuple[float, float]:
    """Return the median milliseconds of a step, and the MiB that the process grew by at most."""
    labels, rows = batch(size)
    step(labels, rows)  # compiled, threads started
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed goes back to the system
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < 200 or len(times) < 3:
        start = time.perf_counter()
        step(labels, rows)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times), (memory("VmHWM") - before) / 1024


def memory(field: str) -> int:
    """Return a figure of this process, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def contend(name: str) -> None:
    """Measure one contender; print one line of JSON for each batch size."""
    import resource

    step = peer_step(name) if name.startswith("pml") else keras_step(name)
    size = os.sysconf("SC_PAGE_SIZE") * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_LIMIT, size + MEMORY_LIMIT))
    measure(step, 64)  # threads and libraries are started
    for size in BATCHES:
        print(json.dumps([size, *measure(step, size)]), flush=True)


def run(name: str) -> dict[int, tuple[float, float]]:
    """Run a contender in a process of its own; return time and memory for each batch size."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["TF_ENABLE_ONEDNN_OPTS"] = "0"  # its allocator keeps what is freed: not to be seen
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{name}: stopped ({last[:120]})", file=sys.stderr)
    return {size: (milliseconds, mebibytes) for size, milliseconds, mebibytes in lines}


def main() -> int:
    found = {name: run(name) for pair in PEERS.items() for name in dict.fromkeys(pair)}
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    print(f"\nLosses, forward and backward, {WIDTH} dimensions; kssl on {backend}, compiled")
    print(
        "loss                   batch     kssl ms      pml ms  ratio   kssl MiB    pml MiB  ratio"
    )
    for name, peer in PEERS.items():
        for size, ours in found[name].items():
            theirs = found[peer].get(size)
            cells = [f"{name:22}{size:6}"]
            for mine, other in zip(ours, theirs or (None, None), strict=True):
                ratio = (
                    "  none      -"
                    if other is None
                    else f"{other:11.1f} {mine / max(other, 1e-9):6.2f}"
                )
                cells.append(f"{mine:11.1f} {ratio}")
            print(" ".join(cells))
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        contend(sys.argv[1])
    else:
        raise SystemExit(main())
