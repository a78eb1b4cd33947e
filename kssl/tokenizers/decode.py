"""Between a language model and text: the ids of a prompt, and the text of ids."""

from __future__ import annotations

from typing import Any

import numpy as np


def prompt_ids(vocabulary: Any, prompt: str = "") -> list[int]:
    """Return the ids that a text begins with: those of the prompt, or of the start of a document.

    Without a prompt that is `[SEP]`, which stands between documents, or a new line, or id 0.
    """
    if vocabulary is None:
        return [0]
    if prompt:
        return [int(each) for each in next(iter(vocabulary.encode([prompt])))]
    if "end" in vocabulary.special:
        return [vocabulary.special["end"]]
    return [vocabulary.tokens.index("\n")] if "\n" in vocabulary.tokens else [0]


def decoded(vocabulary: Any, ids: np.ndarray) -> list[str]:
    """Return the texts of ids `(count, length)`, without special tokens; numbers if unknown."""
    if vocabulary is None:
        return [" ".join(map(str, row)) for row in ids.tolist()]
    return [vocabulary.decode(row) for row in ids.tolist()]
