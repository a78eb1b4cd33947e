"""Between a language model and text: the ids of a prompt, and the text of ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.errors import UserError


def prompt_ids(vocabulary: Any, prompt: str = "") -> list[int]:
    """Return the ids that a text begins with: those of the prompt, or of the start of a document.

    Without a prompt that is `[SEP]`, which stands between documents, or a new line, or id 0.

    Raises:
        UserError: There is a prompt, and no vocabulary to make ids of it.
    """
    if vocabulary is None and prompt:
        raise UserError(
            f"the prompt {prompt!r} needs the vocabulary of the data, which is not known: give the "
            "data set's own, kssl.data.vocabulary_of(dataset) as its source returned it"
        )
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
