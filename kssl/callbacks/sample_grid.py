"""Images sampled from a generative model during training."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kssl.models.capabilities import Generates, has
from kssl.optimizers import averaged, find_ema
from kssl.system.files import replacing


class SampleGrid(keras.callbacks.Callback):
    """Writes a grid of generated images every few epochs, always of the same latents.

    Where the optimizer keeps averages of the weights (`kssl.optimizers.EMA`), they draw the images.

    Args:
        every: Epochs between two grids; the first and the last epoch have one too.
        count: Images in a grid.
        seed: Seed of the latents.
        folder: Where the PNG files go; None is the current folder. A run gives its own.

    Raises:
        ValueError: If `every` or `count` is less than 1.

    Example:
        >>> grids = kssl.callbacks.SampleGrid(every=5, folder=run.figures)
        >>> history = model.fit(dataset, callbacks=[grids], verbose=0)
    """

    def __init__(
        self, every: int = 5, count: int = 64, seed: int = 0, folder: Path | None = None
    ) -> None:
        super().__init__()
        if every < 1 or count < 1:
            raise ValueError(f"every and count must be at least 1; got {every} and {count}")
        self.every = every
        self.count = count
        self.seed = seed
        self.folder = Path(folder or ".")

    def check(self, model: keras.Model) -> None:
        """Raise a ValueError if a model that will be trained draws no pictures."""
        if not has(model, Generates):
            raise ValueError(f"{type(model).__name__} does not generate images: leave it out")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        last = epoch + 1 == self.params.get("epochs")
        if epoch == 0 or last or (epoch + 1) % self.every == 0:
            with _averages_if_any(self.model) as model:
                images = model.generate(self.count, seed=self.seed)
            images = keras.ops.convert_to_numpy(keras.ops.cast(images, "float32"))
            write_grid(images, self.folder / f"samples_epoch_{epoch + 1:04d}.png")


def _averages_if_any(model: keras.Model) -> AbstractContextManager[keras.Model]:
    try:
        swapped = find_ema(model).swapped
    except ValueError:
        return nullcontext(model)
    return nullcontext(model) if swapped else averaged(model)


def write_grid(images: np.ndarray, path: Path) -> Path:
    """Write images as one PNG, row by row in a grid that is about square.

    Args:
        images: Array `(count, height, width, channels)`, values in 0 to 1. Of more
            channels than three the first three are drawn as colours, of two the first.
        path: The file to write.

    Returns:
        `path`.
    """
    from PIL import Image

    images = images[..., : 3 if images.shape[-1] >= 3 else 1]
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    padded = np.ones((rows * columns, height + 2, width + 2, channels), np.float32)
    padded[:count, 1:-1, 1:-1] = np.clip(np.nan_to_num(images), 0.0, 1.0)
    grid = padded.reshape(rows, columns, height + 2, width + 2, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * (height + 2), columns * (width + 2), channels)
    scale = max(1, round(640 / grid.shape[0]))  # small images are enlarged, pixel by pixel
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    pixels = np.round(255 * grid).astype(np.uint8)
    with replacing(path) as temporary:
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(temporary)
    return path
