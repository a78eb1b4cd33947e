"""What a language model writes, while it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from kssl.files import replacing


class SampleText(keras.callbacks.Callback):
    """Writes a text by the model every few epochs, always from the same seed.

    Args:
        every: Epochs between two texts; the first and the last epoch have one too.
        length: Tokens of a text.
        prompt: What it begins with; empty: see `first_ids`.
        seed: Of the sampler.
        folder: Where the files go; None is the current folder. A run gives its own.
        vocabulary: What turns ids into text and back (`kssl.pretext.Vocabulary`). A run gives that
            of its data.

    Raises:
        ValueError: If `every` or `length` is less than 1.

    Example:
        >>> texts = kssl.callbacks.SampleText(every=5, vocabulary=vocabulary)  # doctest: +SKIP
    """

    def __init__(
        self,
        every: int = 5,
        length: int = 400,
        prompt: str = "",
        seed: int = 0,
        folder: Path | None = None,
        vocabulary: Any = None,
    ) -> None:
        super().__init__()
        if every < 1 or length < 1:
            raise ValueError(f"every and length must be at least 1; got {every} and {length}")
        self.every = every
        self.length = length
        self.prompt = prompt
        self.seed = seed
        self.folder = Path(folder or ".")
        self.vocabulary = vocabulary

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        last = epoch + 1 == self.params.get("epochs")
        if epoch == 0 or last or (epoch + 1) % self.every == 0:
            start = first_ids(self.vocabulary, self.prompt)
            ids = self.model.generate(1, seed=self.seed, prompt=start, length=self.length)
            path = self.folder / f"text_epoch_{epoch + 1:04d}.txt"
            with replacing(path) as temporary:
                temporary.write_text(written(self.vocabulary, ids)[0] + "\n", "utf-8")


def first_ids(vocabulary: Any, prompt: str = "") -> list[int]:
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


def written(vocabulary: Any, ids: np.ndarray) -> list[str]:
    """Return the texts of ids `(count, length)`, without special tokens; numbers if unknown."""
    if vocabulary is None:
        return [" ".join(map(str, row)) for row in ids.tolist()]
    return [vocabulary.decode(row) for row in ids.tolist()]
