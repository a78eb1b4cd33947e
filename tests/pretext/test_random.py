"""Counter-based random numbers: right distributions, no traces of neighbours, rows on their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext import hashing, random


def seeds_of(count: int, first: int = 0) -> np.ndarray:
    """Seeds as a pipeline makes them: the least random ones there can be."""
    return np.stack([np.full(count, first), np.arange(count)], axis=1).astype(np.int32)


# A second implementation, in NumPy with 64-bit integers, of what the module's docstring describes.
def mix(value: np.ndarray) -> np.ndarray:
    value = np.asarray(value, np.uint64) & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return value ^ (value >> 15)


def twin_bits(seeds: np.ndarray, size: int) -> np.ndarray:
    words = seeds.astype(np.int64).astype(np.uint64) & 0xFFFFFFFF
    left, right = words[:, 0], words[:, 1]
    for first, second in ((0x9E3779B9, 0x3C6EF372), (0xDAA66D2B, 0x78DDE6E4)):
        right = right ^ mix(left + first)
        left = left ^ mix(right + second)
    value = left[:, None] ^ mix(np.arange(1, size + 1))
    value = ((value ^ (value >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    value = (value + right[:, None]) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return value ^ (value >> 15)


def twin_uniform(seeds: np.ndarray, size: int) -> np.ndarray:
    return (twin_bits(seeds, size) >> 8).astype(np.float64) / 2**24


WIDE = np.array([[0, 0], [-1, 7], [2**31 - 1, -(2**31)], [12, 60_000]], np.int32)


def test_uniform_agrees_with_an_implementation_in_numpy() -> None:
    drawn = random.uniform(WIDE, (5, 7)).numpy()
    np.testing.assert_array_equal(drawn.reshape(4, 35), twin_uniform(WIDE, 35))


def test_normal_agrees_with_an_implementation_in_numpy() -> None:
    unit = twin_uniform(WIDE, 64)  # 40 numbers need 20 pairs, rounded up to 32
    radius, angle = np.sqrt(-2 * np.log(1 - unit[:, :32])), 2 * np.pi * unit[:, 32:]
    expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :40]
    np.testing.assert_allclose(random.normal(WIDE, (40,)).numpy(), expected, atol=2e-6)


def test_permutation_and_choice_agree_with_an_implementation_in_numpy() -> None:
    bits = twin_bits(WIDE, 9)
    order = np.argsort(bits.astype(np.uint32).view(np.int32), axis=1, kind="stable")
    np.testing.assert_array_equal(random.permutation(WIDE, 9).numpy(), order)
    np.testing.assert_array_equal(random.choice(WIDE, (9,), 1000).numpy(), bits * 1000 >> 32)


@pytest.mark.parametrize("axis", ["positions", "rows"])
def test_uniform_fills_its_range_evenly(axis: str) -> None:
    shape = (2, 100_000) if axis == "positions" else (100_000, 2)
    drawn = random.uniform(seeds_of(shape[0]), (shape[1],)).numpy()
    assert drawn.min() >= 0.0 and drawn.max() < 1.0
    counts, _ = np.histogram(drawn, bins=256, range=(0, 1))
    expected = drawn.size / 256
    chi_square = np.sum((counts - expected) ** 2 / expected)
    # 255 degrees of freedom: mean 255, standard deviation 22.6; five of them either way.
    assert 142 < chi_square < 368


def test_every_bit_is_fair() -> None:
    bits = hashing.hashed(seeds_of(2000), hashing.scrambled_positions(100)).numpy()
    for bit in range(32):
        share = ((bits >> bit) & 1).mean()
        assert abs(share - 0.5) < 5 * 0.5 / np.sqrt(bits.size)


@pytest.mark.parametrize(
    ("other", "what"),
    [([0, 1], "next index"), ([1, 0], "next epoch"), ([0, 1 << 16], "high bit"), ([-1, 0], "sign")],
)
def test_neighbouring_seeds_are_unrelated(other: list[int], what: str) -> None:
    first = seeds_of(500)
    second = first + np.array(other, np.int32)
    pair = [random.uniform(seeds, (200,)).numpy().ravel() for seeds in (first, second)]
    if other == [0, 1]:  # rows overlap; compare each row with the next one
        pair = [pair[0][:-200], pair[0][200:]]
    assert abs(np.corrcoef(*pair)[0, 1]) < 5 / np.sqrt(pair[0].size), what


@pytest.mark.parametrize("distance", [1, 2, 28, 100])
def test_neighbouring_positions_are_unrelated(distance: int) -> None:
    drawn = random.uniform(seeds_of(500), (200,)).numpy()
    here, there = drawn[:, :-distance].ravel(), drawn[:, distance:].ravel()
    assert abs(np.corrcoef(here, there)[0, 1]) < 5 / np.sqrt(here.size)


def test_turning_one_bit_of_the_seed_turns_half_of_what_comes_out() -> None:
    start = seeds_of(400, first=3)
    base = hashing.hashed(start, hashing.scrambled_positions(20)).numpy()
    for word in (0, 1):
        for bit in (0, 1, 15, 30):
            turned = start.copy()
            turned[:, word] ^= 1 << bit
            other = hashing.hashed(turned, hashing.scrambled_positions(20)).numpy()
            share = np.unpackbits((base ^ other).view(np.uint8)).mean()
            assert abs(share - 0.5) < 0.005


@pytest.mark.parametrize("draw", [random.uniform, random.normal])
@pytest.mark.parametrize("shape", [(), (3, 5), (29, 31)])
def test_a_row_does_not_depend_on_its_batch(
    draw: Callable[..., tf.Tensor], shape: tuple[int, ...]
) -> None:
    seeds = seeds_of(50, first=9)
    together = draw(seeds, shape).numpy()
    alone = np.concatenate([draw(seeds[i : i + 1], shape).numpy() for i in range(50)])
    backwards = draw(seeds[::-1].copy(), shape).numpy()[::-1]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, backwards)


def test_a_size_that_is_not_static_gives_the_same_numbers() -> None:
    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec((), tf.int32)])
    def drawn(seeds: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return (
            random.uniform(seeds, (length, 3)),
            random.normal(seeds, (length,)),
            random.permutation(seeds, length),
        )

    seeds = tf.constant(seeds_of(4))
    found = drawn(seeds, 5)
    expected = (
        random.uniform(seeds, (5, 3)),
        random.normal(seeds, (5,)),
        random.permutation(seeds, 5),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6)


def test_uniform_keeps_to_other_limits_and_shapes() -> None:
    drawn = random.uniform(seeds_of(1000), (), -3.0, 5.0)
    assert drawn.shape == (1000,)
    assert -3.0 <= drawn.numpy().min() < -2.9 and 4.9 < drawn.numpy().max() <= 5.0
    assert random.uniform(seeds_of(3), (0, 2)).shape == (3, 0, 2)


def test_normal_has_the_moments_and_the_distribution_of_a_normal() -> None:
    from scipy import stats

    drawn = random.normal(seeds_of(1000), (201,), mean=2.0, stddev=0.5).numpy().ravel()
    standard = (drawn.astype(np.float64) - 2.0) / 0.5
    assert abs(standard.mean()) < 5 / np.sqrt(standard.size)
    assert abs(standard.var() - 1) < 5 * np.sqrt(2 / standard.size)
    assert stats.kstest(standard, "norm").pvalue > 1e-4
    assert np.isfinite(standard).all() and np.abs(standard).max() < 5.8


def test_bernoulli_hits_its_chance_and_its_ends() -> None:
    chances = np.array([0.0, 0.1, 0.5, 0.9, 1.0], np.float32)
    shares = random.bernoulli(seeds_of(40_000), (5,), chances).numpy().mean(axis=0)
    assert shares[0] == 0.0 and shares[4] == 1.0
    np.testing.assert_allclose(shares[1:4], chances[1:4], atol=5 * 0.5 / np.sqrt(40_000))


def test_permutations_are_valid_and_each_is_as_likely() -> None:
    orders = random.permutation(seeds_of(24_000), 4).numpy()
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    chi_square = np.sum((counts - 1000) ** 2 / 1000)
    assert 4 < chi_square < 60  # 23 degrees of freedom


def test_choice_is_even_and_without_replacement_different() -> None:
    drawn = random.choice(seeds_of(10_000), (6,), 6).numpy()
    counts = np.bincount(drawn.ravel(), minlength=6)
    assert np.sum((counts - 10_000) ** 2 / 10_000) < 30  # 5 degrees of freedom
    without = random.choice(seeds_of(1000), (2, 3), 6, replace=False).numpy()
    assert without.shape == (1000, 2, 3)
    assert (np.sort(without.reshape(1000, 6), axis=1) == np.arange(6)).all()
    with pytest.raises(UserError, match="7 different ones of 6"):
        random.choice(seeds_of(1), (7,), 6, replace=False)


def test_fold_in_gives_unrelated_seeds_that_do_not_collide() -> None:
    seeds = tf.constant(seeds_of(5000))
    sets = [random.fold_in(seeds, number).numpy() for number in (0, 1, -1, 2**40 + 3)]
    rows = np.concatenate([seeds.numpy(), *sets])
    assert len(np.unique(rows, axis=0)) == len(rows)
    drawn = [random.uniform(one, (40,)).numpy().ravel() for one in (seeds, *sets)]
    correlations = np.corrcoef(drawn) - np.eye(5)
    assert np.abs(correlations).max() < 5 / np.sqrt(drawn[0].size)


def test_fold_in_takes_a_number_per_example_and_a_single_seed() -> None:
    seeds = tf.constant(seeds_of(3))
    each = random.fold_in(seeds, tf.constant([4, 5, 6])).numpy()
    for row, number in enumerate((4, 5, 6)):
        np.testing.assert_array_equal(each[row], random.fold_in(seeds[row], number).numpy())


def test_seeds_of_content_feel_every_value_and_its_place_and_do_not_collide() -> None:
    values = np.random.default_rng(0).integers(0, 4, (20_000, 6)).astype(np.float32)
    seeds = random.content_seeds(tf.constant(values)).numpy()
    different = len(np.unique(values, axis=0))
    assert seeds.dtype == np.int32 and len(np.unique(seeds, axis=0)) == different
    whole = random.content_seeds(tf.constant(values.astype(np.int32).reshape(-1, 2, 3))).numpy()
    assert len(np.unique(whole, axis=0)) == different
    np.testing.assert_array_equal(random.content_seeds(tf.constant(values[7:9])), seeds[7:9])
    bits = np.unpackbits(np.unique(seeds, axis=0).view(np.uint8))
    assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)


def test_drawn_seeds_differ_unless_tensorflow_is_seeded() -> None:
    assert not np.array_equal(random.draw_seeds(4).numpy(), random.draw_seeds(4).numpy())
    tf.random.set_seed(5)
    first = random.draw_seeds(4).numpy()
    tf.random.set_seed(5)
    np.testing.assert_array_equal(first, random.draw_seeds(4).numpy())
    assert first.dtype == np.int32 and first.shape == (4, 2)
