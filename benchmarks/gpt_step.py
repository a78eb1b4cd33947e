"""Tokens per second of training GPT and of writing with it: kssl beside a loop as nanoGPT's.

nanoGPT's small recipe: 4 layers, 4 heads, width 128, context 64, batch 12, characters. The PyTorch
loop is written here: the same network with fused attention, AdamW with the same settings, batches
gathered at random places of a tensor, eager, as nanoGPT runs on a processor, and compiled. The same
arithmetic in bare JAX, on such batches, shows what JAX does by itself. Writing is 256 tokens from
one, with a cache of keys and values on both sides, eager in PyTorch.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, table

from kssl.system import devices

VOCABULARY, CONTEXT, BATCH, DEPTH, HEADS, WIDTH = 65, 64, 12, 4, 4, 128
STEPS, WRITTEN = 192, 256
PEERS = ["PyTorch loop", "PyTorch loop, compiled"]
BARE = "bare JAX"
CONTENDERS = ["kssl, TensorFlow", "kssl, JAX", BARE, *PEERS]


def text() -> np.ndarray:
    return np.random.RandomState(0).randint(0, VOCABULARY, 1_000_000)


def on_keras() -> dict[str, float]:
    import tensorflow as tf

    import kssl
    from kssl.optimizers import MatrixAdamW

    ids = tf.constant(text(), tf.int32)
    places = tf.data.Dataset.range(10**9).map(
        lambda step: tf.random.stateless_uniform(
            [BATCH], tf.stack([step, 0]), 0, len(ids) - CONTEXT - 1, tf.int32
        )
    )

    def gather(starts: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.gather(ids, starts[:, None] + tf.range(CONTEXT + 1))
        rows = tf.ensure_shape(rows, (BATCH, CONTEXT + 1))
        return {"tokens": rows[:, :-1], "target": rows[:, 1:]}

    options = tf.data.Options()
    options.autotune.enabled = False  # as in a run: its thread keeps `fit` from ending
    batches = places.map(gather, tf.data.AUTOTUNE).prefetch(8).with_options(options)
    model = kssl.models.GPT(VOCABULARY, DEPTH, HEADS, WIDTH)
    optimizer = MatrixAdamW(1e-3, 0.1, beta_2=0.99, global_clipnorm=1.0)
    model.compile(optimizer, jit_compile=True, steps_per_execution=16)  # as the recipe has it
    model.fit(batches, steps_per_epoch=32, verbose=0)
    began = time.perf_counter()
    model.fit(batches, steps_per_epoch=STEPS, verbose=0)
    trained = STEPS * BATCH * CONTEXT / (time.perf_counter() - began)
    return {
        "tokens/s": trained,
        "written tokens/s": written(lambda: model.generate(1, 0, length=WRITTEN)),
    }


def written(write: Callable[[], Any]) -> float:
    write()
    began = time.perf_counter()
    write()
    return WRITTEN / (time.perf_counter() - began)


def on_torch(compiled: bool) -> dict[str, float]:
    import networks
    import torch
    from torch import nn
    from torch.nn import functional

    network = networks.GPT(VOCABULARY, CONTEXT, DEPTH, HEADS, WIDTH)
    ids = torch.from_numpy(text())
    training = torch.compile(network) if compiled else network
    optimizer = torch.optim.AdamW(
        network.parameters(), 1e-3, (0.9, 0.99), weight_decay=0.1, fused=True
    )

    def step() -> None:
        starts = torch.randint(len(ids) - CONTEXT - 1, (BATCH,))
        x = torch.stack([ids[start : start + CONTEXT] for start in starts])
        y = torch.stack([ids[start + 1 : start + 1 + CONTEXT] for start in starts])
        loss = functional.cross_entropy(training(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    @torch.no_grad()
    def write() -> None:
        made = [0]
        while len(made) < WRITTEN:
            kept = made[-max(1, min(len(made), CONTEXT // 2)) :]
            caches: list[list[Any]] = [[] for _ in range(DEPTH)]
            scores = network(torch.tensor([kept]), 0, caches)[:, -1]
            for place in range(len(kept), CONTEXT):
                made.append(int(torch.multinomial(scores.softmax(-1), 1)))
                scores = network(torch.tensor([[made[-1]]]), place, caches)[:, -1]

    for _ in range(32):
        step()
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    trained = STEPS * BATCH * CONTEXT / (time.perf_counter() - began)
    return {"tokens/s": trained, "written tokens/s": written(write)}


def on_bare_jax() -> dict[str, float]:
    import bare_transformers

    ids = text()
    train = bare_transformers.gpt(VOCABULARY, CONTEXT, DEPTH, HEADS, WIDTH)

    def steps(count: int) -> None:
        for _ in range(count):
            starts = np.random.randint(0, len(ids) - CONTEXT - 1, BATCH)
            rows = ids[starts[:, None] + np.arange(CONTEXT + 1)]
            loss = train(rows[:, :-1], rows[:, 1:])
        loss.block_until_ready()

    steps(32)
    began = time.perf_counter()
    steps(STEPS)
    return {"tokens/s": STEPS * BATCH * CONTEXT / (time.perf_counter() - began)}


def run(contender: str) -> dict[str, float]:
    if contender == BARE:
        return on_bare_jax()
    if contender in PEERS:
        return on_torch("compiled" in contender)
    devices.choose("jax" if contender.endswith("JAX") else "tensorflow")
    return on_keras()


def main() -> None:
    figures = contest(here(__file__), CONTENDERS)
    size = f"{DEPTH} layers, {HEADS} heads, width {WIDTH}"
    titles = {
        "tokens/s": f"GPT, {size}, context {CONTEXT}, batch {BATCH}: training",
        "written tokens/s": f"GPT, {size}: writing {WRITTEN} tokens",
    }
    for key, title in titles.items():
        table(title, key, {n: each for n, each in figures.items() if key in each}, PEERS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
