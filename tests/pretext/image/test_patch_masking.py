"""Hidden patches: exact numbers, MAE's order, BEiT's blocks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from kssl import pretext
from kssl.errors import UserError
from kssl.pretext.image.patch_masking import _places

SEEDS = np.stack([np.zeros(500), np.arange(500)], 1).astype(np.int32)
BATCH = {"image": tf.ones((500, 56, 56, 1))}


@pytest.mark.parametrize("kind", ["random", "blocks"])
@pytest.mark.parametrize("ratio", [0.1, 0.4, 0.75, 0.9])
def test_the_number_of_hidden_patches_is_exact(kind: str, ratio: float) -> None:
    made = pretext.mask_patches(4, ratio, kind)(BATCH, SEEDS)  # type: ignore[arg-type]
    mask, visible = made["mask"].numpy(), made["visible"].numpy()
    kept = int(196 * (1 - ratio))
    assert (mask.sum(axis=1) == 196 - kept).all() and visible.shape == (500, kept)
    assert not np.take_along_axis(mask, visible, axis=1).any()
    assert (np.diff(np.sort(visible, axis=1)) > 0).all()
    # Restoring: the visible ones, then anything for the hidden ones, in the order of the patches.
    restore = made["restore"].numpy()
    assert (np.sort(restore, axis=1) == np.arange(196)).all()
    np.testing.assert_array_equal(restore >= kept, mask)
    np.testing.assert_array_equal(
        np.take_along_axis(restore, visible, axis=1), np.tile(np.arange(kept), (500, 1))
    )
    assert made["image"] is BATCH["image"] and "target" not in made


def test_random_patches_are_hidden_evenly_and_in_random_order() -> None:
    made = pretext.mask_patches(4, 0.75)(BATCH, SEEDS)
    share = made["mask"].numpy().mean(axis=0)
    assert np.abs(share - 0.75).max() < 5 * 0.43 / np.sqrt(500)
    assert abs(np.corrcoef(np.arange(49), made["visible"].numpy().mean(axis=0))[0, 1]) < 0.6


def test_random_masks_agree_with_the_reference(golden: dict[str, dict]) -> None:
    cases = [case for case in golden.values() if case["function"] == "mae_random_masking"]
    assert cases
    for case in cases:
        noise = np.array(case["inputs"]["noise"], np.float32)
        kept = int(noise.shape[1] * (1 - case["params"]["mask_ratio"]))
        made = _places(tf.argsort(noise, axis=1, stable=True), kept)
        expected = case["expected"]
        np.testing.assert_array_equal(made["visible"], expected["ids_keep"])
        np.testing.assert_array_equal(made["restore"], expected["ids_restore"])
        np.testing.assert_array_equal(made["mask"], np.array(expected["mask"]) == 1)


def test_blocks_are_blocks_and_lie_anywhere() -> None:
    made = pretext.mask_patches(4, 0.4, "blocks")(BATCH, SEEDS)
    masks = made["mask"].numpy().reshape(500, 14, 14)
    pieces = np.array([ndimage.label(mask)[1] for mask in masks])
    assert pieces.mean() < 3 and pieces.max() <= 6  # random patches fall into 30 pieces
    share = masks.mean(axis=0)
    # BEiT's own masks: 0.05 in the corners, 0.2 at the borders, 0.74 in the middle.
    assert 0.005 < share.min() and share.max() < 0.85
    assert 0.12 < share[0, 7] < 0.3 and 0.12 < share[7, 0] < 0.3
    assert len(np.unique(masks.reshape(500, -1), axis=0)) > 490


def test_hidden_patches_are_blanked_where_asked() -> None:
    image = tf.random.stateless_uniform((3, 8, 12, 2), (1, 2), 0.1, 1.0)
    made = pretext.mask_patches(4, 0.5, fill=0.0)({"image": image}, SEEDS[:3])
    pixels = made["mask"].numpy().reshape(3, 2, 3).repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_array_equal(made["image"], np.where(pixels[..., None], 0, image))
    np.testing.assert_array_equal(made["target"], image)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "block"}, "did you mean 'blocks'"),
        ({"patch_size": 0}, "patch_size 0 is less than 1"),
        ({"mask_ratio": 1.0}, "mask_ratio 1.0 is not between 0 and 1"),
        ({"key": "visible"}, "writes 'visible' itself"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.mask_patches(**settings)  # type: ignore[arg-type]


def test_patches_that_do_not_fit_are_named() -> None:
    with pytest.raises(UserError, match="28 x 30, which patches of 16 do not fill"):
        pretext.mask_patches()({"image": tf.zeros((28, 30, 3))})
    with pytest.raises(UserError, match="leaves none of 4 patches"):
        pretext.mask_patches(14, 0.9)({"image": tf.zeros((28, 28, 3))})
