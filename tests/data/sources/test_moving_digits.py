"""Video of digits that move."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data import moving_digits
from kssl.errors import UserError


def read(dataset: object, key: str) -> np.ndarray:
    return np.stack([each[key] for each in dataset.as_numpy_iterator()])  # type: ignore[attr-defined]


def centres(videos: np.ndarray) -> np.ndarray:
    """Centres of mass, `(videos, frames, 2)`."""
    grey = videos[..., 0].astype(float)
    weights = grey / grey.sum(axis=(2, 3), keepdims=True)
    rows, columns = np.indices(grey.shape[2:])
    return np.stack([(weights * rows).sum((2, 3)), (weights * columns).sum((2, 3))], axis=-1)


def test_digits_move_and_stay_inside() -> None:
    videos = read(moving_digits(frames=30, examples=40), "video")
    assert videos.shape == (40, 30, 32, 32, 1)
    # A digit is neither cut off nor changed: its ink is the same in every frame.
    ink = videos.sum(axis=(2, 3, 4), dtype=np.int64)
    assert (ink == ink[:, :1]).all() and (ink > 0).all()
    steps = np.diff(centres(videos), axis=1)
    speed = np.linalg.norm(steps, axis=-1)
    assert speed.max() < 0.1 * 32 + 1.5 and (speed.mean(axis=1) > 0.3).all()
    turned = (np.sign(steps[:, :-1]) * np.sign(steps[:, 1:]) < 0).any(axis=(1, 2))
    assert turned.mean() > 0.5  # most have bounced


def test_two_digits() -> None:
    one, two = (read(moving_digits(count=count, examples=30), "video") for count in (1, 2))
    assert two.mean() > 1.5 * one.mean()


def test_wrong_settings_are_named() -> None:
    with pytest.raises(UserError, match="frames 0"):
        moving_digits(frames=0)
