"""Jigsaw puzzles and their permutations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from kssl import pretext
from kssl.errors import UserError
from kssl.pretext.image.permutations import least_distance, permutation_set

SEEDS = np.stack([np.zeros(3000), np.arange(3000)], 1).astype(np.int32)
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("count", "tiles", "least"),
    [(72, 9, 8), (100, 9, 7), (504, 9, 7), (1000, 9, 6), (1512, 9, 6), (12, 4, 3), (24, 4, 2)],
)
def test_permutations_are_as_far_apart_as_can_be(count: int, tiles: int, least: int) -> None:
    permutations = permutation_set(count, tiles)
    assert (np.sort(permutations, axis=1) == np.arange(tiles)).all()
    assert least_distance(permutations) == least
    # No more than n! / (d - 1)! permutations are all d apart: so many cannot be one more apart.
    assert count > math.factorial(tiles) // math.factorial(least)


def test_larger_sets_and_more_tiles_are_still_far_apart() -> None:
    assert least_distance(permutation_set(2000, 9)) >= 4
    assert least_distance(permutation_set(60, 16)) >= 12
    assert len(np.unique(permutation_set(2000, 9), axis=0)) == 2000


def test_the_set_is_the_same_on_every_machine() -> None:
    assert permutation_set(100)[[0, 1, 99]].tolist() == PINNED
    assert permutation_set(100) is permutation_set(100)
    with pytest.raises(ValueError, match="read-only"):
        permutation_set(100)[0, 0] = 1


PINNED = [[0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 0, 7, 5, 8, 3, 6, 4], [8, 4, 7, 5, 2, 0, 1, 3, 6]]


def test_every_tile_comes_to_every_place_about_as_often() -> None:
    for count in (100, 1000):
        permutations = permutation_set(count)
        for place in range(9):
            share = np.bincount(permutations[:, place], minlength=9) / count
            assert 0.09 < share.min() and share.max() < 0.135


@pytest.mark.parametrize(("grid", "tile", "permutations"), [(3, 6, 100), (2, 9, 24)])
def test_putting_the_tiles_back_restores_the_image(grid: int, tile: int, permutations: int) -> None:
    images = RANDOM.random((50, 18, 18, 3), dtype=np.float32)
    task = pretext.jigsaw(permutations, grid, tile, gray=0.0, standardize=False)
    made = task({"image": images}, SEEDS[:50])
    np.testing.assert_array_equal(unjigsaw(made, permutations, grid, tile), images)
    np.testing.assert_array_equal(made["image"], images)


def unjigsaw(made: dict[str, tf.Tensor], permutations: int, grid: int, tile: int) -> np.ndarray:
    tiles, numbers = made["tiles"].numpy(), made["target"].numpy()
    back = np.empty_like(tiles)
    for example, number in enumerate(numbers):
        back[example, permutation_set(permutations, grid * grid)[number]] = tiles[example]
    rows = back.reshape(-1, grid, grid, tile, tile, tiles.shape[-1]).transpose(0, 1, 3, 2, 4, 5)
    return rows.reshape(-1, grid * tile, grid * tile, tiles.shape[-1])


def places(made: dict[str, tf.Tensor]) -> np.ndarray:
    """Row and column of the first pixel of each tile of images that hold their coordinates."""
    corner = made["tiles"].numpy()[:, :, 0, 0, :2].round().astype(int)
    order = permutation_set(100)[made["target"].numpy()]
    back = np.empty_like(corner)
    np.put_along_axis(back, order[..., None], corner, axis=1)
    return back


def test_tiles_are_cut_at_random_places_of_their_cells_with_a_gap_between() -> None:
    where = np.stack([*np.mgrid[:20, :20], np.zeros((20, 20))], axis=-1).astype(np.float32)
    images = np.broadcast_to(where, (3000, 20, 20, 3))
    made = pretext.jigsaw(100, 3, 4, gray=0.0, standardize=False)({"image": images}, SEEDS)
    cells = np.stack(np.mgrid[:3, :3], axis=-1).reshape(9, 2)
    offset = places(made) - (1 + 6 * cells)  # a border of 1 is left over on each side
    assert offset.min() == 0 and offset.max() == 2  # cells of 6, tiles of 4
    for value in range(3):
        share = (offset == value).mean(axis=0)
        assert np.abs(share - 1 / 3).max() < 0.05
    counts = np.bincount(made["target"], minlength=100)
    assert np.sum((counts - 30) ** 2 / 30) < 180  # 99 degrees of freedom


def test_grey_is_as_frequent_as_asked_and_tiles_are_standardized() -> None:
    images = RANDOM.random((1000, 12, 12, 3), dtype=np.float32)
    plain = pretext.jigsaw(20, 3, gray=0.4, standardize=False)({"image": images}, SEEDS[:1000])
    tiles = plain["tiles"].numpy()
    grey = (tiles.max(axis=-1) == tiles.min(axis=-1)).all(axis=(1, 2, 3))
    assert abs(grey.mean() - 0.4) < 5 * 0.49 / np.sqrt(1000)
    tiles = pretext.jigsaw(20, 3)({"image": images}, SEEDS[:1000])["tiles"].numpy()
    np.testing.assert_allclose(tiles.mean(axis=(2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(tiles.std(axis=(2, 3)), 1, atol=1e-4)
    flat = pretext.jigsaw()({"image": tf.fill((9, 9, 3), 0.3)})["tiles"].numpy()
    np.testing.assert_allclose(flat, 0, atol=1e-3)


def test_light_that_falls_off_does_not_tell_the_permutation() -> None:
    """The mean of each tile gives it away, unless tiles are standardized."""
    images = RANDOM.random((3000, 12, 12, 1), dtype=np.float32) * 0.5
    ramp = np.linspace(0, 0.5, 12, dtype=np.float32)
    images += ramp[:, None, None] + 0.5 * ramp[None, :, None]
    leaks = {}
    for standardize in (False, True):
        task = pretext.jigsaw(4, 2, standardize=standardize)
        made = task({"image": images}, SEEDS)
        tiles, numbers = made["tiles"].numpy(), made["target"].numpy()
        edges = np.concatenate([tiles.mean((2, 3, 4)), tiles[:, :, 0].mean((2, 3))], axis=1)
        edges /= edges.std(axis=0) + 1e-4
        model = LogisticRegression(max_iter=1000).fit(edges[:1500], numbers[:1500])
        leaks[standardize] = model.score(edges[1500:], numbers[1500:])
    assert leaks[False] > 0.9
    # What is left is the slope inside of a tile, which is the same in all of them.
    assert abs(leaks[True] - 0.25) < 0.06


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"permutations": 25, "grid": 2}, "25 different permutations of 4 tiles do not exist"),
        ({"permutations": 1}, "ask for 2 to 362,880"),
        ({"grid": 1}, "grid 1 must be 2 or more"),
        ({"gray": 1.5}, "gray 1.5 a probability"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pretext.jigsaw(**settings)  # type: ignore[arg-type]


def test_an_image_smaller_than_the_grid_or_the_tiles_is_named() -> None:
    with pytest.raises(UserError, match="a tile of 1 pixels does not fit: 'image' has 3 x 3 cells"):
        pretext.jigsaw()({"image": tf.zeros((2, 8, 3))})
    with pytest.raises(UserError, match="cells of 4 x 5; take larger images"):
        pretext.jigsaw(tile=5)({"image": tf.zeros((12, 15, 3))})
    with pytest.raises(UserError, match="'image' is int32: put to_float before"):
        pretext.jigsaw()({"image": tf.zeros((12, 12, 3), tf.int32)})
