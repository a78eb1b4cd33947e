"""Blocks of patches to be predicted, and patches outside of them to predict from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


@keras.saving.register_keras_serializable(package="kssl")
class TargetBlocks(Layer):
    """Draws blocks of patches at random places, and patches that lie in none of them.

    Assran et al., I-JEPA, arXiv:2301.08243. Blocks may overlap. As many patches outside of them
    are drawn as are there however the blocks lie, so that shapes are the same in every batch: the
    authors' code cuts all masks to the shortest of the batch instead. Places reach the last row
    and column, which theirs never do.

    Args:
        grid: `(rows, columns)` of the patches.
        block: `(rows, columns)` of a block; about 0.15 to 0.2 of the grid in the paper.
        count: Blocks of an image; 4 in the paper.
        seed: Seed of the places; None draws one.

    Call arguments:
        inputs: Any tensor `(batch, …)`, for the size of the batch.

    Returns:
        A dict of int32 numbers of patches, counted row by row: `"targets"`
        `(batch, count, patches of a block)` and `"context"` `(batch, kept)`, in random order.

    Raises:
        ValueError: If a block does not fit into the grid, or blocks could leave no patch.

    Example:
        >>> import keras, kssl
        >>> drawn = kssl.layers.TargetBlocks((8, 8), (3, 3))(keras.ops.ones((2, 64, 192)))
        >>> drawn["targets"].shape, drawn["context"].shape
        ((2, 4, 9), (2, 28))
    """

    def __init__(
        self,
        grid: Sequence[int],
        block: Sequence[int] = (3, 3),
        count: int = 4,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs, autocast=False)
        self.grid, self.block = tuple(grid), tuple(block)
        self.count = count
        self.seed = seed
        (rows, columns), (height, width) = self.grid, self.block
        if not (1 <= height <= rows and 1 <= width <= columns) or count < 1:
            raise ValueError(
                f"{count} blocks of {height} x {width} patches do not fit into {rows} x {columns}"
            )
        self.kept = rows * columns - count * height * width
        if self.kept < 1:
            raise ValueError(
                f"{count} blocks of {height} x {width} may leave none of {rows * columns} patches "
                "to predict from: give smaller or fewer blocks, or smaller patches"
            )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any) -> dict[str, Any]:
        batch = ops.shape(inputs)[0]
        (rows, columns), (height, width) = self.grid, self.block
        top, left = (
            keras.random.randint((batch, self.count), 0, most + 1, seed=self.seed_generator)
            for most in (rows - height, columns - width)
        )
        inside = ops.arange(height)[:, None] * columns + ops.arange(width)  # (height, width)
        first = top * columns + left  # (batch, count)
        targets = first[..., None] + ops.reshape(inside, (-1,))  # (batch, count, height · width)
        patches = ops.arange(rows * columns)
        hidden = ops.any(targets[..., None] == patches, axis=(1, 2))  # (batch, patches)
        noise = keras.random.uniform(
            (batch, rows * columns), dtype="float32", seed=self.seed_generator
        )
        order = ops.argsort(noise + ops.cast(hidden, "float32"), axis=1)  # those outside first
        return {
            "targets": ops.cast(targets, "int32"),
            "context": ops.cast(order[:, : self.kept], "int32"),
        }

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> dict[str, tuple[int | None, ...]]:
        area = self.block[0] * self.block[1]
        return {
            "targets": (input_shape[0], self.count, area),
            "context": (input_shape[0], self.kept),
        }

    def compute_output_spec(self, inputs: Any) -> dict[str, Any]:
        shapes = self.compute_output_shape(inputs.shape)
        return {name: keras.KerasTensor(shape, dtype="int32") for name, shape in shapes.items()}
