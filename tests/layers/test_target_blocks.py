"""Blocks of I-JEPA: where they lie, and that nothing is seen that is to be predicted."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from kssl.layers import TargetBlocks

TOKENS = np.zeros((500, 35, 3), "float32")


def drawn(**settings: object) -> dict[str, np.ndarray]:
    layer = TargetBlocks(**{"grid": (5, 7), "block": (2, 3), "count": 3, "seed": 0, **settings})
    return {name: np.array(ops.convert_to_numpy(each)) for name, each in layer(TOKENS).items()}


def test_no_context_lies_in_a_block_and_no_patch_comes_twice() -> None:
    found = drawn()
    assert found["targets"].shape == (500, 3, 6)
    assert found["context"].shape == (500, 35 - 18)
    for targets, context in zip(found["targets"], found["context"], strict=True):
        assert not np.isin(context, targets).any()
        assert len(np.unique(context)) == len(context)


def test_blocks_are_rectangles_at_every_place_up_to_the_last_row_and_column() -> None:
    targets = drawn()["targets"]
    rows, columns = targets // 7, targets % 7
    assert (np.ptp(rows, axis=2) == 1).all() and (np.ptp(columns, axis=2) == 2).all()
    corners = targets[..., 0].ravel()
    expected = [row * 7 + column for row in range(4) for column in range(5)]
    numbers, counts = np.unique(corners, return_counts=True)
    assert numbers.tolist() == expected
    spread = np.sqrt(1500 / 20 * 19 / 20)
    assert abs(counts - 1500 / 20).max() < 4.5 * spread


def test_every_patch_outside_of_the_blocks_may_be_seen() -> None:
    """Blocks that overlap leave more than are kept: which are left out is random."""
    found = drawn(block=(1, 1), count=2)
    same = (found["targets"][:, 0] == found["targets"][:, 1]).ravel()
    assert same.any()
    for targets, context in zip(found["targets"], found["context"], strict=True):
        assert len(context) == 33 and not np.isin(context, targets).any()
    missing = [
        np.setdiff1d(np.arange(35), [*targets.ravel(), *context])
        for targets, context in zip(found["targets"][same], found["context"][same], strict=True)
    ]
    assert all(len(each) == 1 for each in missing) and len(np.unique(missing)) > 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block": (6, 1)}, "3 blocks of 6 x 1 patches do not fit into 5 x 7"),
        ({"count": 0}, "do not fit"),
        ({"block": (3, 4)}, "may leave none of 35 patches to predict from"),
    ],
)
def test_blocks_that_leave_nothing_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drawn(**settings)
