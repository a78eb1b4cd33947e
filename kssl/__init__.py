"""kssl: self-supervised learning with Keras 3.

Importing this package imports neither Keras nor TensorFlow: a room (`kssl.losses`,
`kssl.models`, …) is imported when it is first used. Once Keras itself is imported, kssl's
layers, losses and models become known to it, so that `keras.models.load_model` finds them.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pluggy
import wrapt

from kssl import moved

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("kssl")

_ROOMS = (
    "callbacks",
    "data",
    "diffusion",
    "errors",
    "evaluation",
    "layers",
    "losses",
    "modalities",
    "models",
    "optimizers",
    "plugins",
    "pretext",
    "recipe",
    "report",
    "runs",
    "system",
    "testing",
    "tokenizers",
)

# The rooms that register classes with Keras, or are imported by one that does.
_KNOWN_TO_KERAS = ("modalities", "losses", "diffusion", "layers", "models", "optimizers")

__all__ = ["__version__", "hookimpl", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS or name in moved.MOVED:
        return importlib.import_module(f"kssl.{name}")
    raise AttributeError(f"module 'kssl' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _make_known_to_keras(_keras: Any = None) -> None:
    # Keras finds a saved class by its registered name only: importing the rooms registers them.
    # Whoever imports one of them first imports Keras from inside it: that room is still half
    # loaded here, the others cannot be imported yet, and it calls this again on its last line.
    rooms = [f"kssl.{room}" for room in _KNOWN_TO_KERAS]
    loaded = [sys.modules[room] for room in rooms if room in sys.modules]
    if all(hasattr(room, "__all__") for room in loaded):
        for room in rooms:
            importlib.import_module(room)


moved.install()
wrapt.register_post_import_hook(_make_known_to_keras, "keras")
