"""One sound file as samples in -1 to 1, with one rule for each type of number."""

from __future__ import annotations

import functools
import importlib.util
import io
import itertools
import logging
import warnings
from math import gcd
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kssl.data.files.decode import Broken
from kssl.data.files.reasons import reason
from kssl.errors import UserError

EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")
_BY_SOUNDFILE = (".aifc", ".au", ".caf", ".nist", ".oga", ".opus", ".rf64", ".snd", ".voc", ".w64")
_BY_PYAV = (".aac", ".ac3", ".amr", ".m4a", ".m4b", ".mka", ".wma")
LOUDEST = 4.0  # floats up to here are meant to be in -1 to 1; mixing and MP3 go a little beyond
_PCM = (2.0**15, 2.0**23, 2.0**31)  # full scales of 16, 24 and 32 bits


class Sound(NamedTuple):
    """A recording as it was decoded.

    Attributes:
        samples: float32 `(samples,)`, the mean of the channels, divided by `full`.
        rate: Samples per second.
        full: The full scale that its numbers have; of floats that should be in -1 to 1, 1.
        floats: Whether its numbers are floats.
    """

    samples: np.ndarray
    rate: int
    full: float
    floats: bool


def readable() -> tuple[str, ...]:
    """The endings of sound files that are read here; the first need no package that may lack."""
    more = {"soundfile": _BY_SOUNDFILE, "av": _BY_PYAV}
    found = (endings for name, endings in more.items() if importlib.util.find_spec(name))
    return (*EXTENSIONS, *itertools.chain(*found))


def decode(path: Path) -> tuple[np.ndarray, int]:
    """Read a sound file: its samples as float32 `(samples,)`, and its sample rate; see `read`."""
    sound = read(path)
    return sound.samples, sound.rate


def read(path: Path) -> Sound:
    """Read a sound file.

    Raises:
        UserError: The file is no WAV, and `soundfile` is not installed.
        Broken: It cannot be decoded; the message says why.
    """
    try:
        if path.suffix.lower() in _BY_PYAV:
            samples, rate = _of_container(path)
        elif path.suffix.lower() != ".wav":
            samples, rate = _by_soundfile(path)
        else:
            samples, rate = _of_wav(path)
        full = full_scale(samples)
    except (Broken, UserError):
        raise
    except Exception as error:  # a damaged file makes decoders fail in any way
        raise Broken(reason(path, error)) from error
    found = to_float(samples, full)
    found = found.mean(axis=1) if found.ndim == 2 else found
    return Sound(found, int(rate), full, samples.dtype.kind == "f")


def _of_wav(path: Path) -> tuple[np.ndarray, int]:
    """A WAV file by SciPy, and by soundfile what SciPy does not know, such as mu-law or FLAC."""
    try:
        rate, samples = _wavfile().read(io.BytesIO(_whole(path.read_bytes())))
    except ValueError:
        if not importlib.util.find_spec("soundfile"):
            raise
        return _by_soundfile(path)
    return samples, int(rate)


def _by_soundfile(path: Path) -> tuple[np.ndarray, int]:
    samples, rate = _soundfile(path).read(path, dtype="float32", always_2d=True)
    return samples, int(rate)


def _of_container(path: Path) -> tuple[np.ndarray, int]:
    """The sound of a file that PyAV reads: float32 `(samples, channels)`, and its rate."""
    import av

    av.logging.set_level(av.logging.PANIC)  # what is broken is told by kssl, once
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise Broken("it holds no sound")
        stream = container.streams.audio[0]
        to_floats = av.AudioResampler(format="fltp")
        frames = [part for frame in container.decode(stream) for part in to_floats.resample(frame)]
        parts = [part.to_ndarray() for part in [*frames, *to_floats.resample(None)]]
        return np.concatenate(parts, axis=1).T, int(stream.rate)


def rate_of(path: Path) -> int | None:
    """The sample rate in a file's header; None where that cannot be read."""
    try:
        if path.suffix.lower() in _BY_PYAV:
            import av

            with av.open(str(path)) as container:
                return int(container.streams.audio[0].rate)
        if path.suffix.lower() != ".wav":
            return int(_soundfile(path).info(path).samplerate)
        with path.open("rb") as file:
            head = file.read(4096)
        place = head.index(b"fmt ") + 12
        return int.from_bytes(head[place : place + 4], _order(head))
    except Exception:  # told when it is decoded
        return None


def full_scale(samples: np.ndarray, by_peak: bool = False) -> float:
    """The number that is 1 after `to_float`.

    Whole numbers have that of their type: 128 for 8 bits, 2**15 for 16, 2**23 shifted up by 8 bits
    for 24, 2**31 for 32. Floats have 1, unless they go beyond 4: then the smallest of 2**15, 2**23
    and 2**31 that holds them.

    Args:
        samples: Of a file, or of a whole array of recordings.
        by_peak: Whether whole numbers of 32 bits or more have the smallest of the three that
            holds them, too, since an array may hold 16-bit numbers in any type.

    Raises:
        Broken: Floats are beyond 2**31.
    """
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind in "ui" and not (by_peak and size >= 4):
        return float(2.0 ** (8 * size - 1))
    finite = samples if kind in "ui" else samples[np.isfinite(samples)]
    peak = max(-float(finite.min()), float(finite.max())) if finite.size else 0.0
    peak = peak / 2 if kind == "u" else peak  # whose middle is the full scale
    if kind == "f" and peak <= LOUDEST:
        return 1.0
    found = next((each for each in _PCM if peak <= each), None)
    if found is None and kind == "f":
        raise Broken(f"it has samples up to {peak:.3g}, beyond 32 bits")
    return found or float(2.0 ** (8 * size - 1))


def say_full(where: str, name: str, kind: np.dtype[Any], peak: float, full: float) -> None:
    """Warn that the full scale of many recordings is not that of their type."""
    logging.getLogger("kssl").warning(
        "%s: %s is %s with values up to %.6g, which are divided by %.0f, the full scale of %d bits",
        where,
        name,
        kind,
        peak,
        full,
        round(np.log2(full)) + 1,
    )


def to_float(samples: np.ndarray, full: float | None = None) -> np.ndarray:
    """Samples as float32, with `full` as 1; the middle of unsigned numbers is half their range."""
    full = full_scale(samples) if full is None else full
    if samples.dtype.kind == "u":
        return ((samples.astype(np.float64) - full) / full).astype(np.float32)
    return (samples / full).astype(np.float32)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Change the sample rate, with a low-pass filter against aliases."""
    if rate == wanted or not len(samples):
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    result: Any = resample_poly(samples, wanted // common, rate // common)
    return result.astype(np.float32)


def _whole(raw: bytes) -> bytes:
    """A WAV file with sizes that are right; written to a pipe, it has none or the largest there is.

    Raises:
        Broken: It ends before its header says so.
    """
    if raw[:4] not in (b"RIFF", b"RIFX"):
        return raw
    order, place = _order(raw), 12
    stated, align = int.from_bytes(raw[4:8], order), 1
    if not _unknown(stated) and len(raw) < 8 + stated:
        raise Broken("it ends early")
    while place + 8 <= len(raw):
        name, size = raw[place : place + 4], int.from_bytes(raw[place + 4 : place + 8], order)
        left = len(raw) - place - 8
        if name == b"fmt ":
            align = int.from_bytes(raw[place + 20 : place + 22], order) or 1
        if name == b"data":
            if size > left and not _unknown(size):
                raise Broken("it ends early")
            # No size, and more bytes than the header knows of: all of them are sound.
            beyond = _unknown(stated) or len(raw) > 8 + stated
            kept = left - left % align if size > left or (size == 0 and beyond) else size
            end = place + 8 + kept
            head = raw[:4] + (end - 8).to_bytes(4, order) + raw[8 : place + 4]
            return head + kept.to_bytes(4, order) + raw[place + 8 : end]
        place += 8 + size + size % 2
    return raw


def _order(raw: bytes) -> Any:
    return "big" if raw[:4] == b"RIFX" else "little"


def _unknown(size: int) -> bool:
    """Whether a program wrote this for want of the size: 0, or about 2**31 or 2**32."""
    return size == 0 or 0x7FFFF000 <= size <= 0x80000100 or size >= 0xFFFFF000


def _soundfile(path: Path) -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: its library is not there
        raise UserError(
            f"{path} is read by soundfile, which is not installed: pip install 'kssl[audio]'"
        ) from error
    return soundfile


@functools.cache
def _wavfile() -> Any:
    """SciPy's reader, which warns no more of chunks that hold no sound."""
    from scipy.io import wavfile

    # Once for all: a filter that is set and taken back in several threads gets lost.
    warnings.filterwarnings("ignore", category=wavfile.WavFileWarning)
    return wavfile
