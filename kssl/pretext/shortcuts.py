"""Shortcuts: statistics from which a linear model could predict a pseudo-label.

Each function returns a function from a batch of arrays to features `(examples, features)`. A
network whose accuracy is not above that of a logistic regression on them may have learned no more.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kssl.pretext.task import Shortcut

_BUCKETS = 64  # of the first token of a text


def borders(key: str) -> Shortcut:
    """Of images `(batch, height, width, channels)`: each border's mean, and the step next to it.

    Light falls off towards the corners and skies are bright, which tells which way is up.
    """

    def features(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        sides = _sides(np.asarray(batch[key], np.float32))
        means = [outer.mean(axis=1) for outer, _ in sides]  # each (batch, channels)
        steps = [(outer - inner).mean(axis=1) for outer, inner in sides]
        return np.concatenate([*means, *steps], axis=1)

    return features


def tile_borders(key: str) -> Shortcut:
    """Of tiles `(batch, tiles, height, width, channels)`: how well each pair of edges fits.

    Lines that run on from one tile into its neighbour tell which tiles belong side by side. The
    features are the mean difference of the right edge of each tile from the left edge of each other
    one, the same from top to bottom, and the mean of each tile's border.
    """

    def features(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        tiles = np.asarray(batch[key], np.float32)
        top, bottom = tiles[:, :, 0], tiles[:, :, -1]  # (batch, tiles, pixels, channels)
        left, right = tiles[:, :, :, 0], tiles[:, :, :, -1]
        others = ~np.eye(tiles.shape[1], dtype=bool)
        fits = [_differences(one, two)[:, others] for one, two in ((right, left), (bottom, top))]
        around = np.stack([side.mean(axis=2) for side in (top, bottom, left, right)], axis=2)
        return np.concatenate([*fits, around.reshape(len(tiles), -1)], axis=1)

    return features


def patch_colors(key: str) -> Shortcut:
    """Of patches `(batch, patches, height, width, channels)`: mean colours, and how edges fit."""
    fit = tile_borders(key)

    def features(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        patches = np.asarray(batch[key], np.float32)
        colors = patches.mean(axis=(2, 3)).reshape(len(patches), -1)
        return np.concatenate([colors, fit(batch)], axis=1)

    return features


def colors(key: str) -> Shortcut:
    """Of images `(batch, height, width, channels)`: mean and standard deviation of each channel."""

    def features(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        images = np.asarray(batch[key], np.float32)
        return np.concatenate([images.mean(axis=(1, 2)), images.std(axis=(1, 2))], axis=1)

    return features


def brightness(key: str) -> Shortcut:
    """Of clips `(batch, frames, height, width, channels)`: mean of each frame, and its changes.

    A steady fade tells which way time goes, and how far apart two frames are.
    """

    def features(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        frames = np.asarray(batch[key], np.float32)
        means = frames.mean(axis=(2, 3, 4))  # (batch, frames)
        moved = np.abs(np.diff(frames, axis=1)).mean(axis=(2, 3, 4))  # (batch, frames - 1)
        return np.concatenate([means, np.diff(means, axis=1), moved], axis=1)

    return features


def lengths_and_first_tokens() -> Shortcut:
    """Of pairs of texts: the length of each, which fraction of B is in A, and how each begins."""

    def features(batch: Mapping[str, np.ndarray]) -> np.ndarray:
        tokens, there = np.asarray(batch["tokens"]), np.asarray(batch["padding_mask"], bool)
        second = np.asarray(batch["segment"], bool) & there
        first = there & ~second
        sizes = np.stack([first.sum(axis=1), second.sum(axis=1)], axis=1)
        known = (tokens[:, :, None] == tokens[:, None]) & first[:, None]  # (batch, length, length)
        common = (known.any(axis=2) & second).sum(axis=1) / np.maximum(sizes[:, 1], 1)
        # The first token of A stands behind [CLS], that of B where the segment begins.
        places = [np.ones(len(tokens), int), second.argmax(axis=1)]
        begins = [_one_hot(tokens[np.arange(len(tokens)), place]) for place in places]
        return np.concatenate([sizes, common[:, None], *begins], axis=1).astype(np.float32)

    return features


def _sides(images: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pixels of each border, and those next to them, `(batch, pixels, channels)`."""
    return [
        (images[:, 0], images[:, 1]),
        (images[:, -1], images[:, -2]),
        (images[:, :, 0], images[:, :, 1]),
        (images[:, :, -1], images[:, :, -2]),
    ]


def _differences(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Mean difference of each edge from each: `(batch, tiles, pixels, channels)` twice, to
    `(batch, tiles, tiles)`."""
    return np.abs(one[:, :, None] - two[:, None]).mean(axis=(3, 4))


def _one_hot(ids: np.ndarray) -> np.ndarray:
    return np.eye(_BUCKETS, dtype=np.float32)[ids % _BUCKETS]
