"""SimMIM: which squares are hidden, what the encoder sees of them, and the loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl.layers import Transformer
from kssl.losses import Reconstruction
from kssl.models import SimMIM

IMAGES = np.random.RandomState(0).rand(6, 16, 24, 1).astype("float32")


def small(patch_size: int = 4, **settings: object) -> SimMIM:
    model = SimMIM(patch_size, Transformer(8, 1, 2), **settings)
    model.build(IMAGES.shape)
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


@pytest.mark.parametrize(("mask_size", "squares"), [(None, 24), (8, 6)])
def test_as_many_squares_are_hidden_in_each_image(mask_size: int | None, squares: int) -> None:
    model = small(mask_size=mask_size)
    mask = array(model(IMAGES)["mask"]).reshape(6, 4, 6)
    across = (mask_size or 4) // 4
    cells = mask.reshape(6, 4 // across, across, 6 // across, across)
    assert (np.ptp(cells, axis=(2, 4)) == 0).all()  # a square is hidden as a whole
    assert (cells[:, :, 0, :, 0].sum((1, 2)) == math.ceil(0.6 * squares)).all()
    assert len(np.unique(mask, axis=0)) > 1


def test_hidden_pixels_change_no_prediction_and_visible_ones_do() -> None:
    model = small()
    mask = array(model._mask(6, 5))
    pixels = mask.reshape(6, 4, 6).repeat(4, axis=1).repeat(4, axis=2)[..., None] > 0
    before = array(model._predict(IMAGES, 5)["prediction"])
    other_hidden = np.where(pixels, 1 - IMAGES, IMAGES).astype("float32")
    found = array(model._predict(other_hidden, 5)["prediction"])
    np.testing.assert_allclose(found, before, atol=1e-5)
    other_seen = np.where(pixels, IMAGES, 1 - IMAGES).astype("float32")
    assert np.abs(array(model._predict(other_seen, 5)["prediction"]) - before).max() > 1e-3


@pytest.mark.parametrize("kind", ["absolute", "squared"])
def test_the_loss_is_the_mean_error_of_hidden_values(kind: str) -> None:
    model = small(loss=Reconstruction(kind))
    outputs = model(IMAGES)
    patches, mask = array(model.patches(IMAGES)), array(outputs["mask"]) > 0
    error = np.abs(array(outputs["prediction"]) - patches)[mask]
    expected = np.mean(error if kind == "absolute" else error**2)
    assert float(model.objective(IMAGES, outputs, None, False)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("normalize", [False, True])
def test_the_picture_keeps_what_was_seen(normalize: bool) -> None:
    model = small(normalize_targets=normalize)
    hidden, filled = (
        array(getattr(model, name)(IMAGES, seed=3)) for name in ("hide", "reconstruct")
    )
    seen = hidden != 0.5
    assert 0.3 < seen.mean() < 0.5
    np.testing.assert_allclose(filled[seen], IMAGES[seen], atol=1e-6)
    assert np.abs(filled - IMAGES)[~seen].mean() > 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask_size": 6}, "mask_size must be a multiple of patch_size, 4; got 6"),
        ({"mask_size": 12}, "do not tile images of 16 x 24"),
        ({"mask_ratio": 1.0}, "hides 24 of 24 squares"),
        ({"mask_ratio": 0.0}, "hides 0 of 24 squares"),
        ({"loss": Reconstruction("bernoulli")}, "loss must be Reconstruction of absolute"),
    ],
)
def test_settings_that_hide_nothing_or_all_are_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small(**settings)
