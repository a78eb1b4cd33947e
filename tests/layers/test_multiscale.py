"""The encoder of three scales: what each of its maps sees of an image."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.layers import MultiscaleEncoder
from kssl.testing.common import array

IMAGES = np.random.RandomState(0).rand(2, 28, 28, 1).astype("float32")


def test_maps_of_the_paper_are_made_of_small_images() -> None:
    layer = MultiscaleEncoder([4, 6], width=5, blocks=2)
    vector, coarse, fine = (array(each) for each in layer.maps(IMAGES))
    assert (vector.shape, coarse.shape, fine.shape) == ((2, 5), (2, 5, 5, 5), (2, 7, 7, 6))
    np.testing.assert_allclose(array(layer(IMAGES)), vector, atol=1e-6)
    assert not any("normalization" in weight.path for weight in layer.weights)


def test_a_place_sees_a_part_of_the_image_and_the_vector_all() -> None:
    layer = MultiscaleEncoder([4, 6], width=5, blocks=2)
    before = [array(each) for each in layer.maps(IMAGES)]
    changed = IMAGES.copy()
    changed[:, :2, :2] = 1.0 - changed[:, :2, :2]  # a corner
    vector, coarse, fine = (
        np.abs(array(each) - old).max(axis=-1)
        for each, old in zip(layer.maps(changed), before, strict=True)
    )
    assert fine[:, 0, 0].max() > 0 and fine[:, 2:].max() == 0 and fine[:, :, 2:].max() == 0
    assert coarse[:, 0, 0].max() > 0 and coarse[:, 3:].max() == 0
    assert vector.max() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": []}, r"filters and width must be positive.*got \[\], 256 and 1"),
        ({"filters": [4], "blocks": -1}, "blocks not negative.* and -1"),
        ({"filters": [4, 4, 4, 4]}, "4 stages leave 2 x 2 places .* give fewer stages"),
    ],
)
def test_what_leaves_no_map_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiscaleEncoder(**settings).build((None, 28, 28, 1))
