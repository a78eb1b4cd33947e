"""InfoNCE against the places of maps: by hand, at chance, and what is a negative."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras import ops

from kssl.losses import local_info_nce
from kssl.testing.common import value_and_gradient

RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(5, 4)).astype("float32")
MAPS = RANDOM.normal(size=(5, 3, 4)).astype("float32")


def by_hand(vectors: np.ndarray, maps: np.ndarray, clip: float, penalty: float) -> list[float]:
    found = []
    for image, vector in enumerate(vectors):
        scores = maps @ vector / math.sqrt(len(vector))  # (batch, places)
        clipped = clip * np.tanh(scores / clip)
        others = np.exp(np.delete(clipped, image, axis=0)).sum()
        terms = [-math.log(math.exp(c) / (math.exp(c) + others)) for c in clipped[image]]
        found.append(np.mean(terms) + penalty * np.mean(scores**2))
    return found


@pytest.mark.parametrize(("clip", "penalty"), [(20.0, 0.05), (1.5, 0.0), (3.0, 0.4)])
def test_against_numpy(clip: float, penalty: float) -> None:
    found = ops.convert_to_numpy(local_info_nce(VECTORS, MAPS, clip, penalty))
    np.testing.assert_allclose(found, by_hand(VECTORS, MAPS, clip, penalty), rtol=1e-4)


def test_chance_counts_all_places_of_the_other_images() -> None:
    found = ops.convert_to_numpy(local_info_nce(0.0 * VECTORS, MAPS))
    np.testing.assert_allclose(found, math.log(1 + 4 * 3), rtol=1e-5)


def test_other_places_of_the_own_map_are_no_negatives() -> None:
    """A map whose places are all the right one costs nothing, however many they are."""
    vectors = 60.0 * np.eye(5, 5, dtype="float32")
    maps = np.repeat(np.eye(5, dtype="float32")[:, None], 9, axis=1)
    found = ops.convert_to_numpy(local_info_nce(vectors, maps, penalty=0.0))
    right = 20.0 * math.tanh(60.0 / math.sqrt(5) / 20.0)
    np.testing.assert_allclose(found, math.log1p(36 * math.exp(-right)), atol=1e-6)


def test_large_values_are_clipped_and_finite() -> None:
    value, gradient = value_and_gradient(
        lambda each: ops.max(local_info_nce(each, 1e4 * MAPS, penalty=0.0)), 1e4 * VECTORS
    )
    # The worst there is: the right place at -20, all others at 20.
    assert np.isfinite(gradient).all() and value <= 40 + math.log(13)
    halves = (ops.cast(100.0 * each, "float16") for each in (VECTORS, MAPS))
    assert np.isfinite(ops.convert_to_numpy(local_info_nce(*halves))).all()
