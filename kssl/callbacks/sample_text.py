"""What a language model writes, while it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from kssl.system.files import replacing
from kssl.tokenizers.decode import decoded, prompt_ids


class SampleText(keras.callbacks.Callback):
    """Writes a text by the model every few epochs, always from the same seed.

    Args:
        every: Epochs between two texts; the first and the last epoch have one too.
        length: Tokens of a text.
        prompt: What it begins with; empty: see `kssl.tokenizers.prompt_ids`.
        seed: Of the sampler.
        folder: Where the files go; None is the current folder. A run gives its own.
        vocabulary: What turns ids into text and back, a `kssl.tokenizers.Vocabulary`. A run gives
            that of its data.

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
            start = prompt_ids(self.vocabulary, self.prompt)
            ids = self.model.generate(1, seed=self.seed, prompt=start, length=self.length)
            path = self.folder / f"text_epoch_{epoch + 1:04d}.txt"
            with replacing(path) as temporary:
                temporary.write_text(decoded(self.vocabulary, ids)[0] + "\n", "utf-8")
