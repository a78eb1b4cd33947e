"""Masking tokens beside Hugging Face's collator, and skip-gram pairs beside gensim and NumPy.

Rows of 128 ids of a vocabulary of 8,000, made up by Zipf's law, in memory; batches of 128. kssl's
figures are those of its whole pipeline: shuffled by index, gathered, transformed. The collator gets
lists with their `special_tokens_mask`, as `datasets` hands them over; `tensors` is its masking
alone, on tensors that are ready. gensim trains vectors of one number, so that what it does is
nearly all making pairs and drawing noise words; NumPy makes them row by row.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from contest import contest, here, table

ROWS, LENGTH, SIZE, BATCH = 8192, 128, 8000, 128
WINDOW, NEGATIVES, SAMPLE = 5, 5, 1e-3
SECONDS = 4.0  # of measuring

MASKING = ("kssl mask_tokens", "kssl by coin", "transformers collator", "transformers tensors")
PAIRS = ("kssl skip_gram", "gensim", "numpy")


def ids() -> np.ndarray:
    """Rows of ids, `[CLS]` in front and `[SEP]` at the end."""
    chance = 1.0 / np.arange(10, SIZE + 5)
    drawn = np.random.RandomState(0).choice(
        np.arange(5, SIZE), (ROWS, LENGTH), p=chance[: SIZE - 5] / chance[: SIZE - 5].sum()
    )
    drawn[:, 0], drawn[:, -1] = 2, 3
    return drawn.astype(np.int32)


def rate(batches: Iterator[float]) -> float:
    """Units per second, where each batch says how many it has; the first ones are left out."""
    for _ in range(10):
        next(batches)
    began, total = time.perf_counter(), 0.0
    while time.perf_counter() - began < SECONDS:
        total += next(batches)
    return total / (time.perf_counter() - began)


def vocabulary() -> object:
    from kssl.pretext import Vocabulary
    from kssl.tokenizers.vocabulary import ROLES

    rows = ids()
    counts = np.bincount(rows.ravel(), minlength=SIZE)
    names = (*ROLES.values(), *(f"w{number}" for number in range(5, SIZE)))
    special = {role: number for number, role in enumerate(ROLES)}
    return Vocabulary("words", names, special, counts=tuple(counts.tolist()))


def kssl_batches(transform: object) -> Iterator[dict[str, np.ndarray]]:
    import tensorflow as tf

    from kssl.data import Pipeline

    dataset = tf.data.Dataset.from_tensor_slices({"tokens": ids()})
    pipeline = Pipeline(dataset, [transform], batch_size=BATCH)
    yield from pipeline.train(epochs=10_000).as_numpy_iterator()


def kssl_mask(exact: bool) -> float:
    from kssl.pretext import mask_tokens

    batches = kssl_batches(mask_tokens(vocabulary(), exact=exact))
    return rate(float(batch["tokens"].size) for batch in batches)


def kssl_pairs() -> float:
    from kssl.pretext import skip_gram

    batches = kssl_batches(skip_gram(vocabulary(), WINDOW, NEGATIVES, SAMPLE))
    return rate(float(batch["weight"].sum()) for batch in batches)


def collator() -> object:
    from tokenizers import Tokenizer, models
    from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

    names = {token: number for number, token in enumerate(vocabulary().tokens)}
    model = Tokenizer(models.WordLevel(names, unk_token="[UNK]"))
    roles = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    tokens = {f"{role}_token": token for role, token in roles.items()}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=model, **tokens)
    return DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)


def transformers_lists() -> float:
    rows, make = ids(), collator()
    special = (rows < 5).astype(int).tolist()
    examples = [
        {"input_ids": row, "attention_mask": [1] * LENGTH, "special_tokens_mask": mask}
        for row, mask in zip(rows.tolist(), special, strict=True)
    ]

    def batches() -> Iterator[float]:
        while True:
            for at in range(0, ROWS, BATCH):
                yield float(make(examples[at : at + BATCH])["input_ids"].numel())

    return rate(batches())


def transformers_tensors() -> float:
    import torch

    make, rows = collator(), torch.tensor(ids(), dtype=torch.long)
    special = rows < 5

    def batches() -> Iterator[float]:
        while True:
            for at in range(0, ROWS, BATCH):
                made, _ = make.torch_mask_tokens(
                    rows[at : at + BATCH].clone(), special[at : at + BATCH]
                )
                yield float(made.numel())

    return rate(batches())


def gensim_pairs() -> float:
    from gensim.models import Word2Vec

    from kssl.pretext import keep_probability

    sentences = [[str(each) for each in row] for row in ids()[:, 1:-1].tolist()]
    settings = {"vector_size": 1, "window": WINDOW, "negative": NEGATIVES, "sample": SAMPLE}
    model = Word2Vec(sg=1, hs=0, min_count=1, workers=2, seed=1, **settings)
    model.build_vocab(sentences)
    counts = np.bincount(ids()[:, 1:-1].ravel(), minlength=SIZE)
    kept = float((counts * keep_probability(counts, SAMPLE)).sum()) / ROWS  # words of a row
    edges = sum(min(reach, kept) * (reach + 1) for reach in range(1, WINDOW + 1)) / WINDOW
    pairs = (kept * (WINDOW + 1) - edges) * ROWS  # of an epoch, expected
    began, epochs = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        model.train(sentences, total_examples=ROWS, epochs=1)
        epochs += 1
    return epochs * pairs / (time.perf_counter() - began)


def numpy_pairs() -> float:
    from kssl.pretext import keep_probability, noise_distribution

    rows, random = ids(), np.random.default_rng(0)
    counts = np.bincount(rows.ravel(), minlength=SIZE).astype(float)
    counts[:5] = 0
    kept, noise = keep_probability(counts, SAMPLE), np.cumsum(noise_distribution(counts))

    def batches() -> Iterator[float]:
        while True:
            for row in rows:
                words = row[random.random(LENGTH) < kept[row]]
                reach = random.integers(1, WINDOW + 1, len(words))
                pairs = [
                    (words[at], words[other])
                    for at in range(len(words))
                    for other in range(max(0, at - reach[at]), min(len(words), at + reach[at] + 1))
                    if other != at
                ]
                np.searchsorted(noise, random.random((len(pairs), NEGATIVES)))
                yield float(len(pairs))

    return rate(batches())


RUNS: dict[str, Callable[[], float]] = {
    "kssl mask_tokens": lambda: kssl_mask(True),
    "kssl by coin": lambda: kssl_mask(False),
    "transformers collator": transformers_lists,
    "transformers tensors": transformers_tensors,
    "kssl skip_gram": kssl_pairs,
    "gensim": gensim_pairs,
    "numpy": numpy_pairs,
}


def main() -> int:
    file = here(__file__)
    masking = contest(file, MASKING)
    table("Masking tokens, rows of 128, batches of 128", "", masking, MASKING[2])
    pairs = contest(file, PAIRS)
    table("Skip-gram pairs, window 5, 5 noise words", "", pairs, "gensim")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(RUNS[sys.argv[1]]()))
    else:
        raise SystemExit(main())
