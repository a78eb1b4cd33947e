"""How large the usual picture of a folder is, and how long the usual recording."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from kssl.data.files.decode import Broken
from kssl.data.files.sound import read
from kssl.errors import UserError

_LOOKED_AT = 200  # headers of pictures
_HEARD = 20  # recordings that are decoded to see how long they are


def shorter_side(files: list[Path]) -> tuple[int, bool]:
    """The median of the shorter sides, and whether all are grey, of pictures evenly spaced."""
    from PIL import Image

    sides, modes = [], set()
    for file in files[:: max(1, len(files) // _LOOKED_AT)]:
        try:
            with Image.open(file) as picture:
                sides.append(min(picture.size))
                modes.add(picture.mode)
        except Exception:  # told when it is decoded
            continue
    if not sides:
        raise UserError(f"none of the pictures can be opened, such as {files[0]}")
    return int(np.median(sides)), modes <= {"1", "L", "I;16", "I", "F", "LA"}


def usual_sound(files: list[Path]) -> tuple[int, int]:
    """The commonest rate, and the samples of the usual recording: two seconds at the most."""
    sounds = []
    for file in files[:: max(1, len(files) // _HEARD)]:
        try:
            sounds.append(read(file))
        except Broken:  # told when it is decoded
            continue
    if not sounds:
        raise UserError(f"none of the recordings can be decoded, such as {files[0]}")
    rate = Counter(sound.rate for sound in sounds).most_common(1)[0][0]
    seconds = float(np.median([len(sound.samples) / sound.rate for sound in sounds]))
    return rate, max(1, round(min(seconds, 2.0) * rate))
