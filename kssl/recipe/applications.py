"""Networks of `keras.applications` and KerasHub as encoders: what a recipe must say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kssl.recipe.reader import Node

_MODULE = "keras.src.applications."


def problems(use: str, target: Any, arguments: Mapping[str, Node]) -> Iterator[str]:
    """Say what is lacking: Keras' own defaults download weights, and end in 1,000 classes.

    Args:
        use: How the recipe calls it.
        target: The function.
        arguments: What the recipe gives it.
    """
    module = str(getattr(target, "__module__", ""))
    if module.startswith("keras_hub.") and "weights" in arguments:
        yield (
            f"{use} has learned nothing yet when it is made from its arguments: leave 'weights' "
            f"out; one that is trained already is {use}.from_preset with preset: …, a download"
        )
    if not module.startswith(_MODULE):
        return
    if "weights" not in arguments:
        yield (
            f"{use} needs 'weights': null for a network that has learned nothing yet, or imagenet, "
            "which downloads one that was trained on the labels of 1.3 million photographs"
        )
    top = arguments.get("include_top")
    if top is None or top.value is not False:
        yield f"{use} needs 'include_top: false': with its top it returns classes, no features"
