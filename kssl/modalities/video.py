"""Clips of video."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kssl.modalities.base import Features, Modality

_SIDE = 32  # pixels of a side that the simple model sees at most
_SHOWN = 6  # frames of a strip


@keras.saving.register_keras_serializable(package="kssl")
class Video(Modality):
    """Clips `(frames, height, width, channels)`, floating-point in [0, 1].

    Simple models read the mean frame, and the mean absolute difference of neighbouring frames.

    Example:
        >>> Video().example_shape({"video": (None, 16, 32, 32, 3)})
        (16, 32, 32, 3)
    """

    name = "video"
    keys = {"video": "float32"}
    layout = "kssl.report.sheets.films:draw"
    scale = {"video": ("0 to 1", 100.0)}
    noun = ("clip", "pixels")
    cell = (3.0, 0.6)

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        return {"mean frame and differences": (mean_and_motion(bank), mean_and_motion(test))}

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        clip = np.clip(np.asarray(example, "float32"), 0.0, 1.0)
        places = np.unique(np.linspace(0, len(clip) - 1, _SHOWN).astype(int))
        strip = np.concatenate(list(clip[places]), axis=1)  # (height, shown · width, channels)
        gray = strip.shape[-1] != 3
        axes.imshow(strip[..., 0] if gray else strip, cmap="gray", vmin=0, vmax=1)


def mean_and_motion(clips: np.ndarray) -> np.ndarray:
    """Return the mean frame and the mean absolute difference of neighbouring frames, side by side.

    Args:
        clips: `(examples, frames, height, width, channels)`; frames of more than 32 pixels a side
            are thinned out.

    Returns:
        `(examples, 2 · height · width · channels)` float32.

    Example:
        >>> mean_and_motion(np.zeros((3, 5, 8, 8, 1))).shape
        (3, 128)
    """
    step = [max(1, -(-side // _SIDE)) for side in clips.shape[2:4]]
    clips = np.asarray(clips[:, :, :: step[0], :: step[1]], "float32")
    motion = np.abs(np.diff(clips, axis=1)).mean(axis=1) if clips.shape[1] > 1 else clips[:, 0] * 0
    parts = (clips.mean(axis=1), motion)
    return np.concatenate([part.reshape(len(clips), -1) for part in parts], axis=1)
