"""Images."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kssl.modalities.base import Features, Modality


@keras.saving.register_keras_serializable(package="kssl")
class Image(Modality):
    """Images `(height, width, channels)`, floating-point in [0, 1].

    Simple models read the pixels, and the histogram of the colours.

    Example:
        >>> Image().example_shape({"image": (None, 28, 28, 1), "label": (None,)})
        (28, 28, 1)
    """

    name = "image"
    keys = {"image": "float32"}
    layout = "kssl.report.sheets.pictures:draw"
    scale = {"image": ("0 to 1", 100.0)}
    noun = ("image", "pixels")
    cell = (0.75, 0.75)

    def check_values(self, examples: Any, model: str) -> None:
        if keras.config.image_data_format() == "channels_first" and np.ndim(examples) == 4:
            raise ValueError(
                f"{model} reads images (height, width, channels), and Keras is set to "
                'channels_first: keras.config.set_image_data_format("channels_last"), and '
                "numpy.moveaxis(images, 1, -1)"
            )
        super().check_values(examples, model)

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        bank, test = np.asarray(bank), np.asarray(test)
        histograms = color_histogram(bank), color_histogram(test)
        return {"pixels": (_pixels(bank), _pixels(test)), "colour histogram": histograms}

    def pictures(self, examples: Any) -> np.ndarray | None:
        examples = np.asarray(examples, "float32")
        return examples if examples.ndim == 4 and examples.shape[-1] in (1, 3) else None

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        picture = np.clip(np.asarray(example, "float32"), 0.0, 1.0)
        gray = picture.shape[-1] != 3
        axes.imshow(picture[..., 0] if gray else picture, cmap="gray", vmin=0, vmax=1)


def _pixels(images: np.ndarray) -> np.ndarray:
    return images.astype("float32").reshape(len(images), -1)


def color_histogram(images: np.ndarray, bins: int = 8) -> np.ndarray:
    """Return the fraction of the pixels in each cell of the colour cube.

    Args:
        images: `(examples, height, width, channels)` in [0, 1].
        bins: Cells along each of three channels; other numbers of channels have `bins²` cells
            each, side by side.

    Returns:
        `(examples, cells)` float32.

    Example:
        >>> color_histogram(np.zeros((1, 2, 2, 1)), bins=2).tolist()
        [[1.0, 0.0, 0.0, 0.0]]
    """
    count, channels = len(images), images.shape[-1]
    levels = bins if channels == 3 else bins**2
    cells = np.clip((images * levels).astype(np.int64), 0, levels - 1)
    cells = cells.reshape(count, -1, channels)  # (examples, pixels, channels)
    if channels == 3:
        cells = (cells @ np.array([levels**2, levels, 1]))[..., None]
        width = levels**3
    else:
        cells, width = cells + levels * np.arange(channels), levels * channels
    found = np.zeros((count, width), np.float32)
    for row, own in zip(found, cells.reshape(count, -1), strict=True):
        row += np.bincount(own, minlength=width) / own.size * cells.shape[-1]
    return found
