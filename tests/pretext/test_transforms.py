"""What every transform promises, held for each of them: a table of cases and the checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError

CASES: dict[str, Callable[[], Any]] = {
    "to_float": pretext.to_float,
    "flatten": pretext.flatten,
    "binarize": pretext.binarize,
    "binarize_threshold": lambda: pretext.binarize("threshold"),
    "gaussian": pretext.noise,
    "masking": lambda: pretext.noise("masking"),
    "salt_and_pepper": lambda: pretext.noise("salt_and_pepper"),
}
RANDOM = ("binarize", "gaussian", "masking", "salt_and_pepper")
SEEDS = tf.constant([[0, i] for i in range(6)], tf.int32)


@pytest.fixture
def batch() -> dict[str, tf.Tensor]:
    values = np.random.RandomState(0).uniform(size=(6, 8, 5, 3)).astype(np.float32)
    return {"image": tf.constant(values), "label": tf.range(6), "note": tf.constant(["a"] * 6)}


def equal(one: dict[str, tf.Tensor], other: dict[str, tf.Tensor]) -> None:
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key].numpy(), other[key].numpy())


@pytest.mark.parametrize("name", CASES)
def test_a_batch_is_its_examples(name: str, batch: dict[str, tf.Tensor]) -> None:
    transform = CASES[name]()
    together = transform(batch, SEEDS)
    for row in range(6):
        example = {key: value[row] for key, value in batch.items()}
        equal(transform(example, SEEDS[row]), {key: value[row] for key, value in together.items()})


@pytest.mark.parametrize("name", CASES)
def test_the_given_dict_and_other_keys_are_left_alone(
    name: str, batch: dict[str, tf.Tensor]
) -> None:
    before = dict(batch)
    after = CASES[name]()(batch, SEEDS)
    assert after is not batch and batch.keys() == before.keys()
    for key in before:
        assert batch[key] is before[key]
    assert after["label"] is batch["label"] and after["note"] is batch["note"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("batched", [False, True])
def test_shapes_are_static_in_a_dataset(
    name: str, batched: bool, batch: dict[str, tf.Tensor]
) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(batch)
    dataset = dataset.batch(4) if batched else dataset
    mapped = dataset.map(CASES[name]())
    shape = mapped.element_spec["image"].shape
    assert shape[int(batched) :].is_fully_defined()
    assert sum(1 for _ in mapped) == (2 if batched else 6)
    for element in mapped:
        assert shape.is_compatible_with(element["image"].shape)


@pytest.mark.parametrize("name", RANDOM)
def test_without_a_seed_each_pass_and_example_differs(name: str) -> None:
    same = {"image": tf.fill((4, 8, 8, 1), 0.5)}
    dataset = tf.data.Dataset.from_tensor_slices(same).batch(4).map(CASES[name]())
    first, second = (next(iter(dataset))["image"].numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    assert len(np.unique(first.reshape(4, -1), axis=0)) == 4


def test_a_seeded_program_draws_the_same_again_but_no_two_epochs_alike() -> None:
    def epochs() -> list[bytes]:
        tf.random.set_seed(3)
        dataset = tf.data.Dataset.from_tensors({"image": tf.zeros((4, 8, 8, 1))})
        dataset = dataset.map(pretext.noise())
        return [next(iter(dataset))["image"].numpy().tobytes() for _ in range(3)]

    first, second = epochs(), epochs()
    assert first == second
    assert len(set(first)) == 3


@pytest.mark.parametrize("name", RANDOM)
def test_other_seeds_give_other_results(name: str, batch: dict[str, tf.Tensor]) -> None:
    transform = CASES[name]()
    one, other = (transform(batch, SEEDS + add)["image"].numpy() for add in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", CASES)
def test_a_missing_key_is_named(name: str) -> None:
    with pytest.raises(UserError, match="reads 'image'.*did you mean 'images'"):
        CASES[name]()({"images": tf.zeros((2, 2, 1))})


def test_a_wrong_rank_is_an_error_also_inside_a_dataset(batch: dict[str, tf.Tensor]) -> None:
    flat = {"image": tf.zeros((4, 2, 15))}
    with pytest.raises(UserError, match=r"binarize takes 'image' with 3 dimensions .*\(4, 2\)"):
        pretext.binarize()({"image": tf.zeros((4, 2))})
    with pytest.raises(UserError, match="mixture of one example and a batch"):
        pretext.binarize()(flat, SEEDS[:4])
    with pytest.raises(UserError, match="rank="):
        tf.data.Dataset.from_tensors({"image": tf.zeros((4, 15))}).map(pretext.noise())
    assert pretext.binarize(rank=1)({"image": tf.zeros((4, 15))})["image"].shape == (4, 15)


def test_seeds_must_fit_the_batch(batch: dict[str, tf.Tensor]) -> None:
    with pytest.raises(UserError, match="4 seeds for 6 examples"):
        pretext.noise()(batch, SEEDS[:4])
    with pytest.raises(UserError, match="a batch needs seeds"):
        pretext.noise()(batch, SEEDS[0])


def test_what_is_no_dict_is_refused() -> None:
    with pytest.raises(UserError, match="takes a dict of named tensors"):
        pretext.to_float()(tf.zeros((2, 2, 1)))


def test_an_unknown_rank_is_refused() -> None:
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([{"image": np.zeros((2, 2, 1), np.float32)}]),
        output_signature={"image": tf.TensorSpec(None, tf.float32)},
    )
    with pytest.raises(UserError, match="ensure_shape"):
        dataset.map(pretext.noise())
