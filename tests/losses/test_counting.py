"""The counting loss against numbers worked out by hand, and what it says of a collapse."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from kssl.losses import counting
from kssl.testing.common import value_and_gradient

WHOLE = np.array([[3.0, 1.0], [0.0, 4.0]], "float32")
PARTS = np.array(
    [[[1, 0], [1, 0], [1, 0], [0, 2]], [[0, 1], [0, 1], [1, 1], [0, 1]]], "float32"
)  # sums (3, 2) and (1, 4)
OTHER = np.array([[0.0, 2.0], [2.0, 6.0]], "float32")


def test_counting_by_hand() -> None:
    found = ops.convert_to_numpy(counting(WHOLE, PARTS, OTHER))
    # |(0, -1)|² + max(0, 10 - 9), and |(-1, 0)|² + max(0, 10 - 5)
    np.testing.assert_allclose(found, [1.0 + 1.0, 1.0 + 5.0])
    found = ops.convert_to_numpy(counting(WHOLE, PARTS, OTHER, margin=6.0))
    np.testing.assert_allclose(found, [1.0, 1.0 + 1.0])


def test_the_hinge_is_of_the_whole_norm_and_not_of_each_feature() -> None:
    """One feature far apart is enough: by features the other would still cost the margin."""
    whole, parts = np.zeros((1, 2), "float32"), np.zeros((1, 4, 2), "float32")
    assert float(counting(whole, parts, np.array([[4.0, 0.0]], "float32"))[0]) == 0.0


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_counts_that_are_the_same_for_all_images_cost_the_margin_or_more(value: float) -> None:
    whole, parts = np.full((3, 5), value, "float32"), np.full((3, 4, 5), value, "float32")
    apart = 5 * (3 * value) ** 2  # of 4 parts from 1 whole
    expected = apart + max(0.0, 10.0 - apart)
    np.testing.assert_allclose(ops.convert_to_numpy(counting(whole, parts, whole)), expected)


def test_it_is_finite_in_half_precision_with_a_gradient() -> None:
    halves = [ops.cast(300.0 * each, "float16") for each in (WHOLE, PARTS, OTHER)]
    assert np.isfinite(ops.convert_to_numpy(counting(*halves))).all()
    value, gradient = value_and_gradient(lambda each: ops.sum(counting(WHOLE, each, OTHER)), PARTS)
    assert np.isfinite(value).all()
    # 2 (Σ - whole), less 2 (Σ - other) where the hinge is open; alike for every part
    sums = PARTS.sum(1)
    expected = 2 * (sums - WHOLE) - 2 * (sums - OTHER)
    np.testing.assert_allclose(gradient, np.repeat(expected[:, None], 4, axis=1), rtol=1e-5)
