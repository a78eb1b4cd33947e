"""Holes: where they are, how large, and nothing behind them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError

SEEDS = np.stack([np.zeros(400), np.arange(400)], 1).astype(np.int32)
IMAGES = np.random.default_rng(0).integers(1, 256, (400, 24, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["center", "blocks", "free_form"])
@pytest.mark.parametrize("fill", [0.0, 117.0])
def test_the_hole_is_filled_and_the_rest_as_it_was(kind: str, fill: float) -> None:
    made = pretext.inpaint(kind, fill=fill)({"image": IMAGES}, SEEDS)  # type: ignore[arg-type]
    mask = made["mask"].numpy()
    assert mask.shape == (400, 24, 32) and made["image"].dtype == tf.uint8
    np.testing.assert_array_equal(made["image"], np.where(mask[..., None], fill, IMAGES))
    np.testing.assert_array_equal(made["target"], IMAGES)
    assert mask.any(axis=(1, 2)).all() and not mask.all(axis=(1, 2)).any()


def test_the_centre_has_the_share_and_the_shape_of_the_image() -> None:
    mask = pretext.inpaint(fraction=0.25)({"image": IMAGES[:2]})["mask"].numpy()
    expected = np.zeros((24, 32), bool)
    expected[6:18, 8:24] = True
    np.testing.assert_array_equal(mask, [expected] * 2)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_blocks_cover_at_most_the_share_and_every_place(share: float) -> None:
    mask = pretext.inpaint("blocks", share)({"image": IMAGES}, SEEDS)["mask"].numpy()
    covered = mask.mean(axis=(1, 2))
    assert covered.max() <= share
    assert covered.mean() > 0.5 * share  # three quarters, less what overlaps and is rounded
    assert mask.any(axis=0).all()  # no place is always visible
    assert len(np.unique(mask.reshape(400, -1), axis=0)) == 400


def test_one_block_is_a_rectangle() -> None:
    mask = pretext.inpaint("blocks", 0.3, blocks=1)({"image": IMAGES}, SEEDS)["mask"].numpy()
    rows, columns = mask.any(axis=2), mask.any(axis=1)
    np.testing.assert_array_equal(mask, rows[:, :, None] & columns[:, None])
    ratio = rows.sum(axis=1) / columns.sum(axis=1)
    assert 0.4 < ratio.min() < 0.7 and 1.4 < ratio.max() < 2.4


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_free_forms_have_the_share(share: float) -> None:
    mask = pretext.inpaint("free_form", share)({"image": IMAGES}, SEEDS)["mask"].numpy()
    covered = mask.mean(axis=(1, 2))
    assert covered.max() <= share and covered.mean() > 0.97 * share
    assert len(np.unique(mask.reshape(400, -1), axis=0)) == 400
    # Strokes hang together: most hidden pixels have a hidden neighbour to the right and below.
    pairs = mask[:, :-1, :-1] & mask[:, 1:, :-1] & mask[:, :-1, 1:]
    assert pairs.sum() > 0.5 * mask.sum()  # a share of 0.5 at random: 0.25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "centre"}, "did you mean 'center'"),
        ({"fraction": 0.0}, "fraction 0.0 is not between 0 and 1"),
        ({"blocks": 0}, "0 blocks; at least 1"),
        ({"key": "mask"}, "writes 'mask' itself"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.inpaint(**settings)  # type: ignore[arg-type]


def test_an_image_that_is_too_small_is_named() -> None:
    with pytest.raises(UserError, match="'image' is 2 x 9; a hole needs 3 x 3"):
        pretext.inpaint()({"image": tf.zeros((2, 9, 3))})
