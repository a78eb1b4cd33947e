"""The recordings of a data set of tensorflow-datasets: their rate and their full scale."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from kssl.data.builders.built import Built
from kssl.data.files.decode import Broken
from kssl.data.files.sound import full_scale, resampled, say_full, to_float
from kssl.errors import UserError


@dataclass(frozen=True)
class Sounds:
    """What is known of the recordings of a data set.

    Attributes:
        feature: The name of the feature that is sound.
        rate: Its samples per second, if it says so.
        wanted: Those that are wanted, if it is to be resampled.
        full: The number that is 1.
    """

    feature: str
    rate: int | None
    wanted: int | None
    full: float

    @classmethod
    def of(cls, built: Built, fractions: tuple[float, float], wanted: int | None) -> Sounds:
        """Look at a data set.

        Raises:
            UserError: It has no sound, or it is to be resampled, but does not say from what.
        """
        name = built.of_kind("audio", ("audio",))
        rate = built.feature(name).sample_rate
        if wanted is not None and rate is None:
            raise UserError(
                f"{built.where} does not say the sample rate of '{name}', so that nothing can be "
                "resampled: leave sample_rate out"
            )
        instructions = tuple(built.instructions(fractions).values())
        return cls(name, rate, wanted, scale_of(built, name, instructions))

    def samples(self, recording: np.ndarray) -> np.ndarray:
        """A recording as float32 `(samples,)`, the mean of its channels."""
        found = to_float(recording, self.full)
        found = found.mean(axis=1) if found.ndim == 2 else found
        return resampled(found, self.rate, self.wanted) if self.rate and self.wanted else found


@functools.lru_cache(maxsize=1)  # for the three splits of a recipe, with one warning
def scale_of(built: Built, name: str, instructions: tuple[str, ...]) -> float:
    """The number that is 1 in a recording, one for all: of their type, or, of wide ones, by peak.

    tensorflow-datasets holds sound of 16 bits as numbers of 64.

    Args:
        built: The data set.
        name: Of the feature that is sound.
        instructions: What is read of it.

    Raises:
        UserError: It has values beyond 32 bits.
    """
    kind, full, peak = np.dtype(built.feature(name).np_dtype), 1.0, 0.0
    usual = 1.0 if kind.kind == "f" else 2.0 ** (8 * kind.itemsize - 1)
    if kind.kind == "u" or (kind.kind == "i" and kind.itemsize < 4):
        return usual
    for example in (each for part in instructions for each in built.read(part, {"audio": name})):
        sound = example["audio"]
        try:
            full = max(full, full_scale(sound, by_peak=True))
        except Broken as error:
            raise UserError(f"{built.where}: '{name}' is no sound: {error}") from error
        peak = max(peak, float(np.nanmax(np.abs(sound.astype(np.float64)), initial=0.0)))
    if full != usual:
        say_full(built.where, name, kind, peak, full)
    return full
