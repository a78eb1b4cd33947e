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
        size: Height and width of the result: the shorter side is resized to it with
            antialiasing, and the middle of the longer one is kept.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8 `(size, size, channels)`.

    Raises:
        Exception: Whatever PIL raises on a file that it cannot decode.
    """
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        # A JPEG can be decoded at an eighth of its size or so: much quicker, and still larger
        # than what is wanted.
        opened.draft("RGB" if channels == 3 else "L", (2 * size, 2 * size))
        image = ImageOps.exif_transpose(opened)
        image = _flat(_eight_bits(image)).convert("RGB" if channels == 3 else "L")
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        square = image.resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.asarray(square, np.uint8).reshape(size, size, channels)


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
