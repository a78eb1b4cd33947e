"""Jigsaw puzzles: which permutation shuffled the tiles of an image?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kssl.errors import UserError
from kssl.moved import renamed
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.permutations import permutation_set
from kssl.pretext.image.pixels import choose_rows, crops, grayscale, image_size, unit_images
from kssl.pretext.random import bernoulli, choice, fold_in
from kssl.pretext.shortcuts import tile_borders
from kssl.pretext.task import Task


@renamed(grey="gray")
def jigsaw(
    permutations: int = 100,
    grid: int = 3,
    tile: int | None = None,
    gray: float = 0.66,
    standardize: bool = True,
    keep: bool = True,
    key: str = "image",
) -> MapFunction:
    """Cut each image into tiles and shuffle them; which permutation it was is the label.

    M. Noroozi and P. Favaro, "Unsupervised learning of visual representations by solving jigsaw
    puzzles", arXiv:1603.09246. What would give the order away without looking at objects is
    removed as there: each tile is cut out of its cell at a random place, which leaves a gap for
    lines that run on; colour is dropped from most images, because lenses shift it towards the
    borders; and each tile is standardized, because light falls off smoothly. The permutations are
    those of `kssl.pretext.permutation_set`, as far apart as can be.

    Args:
        permutations: How many there are to tell apart; 100 and 1,000 are customary.
        grid: Tiles in a row and in a column.
        tile: Side of a tile in pixels; three quarters of a cell if left out, as in the paper (64 of
            85). As large as the cell, it has no gap and no jitter.
        gray: Probability that an image loses its colour before it is cut.
        standardize: Whether each channel of each tile gets mean 0 and standard deviation 1; a tile
            without any change becomes 0.
        keep: Whether `key` stays in the example, for probes and other evaluations.
        key: The images: uint8, or float in [0, 1], `(height, width, channels)`. What does not
            divide by `grid` is left at the borders.

    Returns:
        A map function; `tiles` is float32 `(grid², tile, tile, channels)`, the shuffled tiles row
        by row; `target` is the int32 number of the row of `permutation_set(permutations, grid²)`
        that says which tile stands in each place.

    Raises:
        UserError: A setting is out of range; from the map function, when a tile is larger than a
            cell.

    Example:
        >>> puzzle = jigsaw(64)({"image": tf.zeros((8, 48, 48, 3))})
        >>> puzzle["tiles"].shape, puzzle["target"].shape
        (TensorShape([8, 9, 12, 12, 3]), TensorShape([8]))
    """
    if grid < 2 or not 0.0 <= gray <= 1.0:
        raise UserError(f"jigsaw: grid {grid} must be 2 or more, gray {gray} a probability")
    orders = tf.constant(permutation_set(permutations, grid * grid))

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, Any]:
        height, width, channels = image_size("jigsaw", batch, key)
        cell = height // grid, width // grid
        side = _tile_side(tile, cell, grid, key)
        number = choice(fold_in(seeds, 0), (), permutations)
        places = tf.gather(orders, number)  # (batch, tiles), the cell each tile comes from
        rows, columns = places // grid, places % grid
        top = _start(rows, cell[0], side, height % grid // 2, fold_in(seeds, 1))
        left = _start(columns, cell[1], side, width % grid // 2, fold_in(seeds, 2))
        tiles = crops(unit_images("jigsaw", batch, key), top, left, (side, side))
        if gray > 0.0 and channels == 3:
            without = tf.broadcast_to(grayscale(tiles), tf.shape(tiles))
            tiles = choose_rows(bernoulli(fold_in(seeds, 3), (), gray), without, tiles)
        tiles = _standardized(tiles) if standardize else tiles
        return {"tiles": tiles, "target": number, **({} if keep else {key: None})}

    task = Task(
        inputs="tiles",
        classes=permutations,
        names=tuple(" ".join(str(place + 1) for place in row) for row in orders.numpy()),
        chance=1 / permutations,
        shortcut=tile_borders("tiles"),
    )
    return by_batch("jigsaw", change, {key: 3}, random=True, task=task)


def _tile_side(tile: int | None, cell: tuple[int, int], grid: int, key: str) -> int:
    side = max(round(0.75 * min(cell)), 1) if tile is None else tile
    if not 1 <= side <= min(cell):
        raise UserError(
            f"jigsaw: a tile of {side} pixels does not fit: '{key}' has {grid} x {grid} cells of "
            f"{cell[0]} x {cell[1]}; take larger images, a smaller tile or fewer tiles"
        )
    return side


def _start(line: tf.Tensor, cell: int, side: int, border: int, seeds: tf.Tensor) -> tf.Tensor:
    """First row or column of each tile: its cell's, and a random place in the cell."""
    return border + line * cell + choice(seeds, (line.shape[1],), cell - side + 1)


def _standardized(tiles: tf.Tensor) -> tf.Tensor:
    count, side, _, channels = tiles.shape[1:]
    flat = tf.reshape(tiles, [-1, count, side * side, channels])
    centred = flat - tf.reduce_mean(flat, axis=2, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=2, keepdims=True)
    # A thousandth of black to white: less is the rounding of a tile of one colour.
    scaled = centred / tf.maximum(tf.sqrt(variance), 1e-3)
    return tf.reshape(scaled, [-1, count, side, side, channels])
