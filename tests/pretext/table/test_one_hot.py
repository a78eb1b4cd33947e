"""Categories as columns: where each one stands, and what is said where sizes are not known."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import kssl
from kssl.errors import UserError
from kssl.pretext import one_hot


def test_numbers_come_first_then_a_column_for_each_category() -> None:
    batch = {
        "numeric": tf.constant([[0.5, -1.0], [2.0, 0.0]]),
        "categorical": tf.constant([[1, 0], [2, 1]]),
        "label": tf.constant([0, 1]),
    }
    made = one_hot([3, 2])(batch)
    assert set(made) == {"numeric", "label"}
    np.testing.assert_array_equal(
        made["numeric"], [[0.5, -1, 0, 1, 0, 1, 0], [2, 0, 0, 0, 1, 0, 1]]
    )
    assert made["numeric"].shape == (2, 7)


def test_either_kind_of_column_may_be_absent() -> None:
    names = one_hot([2])({"categorical": tf.constant([[1], [0]])})["numeric"]
    np.testing.assert_array_equal(names, [[0, 1], [1, 0]])
    numbers = one_hot()({"numeric": tf.ones((2, 3)), "categorical": tf.zeros((2, 0), tf.int32)})
    assert numbers["numeric"].shape == (2, 3)


def test_a_number_that_is_too_large_makes_zeros() -> None:
    made = one_hot([2])({"categorical": tf.constant([[5]])})["numeric"]
    np.testing.assert_array_equal(made, [[0, 0]])


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        (None, "needs to know how many values each of the 2 categorical columns has"),
        ([3], "categories has sizes of 1 columns, but 'categorical' has 2"),
        ([3, 0], r"categories \[3, 0\] must be 1 or more each"),
    ],
)
def test_refusals_say_what_is_needed(categories: list[int] | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        one_hot(categories)({"categorical": tf.zeros((4, 2), tf.int32)})


def test_a_recipe_hands_it_the_sizes_of_its_data(tmp_path) -> None:
    lines = [f"{n % 7},{'ab'[n % 2]},{'xyz'[n % 3]}" for n in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["age,city,kind", *lines]))
    data = f"{{use: tabular, path: '{tmp_path}/t.csv'}}"
    (tmp_path / "t.yaml").write_text(f"data: {data}\npretext: [one_hot]\nmodel: autoencoder\n")
    from kssl.data.splits import open_splits

    data = open_splits(kssl.recipe.load(tmp_path / "t.yaml"))
    assert data.train.arrays()["numeric"].shape[1] == 1 + 3 + 4
