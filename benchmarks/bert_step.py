"""Tokens per second of a training step of BERT, beside Hugging Face's.

256 wide, 4 layers of 4 heads, rows of 128 tokens, a vocabulary of 8,000, 16 rows: hidden tokens and
pairs of sentences, dropout 0.1, AdamW, gradients clipped to norm 1. The batch is in memory; 19 of
the 128 tokens of a row are hidden, and `BertForPreTraining` gets -100 elsewhere. Both weigh the
same things; kssl compares the hidden positions alone with the vocabulary, Hugging Face all of them:
`all positions` is kssl without that. On TensorFlow a run of kssl compiles without XLA.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, table

ROWS, LENGTH, SIZE, WIDTH, DEPTH = 16, 128, 8000, 256, 4
STEPS, WARM = 10, 3
PEER = "Hugging Face BertForPreTraining"
CONTENDERS = ("kssl, TensorFlow", "kssl, all positions", "kssl, JAX", PEER)


def batch(rows: int = ROWS, length: int = LENGTH, size: int = SIZE) -> dict[str, np.ndarray]:
    random = np.random.RandomState(0)
    tokens = random.randint(5, size, (rows, length))
    hidden = random.rand(rows, length).argsort(axis=1) < round(0.15 * length)
    return {
        "tokens": np.where(hidden, 4, tokens).astype("int32"),
        "target": np.where(hidden, tokens, -1).astype("int32"),
        "segment": np.repeat([np.arange(length) > length // 2], rows, 0).astype("int32"),
        "padding_mask": np.ones((rows, length), bool),
        "is_next": random.randint(0, 2, rows).astype("int32"),
    }


def rate(step: Callable[[], Any]) -> float:
    """Return tokens per second of the median step."""
    lengths = []
    for number in range(WARM + STEPS):
        begun = time.perf_counter()
        float(step())
        if number >= WARM:
            lengths.append(time.perf_counter() - begun)
    return ROWS * LENGTH / statistics.median(lengths)


def on_keras(backend: str, most: int | None) -> float:
    os.environ["KERAS_BACKEND"] = backend
    import kssl

    model = kssl.models.BERT(SIZE, DEPTH, heads=4, width=WIDTH, max_predictions=most)
    optimizer = kssl.optimizers.MatrixAdamW(1e-4, global_clipnorm=1.0)
    model.compile(optimizer, jit_compile=backend != "tensorflow")
    given = batch()
    return rate(lambda: model.train_on_batch(given)[0])  # behind the loss stand its parts


def on_torch() -> float:
    import networks
    import torch

    model = networks.bert(SIZE, LENGTH, DEPTH, 4, WIDTH)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.01)
    given = {key: torch.from_numpy(value).long() for key, value in batch().items()}
    target = given["target"].masked_fill(given["target"] < 0, -100)

    def step() -> Any:
        loss = model(
            input_ids=given["tokens"],
            attention_mask=given["padding_mask"],
            token_type_ids=given["segment"],
            labels=target,
            next_sentence_label=given["is_next"],
        ).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return rate(step)


RUNS: dict[str, Callable[[], float]] = {
    "kssl, TensorFlow": lambda: on_keras("tensorflow", None),
    "kssl, all positions": lambda: on_keras("tensorflow", LENGTH),
    "kssl, JAX": lambda: on_keras("jax", None),
    PEER: on_torch,
}


def main() -> None:
    figures = contest(here(__file__), CONTENDERS)
    title = f"BERT step, {WIDTH} x {DEPTH}, {ROWS} rows of {LENGTH}, vocabulary {SIZE:,}"
    table(title, "tokens/s", figures, PEER)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(RUNS[sys.argv[1]]()))
    else:
        main()
