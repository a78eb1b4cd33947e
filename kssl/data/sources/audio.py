"""Recordings as data sets: a folder of sound files, or many recordings in one NumPy file."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.files.decode import Block, Broken, check_broken_fraction
from kssl.data.files.items import (
    Archive,
    labelled,
    open_archive,
    read_items,
    split_items,
)
from kssl.data.from_arrays import Dataset
from kssl.data.locate import find_file
from kssl.data.splitting import check_split, check_two_fractions
from kssl.errors import UserError
from kssl.moved import renamed

EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")


@renamed(broken_share="broken_fraction", shares="fractions")
def audio(
    split: str,
    path: str,
    length: int,
    sample_rate: int | None = None,
    group: str | None = None,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
) -> Dataset:
    """Recordings from a folder of WAV or FLAC files, or from a `.npz` file.

    Several channels become their mean. A recording that is longer than `length` gives several
    examples, one after the other; what is left at its end is padded with silence, or left out if
    it would fill less than half an example.

    A folder is searched with its sub-folders, whose names are the labels if every file is in one
    and there are at least two. Which split a file is in follows from its name alone; sub-folders
    `train`, `validation` and `test` split it themselves. WAV needs no other package; FLAC, Ogg
    and MP3 are read by `soundfile` (`pip install 'kssl[audio]'`).

    A `.npz` file holds all recordings one after another in `audio`, int16 or float; recording `i`
    is `audio[offsets[i]:offsets[i + 1]]`. It has `sample_rate`, and `labels` if there are any.

    Args:
        split: `train`, `validation` or `test`.
        path: The folder or file; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`.
        length: Samples of an example: 16,000 are a second at 16 kHz.
        sample_rate: Samples per second; recordings of another rate are resampled. Without it
            all must have the same rate, which is kept.
        group: What has one value here stays in one split: the name of an array of the `.npz`
            file, such as `speaker`, or `folder` for the first sub-folder.
        broken_fraction: A recording that cannot be decoded, or is empty, is named in a warning and
            left out; it is an error when more than this fraction of a split are.
        fractions: Fractions of the recordings for validation and for test.

    Returns:
        A dataset of `{"audio": float32 (length,), "padding_mask": bool (length,)}`, with
        `"label": int64 ()` if there are labels. Sound is in [-1, 1]; the mask is True where there
        is a recording, and False where there is padding.

    Raises:
        UserError: There is no such folder or file, it has no recordings, too many are broken, or
            they have several sample rates.

    Example:
        >>> dataset = audio("train", "recordings/", length=16_000, sample_rate=16_000)
    """
    check_split(split)
    check_broken_fraction("audio", broken_fraction)
    if length < 1 or (sample_rate is not None and sample_rate < 1):
        raise UserError(f"audio: length {length} and sample_rate {sample_rate} must be 1 or more")
    file, two = find_file(path), check_two_fractions("audio", fractions)
    if file.is_dir():
        items = split_items(file, EXTENSIONS, "recordings", group, two, split)
        rates: set[int] = set()
        load = _Load(items.files, length, sample_rate, rates)
        dataset = read_items(items, load, broken_fraction)
        _check_rates(file, rates, sample_rate)
        return dataset
    with open_archive(file, "audio") as archive:
        recordings = _Recordings.of(archive)
        items = labelled(archive, "recordings", len(recordings.offsets) - 1, group, two, split)

    def load_row(item: int) -> Block:
        return pieces(recordings.samples(items.rows[item], sample_rate), length)

    return read_items(items, load_row, broken_fraction)


def pieces(samples: np.ndarray, length: int) -> Block:
    """Cut a recording into examples `(pieces, length)`, padded, with their `padding_mask`.

    Raises:
        Broken: It has no samples, or some that are not finite.
    """
    if not len(samples):
        raise Broken("it has no samples")
    if not np.isfinite(samples).all():
        raise Broken("it has samples that are not finite")
    count = max(1, (len(samples) + length // 2) // length)
    used = samples[: count * length]
    padded = np.zeros(count * length, np.float32)
    padded[: len(used)] = np.clip(used, -1.0, 1.0)
    mask = np.arange(count * length) < len(used)
    return {"audio": padded.reshape(count, length), "padding_mask": mask.reshape(count, length)}


@dataclass
class _Load:
    """Decodes a file; notes the rate it had."""

    files: Sequence[Path]
    length: int
    sample_rate: int | None
    rates: set[int]

    def __call__(self, item: int) -> Block:
        samples, rate = decode(self.files[item])
        if self.sample_rate is not None:
            samples = resampled(samples, rate, self.sample_rate)
        block = pieces(samples, self.length)
        self.rates.add(rate)  # of those that are not broken
        return block


def _check_rates(path: Path, rates: set[int], sample_rate: int | None) -> None:
    if sample_rate is None and len(rates) > 1:
        found = ", ".join(f"{rate:,}" for rate in sorted(rates))
        raise UserError(
            f"{path}: the recordings have several sample rates, {found} samples per second: give "
            f"one to which all are resampled, such as sample_rate: {min(rates)}"
        )


@dataclass(frozen=True)
class _Recordings:
    """Many recordings in one array."""

    audio: np.ndarray
    offsets: np.ndarray
    rate: int | None

    @classmethod
    def of(cls, archive: Archive) -> _Recordings:
        audio, offsets = archive.read("audio").reshape(-1), archive.read("offsets").astype(int)
        good = len(offsets) > 1 and offsets[0] >= 0 and offsets[-1] <= len(audio)
        if not good or (np.diff(offsets) < 0).any() or audio.dtype.kind not in "if":
            raise UserError(
                f"{archive.path}: recording i must be audio[offsets[i]:offsets[i + 1]], int16 or "
                f"float, but audio is {audio.dtype} {audio.shape}, and offsets has "
                f"{len(offsets)} numbers up to {offsets.max(initial=0)}"
            )
        rate = int(archive.read("sample_rate")) if "sample_rate" in archive.names else None
        return cls(audio, offsets, rate)

    def samples(self, row: int, sample_rate: int | None) -> np.ndarray:
        found = to_float(self.audio[self.offsets[row] : self.offsets[row + 1]])
        if sample_rate is None or self.rate is None:
            return found
        return resampled(found, self.rate, sample_rate)


def decode(path: Path) -> tuple[np.ndarray, int]:
    """Read a sound file: its samples as float32 `(samples,)` in [-1, 1], and its sample rate.

    Raises:
        UserError: The file is no WAV, and `soundfile` is not installed.
        Broken: A WAV ends before its header says so.
        Exception: Whatever the decoder raises on a file that it cannot decode.
    """
    if path.suffix.lower() == ".wav":
        return _wav(path)
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: its library is not there
        raise UserError(
            f"{path} is read by soundfile, which is not installed: pip install 'kssl[audio]'"
        ) from error
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), int(rate)


def _wav(path: Path) -> tuple[np.ndarray, int]:
    with path.open("rb") as file:
        kind, size = file.read(4), file.read(4)
    stated = int.from_bytes(size, "big" if kind == b"RIFX" else "little")
    # Written to a pipe, a file has the largest number there is instead of its size.
    if stated != 2**32 - 1 and path.stat().st_size < 8 + stated:
        raise Broken("it ends early")
    rate, samples = _wavfile().read(path)
    samples = to_float(samples)
    return (samples.mean(axis=1) if samples.ndim == 2 else samples), int(rate)


@functools.cache
def _wavfile() -> Any:
    """SciPy's reader, which warns no more of chunks that hold no sound."""
    from scipy.io import wavfile

    # Once for all: a filter that is set and taken back in several threads gets lost.
    warnings.filterwarnings("ignore", category=wavfile.WavFileWarning)
    return wavfile


def to_float(samples: np.ndarray) -> np.ndarray:
    """Whole numbers of any width to float32 in [-1, 1]; the middle of uint8 is 128."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128.0) / 128.0
    if samples.dtype.kind == "i":
        return (samples / 2.0 ** (8 * samples.dtype.itemsize - 1)).astype(np.float32)
    return samples.astype(np.float32)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Change the sample rate, with a low-pass filter against aliases."""
    if rate == wanted or not len(samples):
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    result: Any = resample_poly(samples, wanted // common, rate // common)
    return result.astype(np.float32)
