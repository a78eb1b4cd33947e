"""Grids of overlapping patches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 40, 3)).astype(np.uint8)


def test_patches_are_parts_of_the_image() -> None:
    patches = pretext.patch_grid(8, 6)({"image": tf.constant(IMAGES)})["patches"].numpy()
    assert patches.shape == (3, 5, 6, 8, 8, 3)  # 32 = 8 + 4 * 6, 40 = 8 + 5 * 6 + 2
    for row in range(5):
        for column in range(6):
            top, left = 6 * row, 1 + 6 * column  # one pixel is left on each side
            part = IMAGES[:, top : top + 8, left : left + 8]
            np.testing.assert_allclose(patches[:, row, column], part / 255, atol=1e-6)


def test_the_papers_grid_is_seven_by_seven_with_half_overlap() -> None:
    image = tf.random.stateless_uniform((1, 256, 256, 1), (1, 2))
    patches = pretext.patch_grid()({"image": image})["patches"]
    assert patches.shape == (1, 7, 7, 64, 64, 1)
    np.testing.assert_array_equal(patches[:, 2, 3, :, 32:], patches[:, 2, 4, :, :32])


def test_each_patch_is_changed_by_itself() -> None:
    grey = tf.fill((40, 16, 16, 1), 0.25)
    augment = {"jitter": 1.0, "brightness": 0.8, "contrast": 0.0}
    patches = pretext.patch_grid(4, 4, augment)({"image": grey})["patches"].numpy()
    assert np.ptp(patches, axis=(3, 4, 5)).max() == 0.0
    factors = patches[:, :, :, 0, 0, 0] / 0.25
    assert len(np.unique(factors)) > 0.95 * factors.size
    assert 0.2 <= factors.min() < 0.25 and 1.75 < factors.max() <= 1.8


def test_changes_that_are_none_leave_patches_as_they_are() -> None:
    plain = pretext.patch_grid(8)({"image": tf.constant(IMAGES)})["patches"]
    made = pretext.patch_grid(8, augment={"flip": 1.0})({"image": tf.constant(IMAGES)})["patches"]
    np.testing.assert_allclose(made, plain[:, :, :, :, ::-1], atol=2e-5)
    assert "image" not in pretext.patch_grid(keep=False)({"image": tf.constant(IMAGES)})


def test_wrong_settings_are_named() -> None:
    with pytest.raises(UserError, match="33 x 33 does not fit into an image of 32 x 40"):
        pretext.patch_grid(33)({"image": tf.constant(IMAGES)})
    with pytest.raises(UserError, match="stride is 0"):
        pretext.patch_grid(8, 0)
    with pytest.raises(UserError, match="no setting 'jitters'; did you mean 'jitter'"):
        pretext.patch_grid(augment={"jitters": 1})
