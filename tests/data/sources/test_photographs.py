"""Crops of photographs."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data import photographs
from kssl.errors import UserError


def read(dataset: object, key: str) -> np.ndarray:
    return np.stack([each[key] for each in dataset.as_numpy_iterator()])  # type: ignore[attr-defined]


def test_photographs_of_the_splits_do_not_overlap() -> None:
    from sklearn.datasets import load_sample_images

    picture = load_sample_images().images[0].astype(int)
    crops = read(photographs("test", 128, 4), "image")
    rows = [
        row
        for row in range(picture.shape[0] - 127)
        if np.array_equal(picture[row : row + 128, 512:640], crops[0])
    ]
    assert len(rows) == 1
    assert read(photographs("test", 128, 4), "label").tolist() == [0, 1, 0, 1]


def test_wrong_settings_are_named() -> None:
    with pytest.raises(UserError, match="size 200 is not in 1 … 128"):
        photographs(size=200)
