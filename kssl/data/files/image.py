"""One image file as an array of pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


def decode(path: Path, size: int, channels: int) -> np.ndarray:
    """Read an image file as a square of pixels.

    Args:
        path: A file in any format that PIL reads.
        size: Height and width of the result, as `fit` makes it.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8 `(size, size, channels)`.

    Raises:
        Exception: Whatever PIL raises on a file that it cannot decode.
    """
    return decode_to(path, size, size, channels)


def decode_to(path: Path, height: int, width: int, channels: int) -> np.ndarray:
    """Read an image file as uint8 `(height, width, channels)`; as `decode`."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        # A JPEG can be decoded at an eighth of its size or so: much quicker, and still larger
        # than what is wanted.
        opened.draft("RGB" if channels == 3 else "L", (2 * width, 2 * height))
        image = ImageOps.exif_transpose(opened)
        return fit(_flat(_eight_bits(image)), height, width, channels)


def fit(image: Image, height: int, width: int, channels: int) -> np.ndarray:
    """Resize an image with antialiasing until it just covers a size, and keep the middle.

    Args:
        image: Of any mode of at most 8 bits.
        height: Of the result, in pixels.
        width: Of the result.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8 `(height, width, channels)`.
    """
    from PIL import Image as images

    image = image.convert("RGB" if channels == 3 else "L")
    if image.size != (width, height):
        scale = min(image.width / width, image.height / height)
        box_width, box_height = width * scale, height * scale
        left, top = (image.width - box_width) / 2, (image.height - box_height) / 2
        box = (left, top, left + box_width, top + box_height)
        image = image.resize((width, height), images.Resampling.BICUBIC, box=box)
    return np.asarray(image, np.uint8).reshape(height, width, channels)


def _eight_bits(image: Image) -> Image:
    """Scale grey images of more than 8 bits, which PIL would clip."""
    from PIL import Image as images

    if image.mode not in ("I", "F") and not image.mode.startswith("I;"):
        return image
    values = np.asarray(image, np.float64)
    if image.mode == "F" and values.max(initial=0.0) <= 1.0:
        values = values * 255.0
    elif values.max(initial=0.0) > 255.0:
        values = values / 257.0  # 65,535 -> 255
    return images.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _flat(image: Image) -> Image:
    """Put a transparent image on white."""
    from PIL import Image as images

    if not image.has_transparency_data:
        return image
    layered = image.convert("RGBA")
    return images.alpha_composite(images.new("RGBA", image.size, "white"), layered)
