"""What evaluations of text need: ids as they are embedded, their vocabulary, bags of words."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import Skipped

_WORDS = 8192  # ids that a bag of words tells apart: the most frequent ones of the bank


def reads_text(model: Any) -> bool:
    """Whether a model embeds ids of tokens."""
    return getattr(model, "reads", "image") == "tokens"


def text_arrays(pipeline: Any, limit: int | None = None) -> dict[str, np.ndarray]:
    """A split with its `tokens` int32 as they were before a transform hid or swapped any.

    Raises:
        Skipped: The data is no text.
    """
    arrays: dict[str, np.ndarray] = pipeline.arrays(limit=limit, transformed=False)
    if "tokens" not in arrays:
        arrays = pipeline.arrays(limit=limit)  # of text, by `tokenize`
    if "tokens" not in arrays:
        raise Skipped(f"the data has no 'tokens'; it has {', '.join(sorted(arrays)) or 'nothing'}")
    return arrays | {"tokens": np.asarray(arrays["tokens"], dtype=np.int32)}


def bags_of_words(bank: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each id is in each row, for the 8,192 most frequent ids of the bank.

    Args:
        bank: (N, length) ids; 0 is padding and is not counted.
        test: (M, length) ids.

    Returns:
        (N, ids) and (M, ids), float32.

    Example:
        >>> bags_of_words(np.array([[7, 9, 7, 0]]), np.array([[9, 9, 8, 0]]))[1].tolist()
        [[0.0, 2.0]]
    """
    counts = np.bincount(bank.reshape(-1))
    counts[0] = 0
    kept = np.argsort(-counts, kind="stable")[: min(_WORDS, int((counts > 0).sum()))]
    column = np.full(max(len(counts), int(test.max(initial=0)) + 1), len(kept))
    column[kept] = np.arange(len(kept))

    def bags(ids: np.ndarray) -> np.ndarray:
        found = np.zeros((len(ids), len(kept) + 1), np.float32)  # the last: all other ids
        rows = np.repeat(np.arange(len(ids)), ids.shape[1])
        np.add.at(found, (rows, column[ids.reshape(-1)]), 1.0)
        return found[:, :-1]

    return bags(bank), bags(test)
