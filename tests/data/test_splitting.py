"""What the splits are, and how examples are divided among them."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data.splitting import check_split, piece, shuffled, sizes
from kssl.errors import UserError


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(UserError, match="no split 'trian'; did you mean 'train'"):
        check_split("trian")


@pytest.mark.parametrize("count", [3, 4, 10, 1000])
def test_each_split_gets_its_share_and_at_least_one(count: int) -> None:
    parts = sizes(count, validation=0.1, test=0.2)
    assert sum(parts.values()) == count and min(parts.values()) >= 1
    if count >= 10:
        assert parts["validation"] == count // 10 and parts["test"] == count // 5


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="validation=0.5 and test=0.5"):
        sizes(100, validation=0.5, test=0.5)
    with pytest.raises(UserError, match="at least 3 are needed"):
        sizes(2, validation=0.1, test=0.1)


def test_pieces_are_disjoint_complete_and_stratified() -> None:
    labels = np.repeat([0, 1, 2, 3], [400, 200, 100, 20])
    parts = sizes(720, validation=0.1, test=0.25)
    order = shuffled(720, labels)
    pieces = {split: piece(order, parts, split) for split in parts}
    assert sorted(np.concatenate(list(pieces.values()))) == list(range(720))
    for chosen in pieces.values():
        expected = np.bincount(labels) * len(chosen) / 720
        assert np.abs(np.bincount(labels[chosen], minlength=4) - expected).max() <= 1.5
