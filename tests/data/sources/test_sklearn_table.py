"""Tables that come with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.data import SPLITS, sklearn_table
from kssl.errors import UserError


def read(dataset: object, key: str) -> np.ndarray:
    return np.stack([each[key] for each in dataset.as_numpy_iterator()])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "rows", "columns"), [("breast_cancer", 569, 30), ("wine", 178, 13)]
)
def test_tables(name: str, rows: int, columns: int) -> None:
    parts = {split: read(sklearn_table(split, name), "numeric") for split in SPLITS}
    assert sum(map(len, parts.values())) == rows
    assert parts["train"].shape[1] == columns
    np.testing.assert_allclose(parts["train"].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(parts["train"].std(axis=0), 1, rtol=1e-5)
    assert np.abs(parts["test"].mean(axis=0)).max() > 1e-3  # scaled by what train tells


def test_wrong_settings_are_named() -> None:
    with pytest.raises(UserError, match="did you mean 'wine'"):
        sklearn_table(name="wines")  # type: ignore[arg-type]
