"""Rows of a table with values swapped or hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import kssl.recipe
from kssl import data, pretext
from kssl.errors import UserError

COUNT = 5000


def seeds(count: int) -> tf.Tensor:
    return tf.stack([tf.zeros(count, tf.int32), tf.range(count)], axis=1)


def table(rows: int) -> dict[str, np.ndarray]:
    """Each value tells its column and its row: 100 · column + row."""
    numbers = 100 * np.arange(1, 6) + np.arange(rows)[:, None]
    return {
        "numeric": numbers[:, :3].astype(np.float32),
        "categorical": numbers[:, 3:].astype(np.int32),
    }


def zeros(count: int) -> dict[str, tf.Tensor]:
    return {"numeric": tf.zeros((count, 3)), "categorical": tf.zeros((count, 2), tf.int32)}


@pytest.mark.parametrize(("exact", "rate"), [(True, 0.6), (False, 0.3)])
def test_how_many_are_replaced(exact: bool, rate: float) -> None:
    made = pretext.corrupt_features(table(10), rate, exact)(zeros(COUNT), seeds(COUNT))
    mask = made["mask"].numpy()
    counts = mask.sum(axis=1)
    if exact:
        assert set(counts) == {3}
    else:
        assert counts.var() == pytest.approx(5 * rate * (1 - rate), rel=0.1)
    assert (np.abs(mask.mean(axis=0) - rate) < 4 * np.sqrt(rate * (1 - rate) / COUNT)).all()


def test_values_come_from_their_own_column_each_for_itself() -> None:
    made = pretext.corrupt_features(table(10), 1.0)(zeros(COUNT), seeds(COUNT))
    both = np.concatenate([made["numeric"], made["categorical"]], axis=1).astype(int)
    assert (both // 100 == np.arange(1, 6)).all()
    rows = both % 100
    for column in rows.T:
        counts = np.bincount(column, minlength=10)
        assert (np.abs(counts - COUNT / 10) < 4 * np.sqrt(COUNT * 0.09)).all()
    # Not another row as a whole: columns agree as often as chance has it.
    assert abs((rows[:, 0] == rows[:, 1]).mean() - 0.1) < 4 * np.sqrt(0.09 / COUNT)


def test_the_row_is_kept_and_the_mask_says_what_is_another_value() -> None:
    rows = {key: value[:6] for key, value in table(6).items()}
    made = pretext.corrupt_features(table(3), 0.8)(rows, seeds(6))
    for key in rows:
        np.testing.assert_array_equal(made[f"target_{key}"], rows[key])
    now = np.concatenate([made["numeric"], made["categorical"]], axis=1)
    before = np.concatenate([rows["numeric"], rows["categorical"]], axis=1)
    np.testing.assert_array_equal(made["mask"], now != before)
    # Replaced by an equal value is not replaced.
    same = {"numeric": np.zeros((4, 3), np.float32)}
    assert not pretext.corrupt_features(same, 1.0)(same, seeds(4))["mask"].numpy().any()


def test_hidden_values() -> None:
    ones = {"numeric": tf.ones((COUNT, 3)), "categorical": tf.ones((COUNT, 2), tf.int32)}
    made = pretext.mask_features(0.3)(ones, seeds(COUNT))
    mask = made["mask"].numpy()
    now = np.concatenate([made["numeric"], made["categorical"]], axis=1)
    np.testing.assert_array_equal(now == 0, mask)
    assert (np.abs(mask.mean(axis=0) - 0.3) < 4 * np.sqrt(0.21 / COUNT)).all()
    assert (made["target_numeric"].numpy() == 1).all()
    exact = pretext.mask_features(0.5, exact=True)(ones, seeds(COUNT))["mask"].numpy()
    assert set(exact.sum(axis=1)) == {2}


def test_a_table_may_have_one_kind_of_column() -> None:
    rows = {"numeric": tf.ones((4, 3))}
    for transform in (pretext.mask_features(), pretext.corrupt_features(table(5))):
        made = transform(rows, seeds(4))
        assert "categorical" not in made and made["mask"].shape == (4, 3)
    with pytest.raises(
        UserError, match="reads 'numeric' or 'categorical', and the example has neith"
    ):
        pretext.mask_features()({"image": tf.ones((4, 3))})


def test_a_dataset_can_be_the_reference() -> None:
    swapped = pretext.corrupt_features(data.sklearn_table("train", "wine"), 0.5)
    for batch in data.sklearn_table("test", "wine").batch(16).map(swapped):
        assert set(batch["mask"].numpy().sum(axis=1)) <= {4, 5, 6}
    few = pretext.corrupt_features(data.sklearn_table("train", "wine"), 1.0, rows=1)
    batch = next(iter(data.sklearn_table("test", "wine").batch(9).map(few)))
    assert (batch["numeric"].numpy() == batch["numeric"].numpy()[0]).all()


def test_it_works_in_a_recipe(tmp_path: Path) -> None:
    lines = [f"{n},{'ab'[n % 2]}" for n in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["x,kind", *lines]))
    path = str(tmp_path / "a.csv")
    (tmp_path / "a.yaml").write_text(
        f"data: {{use: tabular, path: {path}}}\n"
        f"pretext: [{{use: corrupt_features, rate: 0.5, data: {{use: tabular, path: {path}}}}}]\n"
        "model: {use: vae, latent_dim: 2}\n"
    )
    recipe = kssl.recipe.load(str(tmp_path / "a.yaml"))
    (swapped,) = recipe.build("pretext")
    batch = next(iter(recipe.dataset("test").batch(4).map(swapped)))
    assert batch["mask"].shape == (4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pretext.mask_features(1.5), "rate 1.5 is not a fraction"),
        (lambda: pretext.corrupt_features([1]), "must be a dataset of rows or a dict of arrays"),
        (lambda: pretext.corrupt_features({"x": [[1]]}), "data has no key 'numeric'; there is: x"),
        (lambda: pretext.corrupt_features({"numeric": [1.0]}), r"must be \(rows, columns\)"),
        (
            lambda: pretext.corrupt_features(table(4))({"numeric": tf.ones((2, 7))}),
            "the examples have 7 columns under 'numeric', but data has 3",
        ),
    ],
)
def test_wrong_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call()
