"""Edges: of which direction, how strong, and of no colour."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from kssl.layers import Sobel
from kssl.testing.common import array

IMAGES = np.random.default_rng(0).random((2, 7, 6, 3), np.float32)


def test_edges_are_those_of_scipy() -> None:
    found = array(Sobel()(IMAGES))
    grey = IMAGES.mean(axis=-1)
    for place, axis in enumerate((1, 0)):  # to the right, then downwards
        wanted = [ndimage.sobel(image, axis, mode="constant") for image in grey]
        np.testing.assert_allclose(found[..., place], wanted, atol=1e-5)


def test_colour_and_brightness_are_not_seen() -> None:
    found = array(Sobel()(IMAGES))
    np.testing.assert_allclose(array(Sobel()(IMAGES[..., ::-1].copy())), found, atol=1e-5)
    inside = array(Sobel()(IMAGES + 5.0))[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inside, found[:, 1:-1, 1:-1], atol=1e-4)
