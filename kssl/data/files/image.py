"""One image file as an array of pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kssl.data.files.decode import Broken
from kssl.data.files.levels import is_deep, to_eight_bits
from kssl.data.files.reasons import reason

if TYPE_CHECKING:
    from PIL.Image import Image


def decode(path: Path, size: int, channels: int, levels: float | None = None) -> np.ndarray:
    """Read an image file as a square of pixels.

    Args:
        path: A file in any format that PIL reads.
        size: Height and width of the result, as `fit` makes it.
        channels: 1 for grey, 3 for colour.
        levels: Which value is white in a picture of more than 8 bits; see `levels_of`.

    Returns:
        uint8 `(size, size, channels)`.

    Raises:
        Broken: It cannot be decoded; the message says why.
    """
    return decode_to(path, size, size, channels, levels)


def decode_to(
    path: Path, height: int, width: int, channels: int, levels: float | None = None
) -> np.ndarray:
    """Read an image file as uint8 `(height, width, channels)`; as `decode`."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            # A JPEG can be decoded at an eighth of its size or so: much quicker, and still larger
            # than what is wanted.
            opened.draft("RGB" if channels == 3 else "L", (2 * width, 2 * height))
            return upright(opened, height, width, channels, levels)
    except Exception as error:  # a damaged file makes decoders fail in any way
        raise Broken(reason(path, error)) from error


def decode_whole(
    path: Path, height: int, width: int, channels: int, turned: bool = True
) -> np.ndarray:
    """Read a whole image file, each side stretched to its size by itself: nothing is cut off.

    Args:
        path: A file in any format that PIL reads.
        height: Of the result, in pixels.
        width: Of the result.
        channels: 1 for grey, 3 for colour.
        turned: Whether it is turned as its EXIF note says.

    Returns:
        uint8 `(height, width, channels)`.

    Raises:
        Broken: It cannot be decoded; the message says why.
    """
    from PIL import Image, ImageOps

    mode = "RGB" if channels == 3 else "L"
    try:
        with Image.open(path) as opened:
            longer = 2 * max(height, width)
            opened.draft(mode, (longer, longer))
            image = _shallow(opened, None)
            whole = _flat(ImageOps.exif_transpose(image) if turned else image).convert(mode)
            resized = whole.resize((width, height), Image.Resampling.BICUBIC)
            return np.asarray(resized, np.uint8).reshape(height, width, channels)
    except Exception as error:  # a damaged file makes decoders fail in any way
        raise Broken(reason(path, error)) from error


def size_of(path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return width and height of an image file as it is stored, and turned as its EXIF note says.

    Raises:
        Broken: It is no image.
    """
    from PIL import Image

    try:
        with Image.open(path) as opened:
            stored = opened.size
            across = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception as error:
        raise Broken(reason(path, error)) from error
    return stored, stored[::-1] if across else stored


def upright(
    image: Image, height: int, width: int, channels: int, levels: float | None = None
) -> np.ndarray:
    """Turn an opened image as its EXIF note says, on white, and fit it."""
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(_shallow(image, levels))
    return fit(_flat(turned), height, width, channels)


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


def _shallow(image: Image, levels: float | None) -> Image:
    """Bring an opened image to 8 bits, and keep its EXIF note."""
    if not is_deep(image):
        return image
    shallow = to_eight_bits(image, levels)
    shallow.getexif()[0x0112] = image.getexif().get(0x0112, 1)  # which TIFF turns on loading
    return shallow


def _flat(image: Image) -> Image:
    """Put a transparent image on white."""
    from PIL import Image as images

    if not image.has_transparency_data:
        return image
    layered = image.convert("RGBA")
    return images.alpha_composite(images.new("RGBA", image.size, "white"), layered)
