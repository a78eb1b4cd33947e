"""Video of handwritten digits that move and bounce off the edges."""

from __future__ import annotations

import numpy as np

from kssl.data.from_arrays import Dataset
from kssl.data.sources.digits import digits
from kssl.data.splitting import SPLITS, check_split
from kssl.errors import UserError
from kssl.system.memory import require


def moving_digits(
    split: str = "train",
    frames: int = 16,
    size: int = 32,
    count: int = 1,
    examples: int = 512,
    seed: int = 0,
) -> Dataset:
    """Video of handwritten digits that move straight on and bounce off the edges.

    In the manner of N. Srivastava et al., "Unsupervised learning of video representations using
    LSTMs", ICML 2015, arXiv:1502.04681, but with the 1,797 digits that scikit-learn brings, each
    half as high as the picture. No digit of one split is in another.

    Args:
        split: `train`, `validation` or `test`.
        frames: Frames of an example.
        size: Height and width of the frames, in pixels.
        count: Digits in a video; they pass through each other.
        examples: How many in this split.
        seed: Other numbers give other choices and paths.

    Returns:
        A dataset of `{"video": uint8 (frames, size, size, 1), "label": int64 ()}`; the label is
        the first digit.

    Example:
        >>> moving_digits("test", frames=4, examples=8).element_spec["video"].shape
        TensorShape([4, 32, 32, 1])
    """
    import tensorflow as tf

    check_split(split)
    if min(frames, count, examples) < 1 or size < 4:
        raise UserError(
            f"moving_digits: frames {frames}, count {count} and examples {examples} must be 1 or "
            f"more, and size {size} at least 4"
        )
    require(2.0 * examples * frames * size**2, "these moving digits")
    random = np.random.RandomState([seed, SPLITS.index(split)])
    source = list(digits(split, size // 2).as_numpy_iterator())
    chosen = random.randint(len(source), size=(examples, count))
    places = _paths(random, (examples, count), frames, size - size // 2, size)
    video = np.zeros((examples, frames, size, size, 1), np.uint8)
    for example, frame, digit in np.ndindex(examples, frames, count):
        row, column = places[example, digit, frame]
        part = video[example, frame, row : row + size // 2, column : column + size // 2]
        np.maximum(part, source[chosen[example, digit]]["image"], out=part)
    labels = np.array([source[first]["label"] for first in chosen[:, 0]], np.int64)
    return tf.data.Dataset.from_tensor_slices({"video": video, "label": labels})


def _paths(
    random: np.random.RandomState, many: tuple[int, int], frames: int, room: int, size: int
) -> np.ndarray:
    """Places of the upper left corner, `(*many, frames, 2)`, within 0 … room."""
    start = random.uniform(0, 2 * room, (*many, 1, 2))
    angle = random.uniform(0, 2 * np.pi, many)
    speed = random.uniform(0.03, 0.1, many) * size  # pixels a frame
    step = np.stack([speed * np.sin(angle), speed * np.cos(angle)], axis=-1)  # (*many, 2)
    straight = start + step[..., None, :] * np.arange(frames)[:, None]
    # Going on straight in a hall of mirrors is bouncing off the edges.
    return np.rint(room - np.abs(np.mod(straight, 2 * room) - room)).astype(int)
