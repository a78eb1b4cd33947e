"""Which value is white in pictures of more than 8 bits: one for a whole data set."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kssl.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

_LOOKED_AT = 256  # pictures, evenly spaced, by which the level is found
_USUAL = tuple(2.0**bits - 1 for bits in range(8, 34, 2))
_OVER = 1.05  # floats may be a little beyond their level, as resizing leaves them

_Stamp = tuple[str, int, int]  # a file's path, size and time of change


def check_levels(name: str, levels: float | None) -> None:
    """Raise a UserError unless this is a number above 0, or None."""
    if levels is not None and not (isinstance(levels, int | float) and levels > 0):
        raise UserError(
            f"{name}: levels {levels!r} is not the value of white, such as 4095 for 12 bits"
        )


def levels_of(where: Path, files: Sequence[Path], given: float | None = None) -> float | None:
    """The value that is white in the pictures of a data set that have more than 8 bits.

    It is the highest value of 8, 10, 12, … bits that holds the brightest one of up to 256
    of the pictures; of floats, 1 comes first. It is the same for all of them, in every split, and
    said in a warning.

    Args:
        where: The folder, for the warning.
        files: All pictures, of every split.
        given: What the user said, which is not looked for.

    Returns:
        The level, or None where no picture looked at has more than 8 bits.
    """
    if given is not None:
        return float(given)
    step = max(1, len(files) / _LOOKED_AT)
    chosen = [files[int(place * step)] for place in range(min(len(files), _LOOKED_AT))]
    return _found(str(where), tuple(stamp for file in chosen if (stamp := _stamp(file))))


def is_deep(image: Image) -> bool:
    """Whether a picture that is not loaded has more than 8 bits, or floats."""
    grey = image.mode in ("I", "F") or image.mode.startswith("I;")
    return grey or bool(_lower_bytes(image))


def _lower_bytes(image: Image) -> str:
    """Pillow's name of the other halves of 16-bit colours, of which it reads the upper ones."""
    raw = _raw_mode(image)
    other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    return raw[:-1] + other[raw[-1]] if raw[:-1] in ("RGB;16", "RGBA;16") else ""


def _raw_mode(image: Image) -> str:
    """How Pillow names what is in the file; "" where it does not."""
    options = image.tile[0][3] if getattr(image, "tile", None) else ""
    options = options[0] if isinstance(options, tuple) and options else options
    return options if isinstance(options, str) else ""


def _numbers(image: Image) -> np.ndarray:
    """The values in a deep picture, `(height, width)` or `(height, width, 3 or 4)`."""
    from PIL import Image as images

    if not (lower := _lower_bytes(image)):
        return np.asarray(image)
    with images.open(image.filename) as again:
        options = again.tile[0][3]
        options = lower if isinstance(options, str) else (lower, *options[1:])
        again.tile = [tile._replace(args=options) for tile in again.tile]
        small = np.asarray(again, np.uint16)
    return np.asarray(image, np.uint16) * np.uint16(256) + small


def _stamp(file: Path) -> _Stamp | None:
    try:
        state = file.stat()
    except OSError:
        return None  # what cannot be read is told when it is decoded
    return str(file), state.st_size, state.st_mtime_ns


@functools.lru_cache(maxsize=8)  # the three splits of a recipe look and warn once
def _found(where: str, stamps: tuple[_Stamp, ...]) -> float | None:
    log = logging.getLogger("kssl")
    lowest, highest, floats, dark = 0.0, 0.0, False, []
    count = 0
    for file, _, _ in stamps:
        values, upper = _values(Path(file))
        if upper is not None:
            dark.append(upper)
        if values is None or not len(values):
            continue
        count, floats = count + 1, floats or values.dtype.kind == "f"
        lowest, highest = min(lowest, float(values[0])), max(highest, float(values[1]))
    if dark and max(dark) < 64:
        log.warning(
            "%s: grey pictures of 16 bits with transparency, or such in CMYK, of which Pillow "
            "reads the upper 8 bits, are nearly black (at most %d of 255): save them with 8 bits",
            where,
            max(dark),
        )
    if not count:
        return None
    levels = _usual(highest, floats)
    log.warning(
        "%s: pictures of more than 8 bits, with values up to %g in the %d looked at: white is %g "
        "in all of them; levels: %g in the recipe says so for good%s",
        where,
        highest,
        count,
        levels,
        levels,
        f". Values below 0, down to {lowest:g}, become black" * (lowest < 0),
    )
    return levels


def _usual(highest: float, floats: bool) -> float:
    if floats:
        return next((each for each in (1.0, *_USUAL) if highest <= each * _OVER), highest)
    return next((each for each in _USUAL if highest <= each), highest)


def _values(file: Path) -> tuple[np.ndarray | None, int | None]:
    """Lowest and highest value of a deep picture; or highest upper byte, which Pillow reads."""
    from PIL import Image

    try:
        with Image.open(file) as opened:
            if is_deep(opened):
                values = _numbers(opened)[..., :3] if opened.mode == "RGBA" else _numbers(opened)
                values = values[np.isfinite(values)]
                return np.array([values.min(), values.max()]) if len(values) else None, None
            if "16" in _raw_mode(opened):
                return None, int(np.asarray(opened)[..., :3].max())
    except Exception:  # told when it is decoded
        return None, None
    return None, None


def to_eight_bits(image: Image, levels: float | None) -> Image:
    """Scale a deep picture so that `levels` is 255, which is 65,535 (or 1.0) by default.

    A TIFF file in which 0 is white is inverted, as Pillow inverts those of 8 bits.

    Raises:
        ValueError: Its values are not finite, or far above the level.
    """
    from PIL import Image as images

    every = _numbers(image).astype(np.float64)
    values = every[..., :3] if image.mode == "RGBA" else every
    if not np.isfinite(values).all():
        raise ValueError("it has values that are not finite")
    whole = image.mode != "F"
    highest, white = float(values.max(initial=0.0)), levels or (65535.0 if whole else 1.0)
    if levels and highest > levels * (1.0 if whole else _OVER):
        raise ValueError(f"its value {highest:g} is above levels, {levels:g}")
    inverted = getattr(image, "tag_v2", {}).get(262) == 0  # photometric interpretation
    values = white - values if inverted else values
    scaled = values * (255.0 / white)
    if image.mode == "RGBA":  # opaque is 65,535 whatever white is
        scaled = np.concatenate([scaled, every[..., 3:] / 257.0], axis=-1)
    return images.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))
