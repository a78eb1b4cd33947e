"""Recordings as data sets: a folder of sound files, or many recordings in one NumPy file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kssl.data.builders.built import Built
from kssl.data.builders.examples import Reading
from kssl.data.builders.place import Place, opened, refuse_settings
from kssl.data.builders.sound import Sounds
from kssl.data.description import described
from kssl.data.files.decode import Block, Broken, check_broken_fraction
from kssl.data.files.folder import Folder, Labels, read_folder
from kssl.data.files.items import Archive, labelled, of_folder, open_archive, read_items
from kssl.data.files.sound import (
    Sound,
    full_scale,
    rate_of,
    read,
    readable,
    resampled,
    say_full,
    to_float,
)
from kssl.data.from_arrays import Dataset
from kssl.data.splitting import check_split, check_two_fractions
from kssl.errors import UserError
from kssl.moved import renamed

_HEADERS = 2_000  # of files of other splits that are compared, evenly spaced
_LOOKED_AT = 1_000_000  # samples of an array of recordings, evenly spaced
_SILENT = 2.0**-8  # of full scale: -48 dB, such as 8 bits in a file of 16


@renamed(broken_share="broken_fraction", shares="fractions")
def audio(
    split: str,
    path: Place,
    length: int,
    sample_rate: int | None = None,
    group: str | None = None,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
    labels: Labels = "auto",
) -> Dataset:
    """Recordings from a folder of WAV or FLAC files, or from a `.npz` file.

    Several channels become their mean. A recording that is longer than `length` gives several
    examples, one after the other; what is left at its end is padded with silence, or left out if
    it would fill less than half an example.

    A folder is searched with its sub-folders, whose names are the labels if every file is in one
    and there are at least two. Which split a file is in follows from its name alone; sub-folders
    `train`, `validation` and `test` split it themselves. WAV needs no other package; FLAC, Ogg,
    Opus, MP3 and the like are read by `soundfile` (`pip install 'kssl[audio]'`), M4A, AAC and WMA
    by PyAV (`'kssl[video]'`).

    A `.npz` file holds all recordings one after another in `audio`, whole numbers or floats;
    recording `i` is `audio[offsets[i]:offsets[i + 1]]`. It has `sample_rate`, and `labels` if there
    are any.

    Whole numbers are divided by the full scale of their type; floats are taken as they are, and
    cut off at -1 and 1. Floats beyond 4, and whole numbers of 32 bits or more in a `.npz` file, are
    divided by the smallest of 2**15, 2**23 and 2**31 that holds them. A warning says so.

    Args:
        split: `train`, `validation` or `test`.
        path: The folder or file; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`. Or a data set of tensorflow-datasets, `{tfds: spoken_digit}`: the
            feature that is sound, and `label`, or what `keys: {audio: …, label: …}` names.
        length: Samples of an example: 16,000 are a second at 16 kHz.
        sample_rate: Samples per second; recordings of another rate are resampled. Without it
            all must have the same rate, in every split, which is kept.
        group: What has one value here stays in one split: the name of an array of the `.npz`
            file, such as `speaker`, or `folder` for the first sub-folder.
        broken_fraction: A recording that cannot be decoded, or is empty, is named in a warning and
            left out; it is an error when more than this fraction of a split are.
        fractions: Fractions of the recordings for validation and for test.
        labels: Of a folder: whether the sub-folders' names are the classes, or a table of them, as
            `images` takes it. Recordings without a class are trained on, with the label -1.

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
    file, two = opened(path, "audio"), check_two_fractions("audio", fractions)
    if isinstance(file, Built):
        refuse_settings("audio", file, group=group, labels=labels)
        reading = Reading(file, split, "recordings", two, broken_fraction, labels is not False)
        return _of_built(reading, length, sample_rate)
    if file.is_dir():
        folder = read_folder(file, two, readable(), "recordings", labels)
        items = of_folder(folder, group, two, split, labels)
        load = _Load(items.files, length, sample_rate)
        dataset = read_items(items, load, broken_fraction)
        _check_rates(folder, load, sample_rate)
        _say_levels(file, load)
        return described(dataset, sample_rate=sample_rate or next(iter(load.rates), None))
    with open_archive(file, "audio") as archive:
        recordings = _Recordings.of(archive)
        items = labelled(archive, "recordings", len(recordings.offsets) - 1, group, two, split)

    def load_row(item: int) -> Block:
        return pieces(recordings.samples(items.rows[item], sample_rate), length)

    dataset = read_items(items, load_row, broken_fraction)
    return described(dataset, sample_rate=sample_rate or recordings.rate)


def _of_built(reading: Reading, length: int, sample_rate: int | None) -> Dataset:
    reading.built.check_keys(("audio", "label"))
    sounds = Sounds.of(reading.built, reading.fractions, sample_rate)
    dataset = reading.dataset(
        {"audio": sounds.feature}, lambda one: pieces(sounds.samples(one["audio"]), length)
    )
    return described(dataset, sample_rate=sample_rate or sounds.rate)


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
    """Decodes a file; notes what those had that are not broken."""

    files: Sequence[Path]
    length: int
    sample_rate: int | None
    rates: set[int] = field(default_factory=set)
    peaks: dict[int, tuple[Sound, float]] = field(default_factory=dict)
    aside: set[int] = field(default_factory=set)

    def __call__(self, item: int) -> Block:
        sound = read(self.files[item])
        samples = sound.samples
        if self.sample_rate is not None:
            samples = resampled(samples, sound.rate, self.sample_rate)
        block = pieces(samples, self.length)
        self.rates.add(sound.rate)
        peak = float(np.abs(sound.samples).max())
        self.peaks[item] = sound._replace(samples=sound.samples[:0]), peak
        if _is_aside(sound.samples):
            self.aside.add(item)
        return block


def _check_rates(folder: Folder, load: _Load, sample_rate: int | None) -> None:
    """Compare the rates of the split with those of the others, as far as headers say them."""
    if sample_rate is not None:
        return
    known = set(load.files)
    others = [file for files in folder.splits.values() for file in files if file not in known]
    others = others[:: max(1, len(others) // _HEADERS)]
    rates = load.rates | {rate for file in others if (rate := rate_of(file))}
    if len(rates) > 1:
        found = ", ".join(f"{rate:,}" for rate in sorted(rates))
        raise UserError(
            f"{folder.path}: the recordings have several sample rates, {found} samples per second: "
            f"give one to which all are resampled, such as sample_rate: {min(rates)}"
        )


def _say_levels(where: Path, load: _Load) -> None:
    """Warn of floats that are beyond -1 to 1, and of silence."""
    log, found = logging.getLogger("kssl"), list(load.peaks.values())
    large = {sound.full for sound, _ in found if sound.floats and sound.full > 1}
    if large:
        rest = sum(sound.floats and sound.full == 1 for sound, _ in found)
        log.warning(
            "%s: recordings of floats far beyond -1 to 1 are divided by %s, the full scale of "
            "whole numbers%s",
            where,
            ", ".join(f"{full:.0f}" for full in sorted(large)),
            f"; {rest} others are not: are they of the same kind?" * bool(rest),
        )
    over = [peak for sound, peak in found if sound.full == 1 and peak > 1]
    if over:
        told = "%s: %d recordings go beyond -1 to 1, up to %.3g; cut off there"
        log.warning(told, where, len(over), max(over))
    if found:
        _say_odd(where, max(peak for _, peak in found), len(load.aside) > len(found) / 2)


def _is_aside(samples: np.ndarray) -> bool:
    """Whether samples lie around another middle than 0, as unsigned numbers do."""
    return abs(float(samples.mean(dtype=np.float64))) > 2 * float(samples.std(dtype=np.float64)) > 0


def _say_odd(where: Path, peak: float, aside: bool) -> None:
    """Warn of what sounds like nothing."""
    log = logging.getLogger("kssl")
    if peak <= _SILENT:
        told = "%s: the recordings are nearly silent: the loudest sample is %.2g of full scale"
        log.warning(told, where, peak)
    if aside:
        log.warning(
            "%s: the samples lie far from 0, as those of unsigned numbers in another type do: "
            "subtract their middle, such as 128 of 8 bits",
            where,
        )


@dataclass(frozen=True)
class _Recordings:
    """Many recordings in one array."""

    audio: np.ndarray
    offsets: np.ndarray
    rate: int | None
    full: float

    @classmethod
    def of(cls, archive: Archive) -> _Recordings:
        audio, offsets = archive.read("audio").reshape(-1), archive.read("offsets").astype(int)
        good = len(offsets) > 1 and offsets[0] >= 0 and offsets[-1] <= len(audio)
        if not good or (np.diff(offsets) < 0).any() or audio.dtype.kind not in "iuf":
            raise UserError(
                f"{archive.path}: recording i must be audio[offsets[i]:offsets[i + 1]], whole "
                f"numbers or float, but audio is {audio.dtype} {audio.shape}, and offsets has "
                f"{len(offsets)} numbers up to {offsets.max(initial=0)}"
            )
        full = _full(archive, audio)
        ends = to_float(np.array([np.nanmin(audio), np.nanmax(audio)], audio.dtype), full)
        some = to_float(audio[:: max(1, len(audio) // _LOOKED_AT)], full)
        aside = bool(np.isfinite(some).all()) and _is_aside(some)
        _say_odd(archive.path, float(np.abs(ends).max()), aside)
        return cls(audio, offsets, _rate(archive), full)

    def samples(self, row: int, sample_rate: int | None) -> np.ndarray:
        found = to_float(self.audio[self.offsets[row] : self.offsets[row + 1]], self.full)
        if sample_rate is None:
            return found
        if self.rate is None:
            raise UserError(
                "audio: the file has no 'sample_rate', so that nothing can be resampled: add it, "
                "or leave sample_rate out"
            )
        return resampled(found, self.rate, sample_rate)


def _rate(archive: Archive) -> int | None:
    if "sample_rate" not in archive.names:
        return None
    rates = np.unique(archive.read("sample_rate"))
    if len(rates) != 1 or rates.dtype.kind not in "iuf" or rates[0] < 1:
        raise UserError(f"{archive.path}: sample_rate must be one number, but it is {rates[:5]}")
    return int(rates[0])


def _full(archive: Archive, audio: np.ndarray) -> float:
    """The full scale of all recordings, with a warning where it is not that of their type."""
    try:
        full = full_scale(audio, by_peak=True)
    except Broken as error:
        raise UserError(f"{archive.path}: the array 'audio' is no sound: {error}") from error
    usual = 1.0 if audio.dtype.kind == "f" else 2.0 ** (8 * audio.dtype.itemsize - 1)
    if full != usual:
        peak = max(-float(np.nanmin(audio)), float(np.nanmax(audio)))
        say_full(str(archive.path), "audio", audio.dtype, peak, full)
    return full
