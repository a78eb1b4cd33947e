"""Sets of permutations that are far from one another, for jigsaw puzzles.

Two permutations are as far apart as there are places in which they differ (Hamming distance). No
more than `n! / (d - 1)!` permutations of `n` things are all `d` apart. For nine tiles two groups
reach that bound: of AGL(1, 9), 72 permutations, any two agree in at most one place, and of
PGL(2, 8), 504, in at most two. So these sets are not searched for but written down.
"""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np

from kssl.errors import UserError

_MOST_LISTED = 8  # so many things have 40,320 orders: all of them are looked at
_CANDIDATES = 20_000  # of more than nine things, so many orders are drawn and looked at

# Permutations that make the two groups: what each of the numbers 0 to 8 becomes.
# In the field of 9, 0 is zero and 1 to 8 are the powers of a primitive element g, g² = g + 1.
_AFFINE_9 = ((1, 5, 3, 8, 7, 0, 4, 6, 2), (0, 2, 3, 4, 5, 6, 7, 8, 1))  # x + 1, g x
# In the field of 8, 1 to 7 are the powers of g, g³ = g + 1, and 8 is infinity.
_PROJECTIVE_8 = (
    (1, 0, 4, 7, 2, 6, 5, 3, 8),  # x + 1
    (0, 2, 3, 4, 5, 6, 7, 1, 8),  # g x
    (8, 1, 7, 6, 5, 4, 3, 2, 0),  # 1 / x
)


@cache
def permutation_set(count: int = 100, tiles: int = 9) -> np.ndarray:
    """Choose permutations that are far from one another; the same ones on every machine.

    For 9 tiles, the 3 × 3 of a jigsaw, the least Hamming distance is 8 up to 72 permutations,
    7 up to 504 and 6 up to 1,512, the largest there can be; then 4 up to 10,000 at least. Other
    numbers of tiles are chosen greedily: each time the candidate that is farthest from all before.
    It takes a second at most, so that nothing is kept on the disk.

    Args:
        count: How many; 100 and 1,000 are customary.
        tiles: How many things are permuted.

    Returns:
        int32 `(count, tiles)`: row k holds which tile goes to each place. Cached; do not write.

    Raises:
        UserError: There are not that many permutations, or fewer than two are asked for.

    Example:
        >>> permutations = permutation_set(100)
        >>> permutations.shape, least_distance(permutations)
        ((100, 9), 7)
    """
    if tiles < 2 or not 2 <= count <= math.factorial(tiles):
        raise UserError(
            f"jigsaw: {count} different permutations of {tiles} tiles do not exist; "
            f"ask for 2 to {math.factorial(max(tiles, 1)):,}"
        )
    chosen = _of_nine(count) if tiles == 9 else _spread_out(_candidates(tiles, count), count)
    chosen = chosen.astype(np.int32)
    chosen.setflags(write=False)
    return chosen


def least_distance(permutations: np.ndarray) -> int:
    """Return the least Hamming distance of any two rows of `(count, tiles)`."""
    rows = permutations.astype(np.int8)
    least = rows.shape[1]
    for number in range(1, len(rows)):
        least = min(least, int((rows[:number] != rows[number]).sum(axis=1).min()))
    return least


def _of_nine(count: int) -> np.ndarray:
    if count <= 72:
        return _spread_out(_group(_AFFINE_9), count)
    group = _group(_PROJECTIVE_8)
    if count <= len(group):
        return _spread_out(group, count)
    # All permutations of nine things are 720 copies of the group, moved: whole copies are chosen.
    moved = _spread_out_copies(group, -(-count // len(group)))
    return moved.reshape(-1, 9)[:count]


def _group(generators: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Every product of the generators, sorted: int8 `(size, things)`."""
    found = {tuple(range(len(generators[0])))}
    new = found
    while new:
        products = {tuple(by[i] for i in one) for one in new for by in generators}
        new = products - found
        found |= new
    return np.array(sorted(found), np.int8)


def _spread_out(candidates: np.ndarray, count: int) -> np.ndarray:
    """Greedily choose candidates: farthest from the nearest chosen one, then on average."""
    nearest = np.full(len(candidates), candidates.shape[1], np.int64)
    total = np.zeros(len(candidates), np.int64)
    chosen = [0]
    while len(chosen) < count:
        distance = (candidates != candidates[chosen[-1]]).sum(axis=1)
        nearest = np.minimum(nearest, distance)
        total += distance
        best = np.where(nearest == nearest.max(), total, -1)
        chosen.append(int(best.argmax()))
    return candidates[chosen]


def _spread_out_copies(group: np.ndarray, copies: int) -> np.ndarray:
    """Choose moved copies of PGL(2, 8), greedily by distance: `(copies, 504, 9)`.

    In each of the 720 copies one permutation leaves 0, 1 and 2 in place, because the group takes
    any three things to any three places in exactly one way; and all members of a copy are
    equally far from another copy.
    """
    rest = itertools.permutations(range(3, 9))
    firsts = np.array([(0, 1, 2, *order) for order in rest], np.int8)  # (720, 9)
    nearest = np.full(len(firsts), 9, np.int64)
    chosen = [group]
    while len(chosen) < copies:
        apart = firsts[:, None] != chosen[-1]  # (720, 504, 9)
        nearest = np.minimum(nearest, apart.sum(axis=-1).min(axis=1))
        chosen.append(firsts[int(nearest.argmax())][group])
    return np.stack(chosen)


def _candidates(tiles: int, count: int) -> np.ndarray:
    if tiles <= _MOST_LISTED:
        return np.array(list(itertools.permutations(range(tiles))), np.int8)
    # The legacy generator: NumPy promises that it draws the same numbers in every version.
    draw = np.random.RandomState(tiles)
    drawn = np.array([draw.permutation(tiles) for _ in range(max(_CANDIDATES, 2 * count))])
    return np.unique(drawn.astype(np.int16), axis=0)
