"""Calls of the transforms of text: word2vec's numbers, T5's spans, BART's infilling."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from golden_calls.common import Case

from kssl.pretext.text import infilling, spans, word_pairs


def noise_distribution(case: Case) -> dict[str, Any]:
    return {"probabilities": word_pairs.noise_distribution(case.counts, case.power)}


def keep_probability(case: Case) -> dict[str, Any]:
    return {"keep_probability": word_pairs.keep_probability(case.counts, case.sample)}


def span_corruption(case: Case) -> dict[str, Any]:
    ids, mask = tf.constant(case.tokens[None]), tf.constant(case.noise_mask[None] > 0)
    made = {
        "inputs": _kept(spans.replace_spans(ids, mask, case.vocab_size - 1)),
        "targets": _kept(spans.replace_spans(ids, ~mask, case.vocab_size - 1)),
    }
    made |= {f"{name}_with_eos": [*made[name], case.eos_id] for name in list(made)}
    if not case.noise_mask[0]:  # else the target begins with tokens, and nothing tells where
        made["recovered"] = recovered(made["inputs"], made["targets"], case.vocab_size)
    return made


def _kept(found: spans.Kept) -> list[int]:
    ids, keep = found
    return ids.numpy()[keep.numpy()].tolist()


def recovered(inputs: list[int], targets: list[int], size: int, sentinels: int = 40) -> list[int]:
    """Put the tokens behind each sentinel of the targets in its place in the inputs."""
    hidden: dict[int, list[int]] = {}
    for each in targets:
        if each >= size - sentinels:
            hidden[each] = []
            last = each
        else:
            hidden[last].append(each)
    return [token for each in inputs for token in hidden.get(each, [each])]


def raw_length(case: Case) -> dict[str, Any]:
    raw, targets = spans.raw_length(case.inputs_length, case.noise_density, case.mean_span_length)
    return {"raw_length": raw, "targets_length": targets}


def span_counts(case: Case) -> dict[str, Any]:
    rows = [spans.span_counts(int(n), round(float(rate), 6), float(mean))
            for n, rate, mean in case.settings]  # fmt: skip
    noise, number, rest = zip(*rows, strict=True)
    return {"num_noise": noise, "num_spans": number, "num_nonnoise": rest}


def span_budget(case: Case) -> dict[str, Any]:
    drawn = np.asarray(case.span_lengths, np.int32).reshape(1, -1)
    budget = infilling.hidden_words(tf.constant([case.num_words]), case.mask_ratio)
    lengths, used = infilling.used_lengths(tf.constant(drawn), budget)
    taken = lengths.numpy()[0, : int(used[0])]
    empty = int((taken == 0).sum())
    return {
        "budget": int(budget[0]),
        "used_lengths": taken,
        "num_spans": len(taken) - empty,
        "num_inserts": empty,
        "result_length": case.num_words - int(budget[0]) + len(taken),
    }


def infill(case: Case) -> dict[str, Any]:
    spans_of = [*map(tuple, case.spans), *((int(place), 0) for place in case.inserts)]
    begins, lengths = (np.array([each], np.int32) for each in zip(*sorted(spans_of), strict=True))
    ids = tf.constant(case.tokens[None])
    all_true = tf.ones_like(ids, tf.bool)
    row = infilling.Row(ids, all_true, all_true, all_true)
    places = infilling.Spans(tf.constant(begins), tf.constant(lengths), tf.constant([lengths.size]))
    found, there = infilling.fill(row, places, case.mask_id, pad=0)
    return {"tokens": found.numpy()[there.numpy()]}
