"""Images with text."""

from __future__ import annotations

from typing import Any

import keras

from kssl.modalities.base import Features, Modality
from kssl.modalities.image import Image
from kssl.modalities.tokens import Tokens, texts_of


@keras.saving.register_keras_serializable(package="kssl")
class Pair(Modality):
    """An image `(height, width, channels)` and the ids of its text `(length,)`.

    A model reads a dict of `image` and `tokens`. Simple models read the pixels, and the words.

    Example:
        >>> Pair().example_shape({"image": (None, 64, 64, 3), "tokens": (None, 32)})
        {'image': (64, 64, 3), 'tokens': (32,)}
    """

    name = "pair"
    keys = {"image": "float32", "tokens": "int32"}
    layout = "kssl.report.sheets.pictures:draw"
    scale = Image.scale
    noun = ("pair", "values")
    cell = (1.1, 1.3)

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        images = Image().raw(bank["image"], test["image"])
        return images | Tokens().raw(bank["tokens"], test["tokens"], vocabulary)

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        Image().draw_example(axes, example["image"])
        (text,) = texts_of(example["tokens"][None], vocabulary)
        axes.set_xlabel(text[:40].replace("$", r"\$"), fontsize=5)
