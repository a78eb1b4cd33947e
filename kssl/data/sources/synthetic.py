"""Made-up images with something to learn in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kssl.data.from_arrays import Dataset
from kssl.data.splitting import SPLITS, check_split
from kssl.errors import UserError
from kssl.system.memory import require


def synthetic(
    split: str = "train",
    shape: Sequence[int] = (28, 28, 1),
    examples: int = 512,
    classes: int = 10,
    seed: int = 0,
) -> Dataset:
    """Made-up images with something to learn in them, for quick trials.

    Each class has a smooth random pattern; an image is its class's pattern, shifted by up to an
    eighth of its size, at a random contrast, with noise.

    Args:
        split: `train`, `validation` or `test`; the three are drawn separately.
        shape: Height, width and channels.
        examples: How many in this split.
        classes: How many patterns; the labels go round, so all are alike in number.
        seed: Other numbers give other patterns and images.

    Returns:
        A dataset of `{"image": uint8 shape, "label": int64 ()}`.

    Example:
        >>> synthetic(shape=(16, 16, 3), examples=16).element_spec["image"].shape
        TensorShape([16, 16, 3])
    """
    import tensorflow as tf

    check_split(split)
    height, width, channels = _three(shape)
    if examples < 1 or classes < 1:
        raise UserError(f"synthetic: examples {examples} and classes {classes} must be 1 or more")
    if classes > examples:
        raise UserError(
            f"synthetic: {classes:,} classes need as many examples at least, and there are "
            f"{examples:,}: lower classes or raise examples"
        )
    # The float64 patterns; each image as float64 twice, and its bytes.
    require((8.0 * classes + 17.0 * examples) * height * width * channels, "this synthetic data")
    patterns = _patterns(np.random.RandomState(seed), classes, (height, width, channels))
    # A second generator per split: the patterns are shared, the images are not.
    random = np.random.RandomState([seed, 1 + SPLITS.index(split)])
    labels = np.arange(examples, dtype=np.int64) % classes
    contrast = random.uniform(0.6, 1.0, (examples, 1, 1, 1))
    images = patterns[labels] * contrast  # (examples, height, width, channels)
    for index, (down, right) in enumerate(_shifts(random, examples, height, width)):
        images[index] = np.roll(images[index], (down, right), (0, 1))
    images = images + random.normal(0.0, 0.06, images.shape)
    images = np.clip(images * 255.0, 0, 255).astype(np.uint8)
    return tf.data.Dataset.from_tensor_slices({"image": images, "label": labels})


def _three(shape: Sequence[int]) -> tuple[int, int, int]:
    if len(shape) != 3 or min(shape) < 1:
        raise UserError(f"synthetic: shape {list(shape)} is not [height, width, channels]")
    return shape[0], shape[1], shape[2]


def _patterns(
    random: np.random.RandomState, classes: int, shape: tuple[int, int, int]
) -> np.ndarray:
    """Smooth patterns in [0, 1]: sums of a few slow waves, `(classes, *shape)`."""
    height, width, channels = shape
    down = np.linspace(0, 2 * np.pi, height, endpoint=False)[:, None, None]
    right = np.linspace(0, 2 * np.pi, width, endpoint=False)[None, :, None]
    patterns = np.zeros((classes, *shape))
    for pattern in patterns:
        for _ in range(4):
            slow, fast = random.randint(0, 4, 2)
            phase = random.uniform(0, 2 * np.pi, channels)
            pattern += random.uniform(0.5, 1.0) * np.sin(slow * down + fast * right + phase)
    patterns -= patterns.min(axis=(1, 2, 3), keepdims=True)
    return patterns / np.maximum(patterns.max(axis=(1, 2, 3), keepdims=True), 1e-6)


def _shifts(random: np.random.RandomState, examples: int, height: int, width: int) -> np.ndarray:
    return np.stack(
        [
            random.randint(-(height // 8), height // 8 + 1, examples),
            random.randint(-(width // 8), width // 8 + 1, examples),
        ],
        axis=1,
    )
