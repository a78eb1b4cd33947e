"""Boxes, resizing and blur, against closed forms and against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kssl.pretext import geometry
from kssl.pretext.random import uniform

COUNT = 4000
SEEDS = tf.constant(np.stack([np.full(COUNT, 3), np.arange(COUNT)], 1).astype(np.int32))
PHOTO = np.random.default_rng(0).integers(0, 256, (1, 24, 20, 3)).astype(np.uint8)


def boxes(image: tuple[int, int], scale: tuple[float, float] = (0.08, 1.0)) -> geometry.Boxes:
    numbers = uniform(SEEDS, (geometry.DRAWS,))
    return geometry.random_boxes(numbers, image, scale, (3 / 4, 4 / 3), 0.5)


def box(top: float, left: float, height: float, width: float, flip: bool = False) -> geometry.Boxes:
    places = (tf.constant([value], tf.float32) for value in (top, left, height, width))
    return geometry.Boxes(*places, tf.constant([flip]))


def test_boxes_lie_inside_and_are_whole_pixels() -> None:
    drawn = boxes((97, 131))
    for start, length, side in (
        (drawn.top, drawn.height, 97),
        (drawn.left, drawn.width, 131),
    ):
        start, length = start.numpy(), length.numpy()
        assert (start >= 0).all() and (length >= 1).all() and (start + length <= side).all()
        assert (start == np.round(start)).all() and (length == np.round(length)).all()


def test_area_and_ratio_are_even() -> None:
    drawn = boxes((400, 400), (0.08, 0.5))  # small enough that the first try always fits
    height, width = drawn.height.numpy(), drawn.width.numpy()
    for values, low, high in (
        (height * width / 400**2, 0.08, 0.5),
        (np.log(width / height), np.log(3 / 4), np.log(4 / 3)),
    ):
        even = low + (high - low) * (np.arange(COUNT) + 0.5) / COUNT
        assert np.abs(np.sort(values) - even).max() < (high - low) * 1.95 / np.sqrt(COUNT)


def test_places_are_even() -> None:
    drawn = boxes((64, 64))
    for start, length in ((drawn.top, drawn.height), (drawn.left, drawn.width)):
        room = 64 - length.numpy()
        share = start.numpy()[room >= 20] / room[room >= 20]
        assert abs(share.mean() - 0.5) < 5 * 0.3 / np.sqrt(share.size)
        assert share.min() == 0.0 and share.max() == 1.0
    assert abs(drawn.flip.numpy().mean() - 0.5) < 5 * 0.5 / np.sqrt(COUNT)


def test_tries_that_do_not_fit_are_drawn_again_as_in_torchvision() -> None:
    """The same rule, written as a loop over the same numbers."""
    numbers = uniform(SEEDS[:300], (geometry.DRAWS,))
    drawn = geometry.random_boxes(numbers, (40, 60), (0.3, 1.0), (3 / 4, 4 / 3), 0.5)
    for row, values in enumerate(numbers.numpy().astype(np.float64)):
        for area, ratio in zip(values[:10], values[16:26], strict=True):
            ratio = np.exp(np.log(3 / 4) + (np.log(4 / 3) - np.log(3 / 4)) * ratio)
            area = 40 * 60 * (0.3 + 0.7 * area)
            width, height = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
            if 0 < width <= 60 and 0 < height <= 40:
                break
        else:
            height, width = 40, round(40 * 4 / 3)
        assert (drawn.height[row], drawn.width[row]) == (height, width)


def test_the_largest_box_is_taken_when_none_fits() -> None:
    drawn = boxes((10, 90), (0.9, 1.0))
    assert set(drawn.height.numpy()) == {10.0} and set(drawn.width.numpy()) == {13.0}
    drawn = boxes((90, 10), (0.9, 1.0))
    assert set(drawn.height.numpy()) == {13.0} and set(drawn.width.numpy()) == {10.0}


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("place", "size"),
    [
        ((3, 2, 11, 9), (24, 20)),  # enlarged: nothing to antialias
        ((0, 0, 24, 20), (9, 8)),
        ((1, 0, 23, 14), (6, 11)),
        ((5, 4, 13, 16), (13, 16)),  # a plain cut
    ],
)
def test_resizing_is_pillows(place: tuple[int, ...], size: tuple[int, int], flip: bool) -> None:
    top, left, height, width = place
    made = geometry.cut(tf.constant(PHOTO), box(*place, flip), size)[0].numpy()
    corners = (left, top, left + width, top + height)
    for channel in range(3):
        plane = Image.fromarray(PHOTO[0, :, :, channel].astype(np.float32))
        wanted = np.asarray(plane.resize(size[::-1], Image.Resampling.BILINEAR, corners)) / 255
        wanted = wanted[:, ::-1] if flip else wanted
        inner = np.abs(made[..., channel] - wanted)[1:-1, 1:-1]
        assert inner.max() < 1 / 255
        assert np.abs(made[..., channel] - wanted).mean() < 0.02


def test_both_ways_to_resize_agree() -> None:
    images = tf.constant(np.random.default_rng(1).random((20, 16, 16, 3), dtype=np.float32))
    drawn = boxes((16, 16))
    first = geometry.Boxes(*(getattr(drawn, name)[:40] for name in drawn.__dataclass_fields__))
    one = geometry.cut(images, first, (16, 16))
    other = geometry.cut(images, first, (16, 16), tf.zeros((40, 1)))
    np.testing.assert_allclose(one, other, atol=1 / 1000)


def test_blur_is_the_gaussian_of_its_sigma_and_keeps_the_sum() -> None:
    size, sigma = 60, 1.3
    point = np.zeros((1, size, size, 1), np.float32)
    point[0, 30, 25] = 1.0
    made = geometry.cut(
        tf.constant(point), box(0, 0, size, size), (size, size), tf.fill((1, 1), sigma)
    )
    made = made[0, :, :, 0].numpy()
    kernel = np.exp(-0.5 * np.square(np.arange(-3, 4) / sigma))  # a tenth of 60 wide, and odd
    kernel /= kernel.sum()
    np.testing.assert_allclose(made[27:34, 22:29], np.outer(kernel, kernel), atol=3e-4)
    assert abs(made.sum() - 1) < 0.02 and made[:26].max() == 0.0


def test_blur_mirrors_the_border() -> None:
    rows = np.random.default_rng(2).random((1, 40, 40, 1)).astype(np.float32)
    made = geometry.cut(tf.constant(rows), box(0, 0, 40, 40), (40, 40), tf.fill((1, 1), 0.9))
    kernel = np.exp(-0.5 * np.square(np.arange(-2, 3) / 0.9))
    kernel /= kernel.sum()
    wanted = np.pad(rows[0, :, :, 0], 2, mode="reflect")
    for axis in (0, 1):
        wanted = np.apply_along_axis(np.convolve, axis, wanted, kernel, "valid")
    np.testing.assert_allclose(made[0, :, :, 0], wanted, atol=1e-3)


def test_white_stays_white() -> None:
    white = tf.ones((8, 30, 30, 1))
    drawn = boxes((30, 30))
    first = geometry.Boxes(*(getattr(drawn, name)[:8] for name in drawn.__dataclass_fields__))
    made = geometry.cut(white, first, (13, 13), tf.fill((8, 1), 1.5))
    np.testing.assert_allclose(made, np.ones((8, 13, 13, 1)), atol=2e-3)
