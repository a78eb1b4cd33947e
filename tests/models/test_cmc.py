"""CMC: each encoder reads its part of the colours, and the loss matches the two."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

import kssl
from kssl.layers import ConvNet, ProjectionHead, RandomView
from kssl.losses import info_nce
from kssl.models import CMC

IMAGES = np.random.RandomState(0).rand(8, 12, 12, 3).astype("float32")


def small(**settings: object) -> CMC:
    heads = ProjectionHead(5, 32), ProjectionHead(5, 32)
    model = CMC(ConvNet([4]), ConvNet([6]), *heads, temperature=0.3, **settings)
    model.build(IMAGES.shape)
    return model


def array(tensor: object) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_one_encoder_reads_brightness_and_the_other_colour() -> None:
    model = small()
    red, green, blue = np.moveaxis(IMAGES, -1, 0)
    parts = dict(zip(("luma", "color"), (array(p) for _, p in model._parts(IMAGES)), strict=True))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    np.testing.assert_allclose(parts["luma"][..., 0], luma, atol=1e-5)
    # Db and Dr are 1.505 (B - Y) and -1.902 (R - Y), here divided by 1.333
    differences = np.stack([1.505 * (blue - luma), -1.902 * (red - luma)], -1) / 1.333
    np.testing.assert_allclose(parts["color"], differences, atol=2e-3)
    views = kssl.pretext.color_views("ydbdr")({"image": IMAGES})  # the same, before the model
    np.testing.assert_allclose(parts["luma"], views["view_1"], atol=1e-5)
    np.testing.assert_allclose(parts["color"], views["view_2"], atol=1e-5)
    embedding = array(model.embed(IMAGES))
    assert embedding.shape == (8, 10)
    grey = np.repeat(luma[..., None], 3, -1).astype("float32")
    of_grey = array(model.embed(grey))
    np.testing.assert_allclose(of_grey[:, :4], embedding[:, :4], atol=1e-4)
    np.testing.assert_allclose(of_grey[1:, 4:], of_grey[:-1, 4:], atol=1e-4)  # no colour at all


def test_the_loss_matches_both_ways_among_the_batch() -> None:
    model = small()
    outputs = model(IMAGES)
    luma, color = (array(each) for each in outputs["student"])
    expected = 0.5 * np.mean(
        array(info_nce(luma, color, temperature=0.3))
        + array(info_nce(color, luma, temperature=0.3))
    )
    found = float(model.objective(IMAGES, outputs, None, False))
    assert found == pytest.approx(expected, rel=1e-4)


def test_both_encoders_see_the_same_view() -> None:
    model = small(augment=RandomView(seed=0))
    model.compile("adam")
    history = model.fit(IMAGES, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_images_without_colour_are_refused() -> None:
    with pytest.raises(ValueError, match="three channels, red, green and blue; these have 1"):
        CMC().build((None, 12, 12, 1))
