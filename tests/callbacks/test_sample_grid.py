"""Grids of samples: any number of channels, and values that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kssl.callbacks.sample_grid import write_grid


@pytest.mark.parametrize(
    ("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGB"), (5, "RGB")]
)
def test_images_of_any_number_of_channels_are_drawn(
    tmp_path: Path, channels: int, mode: str
) -> None:
    images = np.zeros((4, 6, 6, channels), np.float32)
    images[..., 0] = 0.5
    images[3, 0, 0] = np.nan
    images[3, 0, 1] = 7.0
    with Image.open(write_grid(images, tmp_path / "grid.png")) as drawn:
        assert drawn.mode == mode
        pixels = np.asarray(drawn).reshape(drawn.height, drawn.width, -1)
    scale = drawn.width // 16  # two columns of 6 pixels with frames
    assert pixels.shape[:2] == (16 * scale, 16 * scale)
    assert pixels[2 * scale, 2 * scale, 0] == 128 and pixels[0, 0, 0] == 255
    assert pixels[9 * scale, 9 * scale, 0] == 0 and pixels[9 * scale, 10 * scale, 0] == 255
    assert not pixels[2 * scale, 2 * scale, 1:].any()
