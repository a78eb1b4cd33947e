"""Tokens per second of a training step of BERT, beside Hugging Face's.

256 wide, 4 layers of 4 heads, rows of 128 tokens, a vocabulary of 8,000, 16 rows: hidden tokens and
pairs of sentences, dropout 0.1, AdamW, gradients clipped to norm 1. The batch is in memory; 19 of
the 128 tokens of a row are hidden. Like against like: all positions are compared with the
vocabulary, as `BertForPreTraining` does it with -100 at the others, or the hidden ones alone, as
kssl does it when nothing is said; then the peer's body and head are called with those rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, pace, table

from kssl.system import devices

ROWS, LENGTH, SIZE, WIDTH, DEPTH = 16, 128, 8000, 256, 4
STEPS, WARM = 10, 3
HIDDEN = ("kssl, TensorFlow", "kssl, JAX", "bare JAX", "Hugging Face, hidden positions alone")
EVERY = (
    "kssl, TensorFlow, all positions",
    "kssl, JAX, all positions",
    "bare JAX, all positions",
    "Hugging Face",
    "Hugging Face, compiled",
)


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


def rate(step: Callable[[], Any]) -> dict[str, float]:
    return pace(lambda: float(step()), ROWS * LENGTH, "tokens", STEPS, WARM)


def on_keras(backend: str, most: int | None) -> dict[str, float]:
    devices.choose(backend)
    import kssl

    model = kssl.models.BERT(SIZE, DEPTH, heads=4, width=WIDTH, max_predictions=most)
    optimizer = kssl.optimizers.MatrixAdamW(1e-4, global_clipnorm=1.0)
    model.compile(optimizer)
    given = batch()
    return rate(lambda: model.train_on_batch(given)[0])  # behind the loss stand its parts


def on_bare_jax(every: bool) -> dict[str, float]:
    import bare_transformers
    import jax

    training, given = bare_transformers.bert(SIZE, LENGTH, DEPTH, 4, WIDTH), batch()
    hidden = np.nonzero(given["target"] >= 0)[1].reshape(ROWS, -1)  # as many in each row
    place = np.tile(np.arange(LENGTH), (ROWS, 1)) if every else hidden
    given |= {"place": place, "word": np.take_along_axis(given["target"], place, 1)}
    keys = iter(jax.random.split(jax.random.key(0), STEPS + WARM))
    return rate(lambda: training(given, next(keys)))


def on_torch(every: bool, compiled: bool) -> dict[str, float]:
    import networks
    import torch
    from torch.nn.functional import cross_entropy

    model = networks.bert(SIZE, LENGTH, DEPTH, 4, WIDTH)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.01, fused=True)
    given = {key: torch.from_numpy(value).long() for key, value in batch().items()}
    target, words = given["target"].masked_fill(given["target"] < 0, -100), given["target"] >= 0
    inputs = {
        "input_ids": given["tokens"],
        "attention_mask": given["padding_mask"],
        "token_type_ids": given["segment"],
    }

    whole = torch.compile(model) if compiled else model

    def loss_of_all() -> Any:
        return whole(**inputs, labels=target, next_sentence_label=given["is_next"]).loss

    def loss_of_hidden() -> Any:
        body = model.bert(**inputs)
        words_scores = model.cls.predictions(body.last_hidden_state[words])  # (hidden, vocabulary)
        pair_scores = model.cls.seq_relationship(body.pooler_output)  # (rows, 2)
        loss = cross_entropy(words_scores, given["target"][words])
        return loss + cross_entropy(pair_scores, given["is_next"])

    def step() -> Any:
        loss = loss_of_all() if every else loss_of_hidden()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return rate(step)


def run(contender: str) -> dict[str, float]:
    every = contender in EVERY
    if contender.startswith("Hugging"):
        return on_torch(every, "compiled" in contender)
    if contender.startswith("bare"):
        return on_bare_jax(every)
    return on_keras("jax" if "JAX" in contender else "tensorflow", LENGTH if every else None)


def main() -> None:
    size = f"{WIDTH} x {DEPTH}, {ROWS} rows of {LENGTH}, vocabulary {SIZE:,}"
    for kind, contenders in (("hidden positions", HIDDEN), ("all positions", EVERY)):
        figures = contest(here(__file__), contenders)
        for figure in ("tokens/s", "tokens/CPU s"):
            table(f"BERT step, {kind}, {size}", figure, figures, contenders[3:])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
