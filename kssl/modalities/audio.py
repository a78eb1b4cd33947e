"""Recordings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kssl.modalities.base import Features, Modality


@keras.saving.register_keras_serializable(package="kssl")
class Audio(Modality):
    """Recordings `(samples,)`, floating-point in [-1, 1].

    Simple models read the mean and the standard deviation of each band of the log-mel spectrogram,
    in five segments of time.

    Example:
        >>> Audio().raw(np.zeros((3, 800)), np.zeros((2, 800)))["log-mel statistics"][1].shape
        (2, 400)
    """

    name = "audio"
    keys = {"audio": "float32"}
    layout = "kssl.report.sheets.sounds:draw"
    scale = {"audio": ("-1 to 1", 100.0)}
    noun = ("recording", "samples")
    cell = (1.8, 0.8)

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        return {"log-mel statistics": (log_mel_statistics(bank), log_mel_statistics(test))}

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        axes.plot(np.asarray(example, "float32").reshape(-1), linewidth=0.4)
        axes.set_ylim(-1.05, 1.05)


def log_mel_statistics(sounds: np.ndarray, bands: int = 40, segments: int = 5) -> np.ndarray:
    """Return the mean and the standard deviation of each log-mel band in each segment of time.

    Args:
        sounds: `(examples, samples)`, or with one channel at the end.
        bands: Triangles on the mel scale, up to half of the sample rate, which is taken to be
            16 kHz: another one stretches the scale and nothing else.
        segments: Pieces of equal length.

    Returns:
        `(examples, 2 · bands · segments)` float32.

    Example:
        >>> log_mel_statistics(np.zeros((2, 4000))).shape
        (2, 400)
    """
    sounds = np.asarray(sounds, "float32").reshape(len(sounds), -1)
    window = 2 ** max(4, min(9, int(np.log2(max(16, sounds.shape[1] // (2 * segments))))))
    filters = _mel_filters(window // 2 + 1, bands)
    return np.stack([_statistics(sound, window, filters, segments) for sound in sounds])


def _statistics(sound: np.ndarray, window: int, filters: np.ndarray, segments: int) -> np.ndarray:
    missing = max(0, window * segments - len(sound))
    sound = np.pad(sound, (0, missing))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[:: window // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2  # (frames, bins)
    mel = np.log(power @ filters + 1e-6)  # (frames, bands)
    parts = np.array_split(mel, segments)
    return np.concatenate([np.r_[p.mean(axis=0), p.std(axis=0)] for p in parts]).astype("float32")


def _mel_filters(bins: int, bands: int, rate: float = 16_000.0) -> np.ndarray:
    """Triangles `(bins, bands)` whose corners are evenly spaced on the mel scale."""
    top = 2595.0 * np.log10(1.0 + rate / 2 / 700.0)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, top, bands + 2) / 2595.0) - 1.0)
    frequency = np.linspace(0.0, rate / 2, bins)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising = (frequency - low) / (middle - low)
    falling = (high - frequency) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling))
