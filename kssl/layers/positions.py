"""Sinusoidal embeddings of positions and of diffusion timesteps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.base import Layer


def sincos_1d(positions: Any, dim: int, temperature: float = 10000.0) -> np.ndarray:
    """Return sines, then cosines, of positions at geometrically spaced frequencies.

    `[sin(p ω_k), cos(p ω_k)]` with `ω_k = temperature^(-2k / dim)`, in float64: in half precision
    neighbouring positions would coincide.

    Args:
        positions: Numbers `(count,)`.
        dim: Width, even.
        temperature: Ratio of the longest wavelength to the shortest, 10000 since Vaswani et al.,
            arXiv:1706.03762, who let sines and cosines alternate.

    Returns:
        Array `(count, dim)`.

    Example:
        >>> import kssl
        >>> kssl.layers.sincos_1d(range(50), 16).shape
        (50, 16)
    """
    if dim < 2 or dim % 2:
        raise ValueError(f"the width of sines and cosines must be even; got {dim}")
    frequencies = temperature ** (-np.arange(dim // 2) / (dim / 2))
    angles = np.outer(np.asarray(positions, np.float64), frequencies)  # (count, dim / 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)  # (count, dim)


def sincos_2d(height: int, width: int, dim: int, temperature: float = 10000.0) -> np.ndarray:
    """Return an embedding of each place of a grid, row by row.

    The first half of the features encodes the column, the second the row, as in the code and the
    released weights of the masked autoencoder (He et al., arXiv:2111.06377).

    Args:
        height: Rows of the grid.
        width: Columns of the grid.
        dim: Width of the embedding, a multiple of 4.
        temperature: Ratio of the longest wavelength to the shortest.

    Returns:
        Array `(height · width, dim)`.

    Example:
        >>> import kssl
        >>> kssl.layers.sincos_2d(8, 8, 192).shape
        (64, 192)
    """
    if dim < 4 or dim % 4:
        raise ValueError(f"dim must be a multiple of 4, for two sines and two cosines; got {dim}")
    rows, columns = np.divmod(np.arange(height * width), width)
    halves = [sincos_1d(places, dim // 2, temperature) for places in (columns, rows)]
    return np.concatenate(halves, axis=1)  # (height · width, dim)


@keras.saving.register_keras_serializable(package="kssl")
class SinCosPositions(Layer):
    """Adds fixed sines and cosines of its position to each token, in one or two dimensions.

    Nothing is learned: Vaswani et al., arXiv:1706.03762, for sequences, and He et al., Masked
    Autoencoders, arXiv:2111.06377, for grids of patches. The layout is that of `sincos_1d` and
    `sincos_2d`.

    Args:
        grid: `(rows, columns)` of the patches; `"square"` takes as many rows as columns; None is
            a sequence.
        leading: Tokens at the start that stand nowhere, such as a class token: they get zeros.
        temperature: Ratio of the longest wavelength to the shortest.

    Call arguments:
        inputs: Tensor `(batch, leading + tokens, dim)`.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: If the tokens do not fill the grid, or `dim` cannot hold sines and cosines.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.SinCosPositions("square")(keras.ops.zeros((2, 64, 192))).shape
        (2, 64, 192)
    """

    def __init__(
        self,
        grid: Sequence[int] | str | None = None,
        leading: int = 0,
        temperature: float = 10000.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(grid, str) and grid != "square":
            raise ValueError(f"grid must be (rows, columns), 'square' or None; got {grid!r}")
        self.grid = tuple(grid) if grid is not None and not isinstance(grid, str) else grid
        self.leading = leading
        self.temperature = temperature

    def build(self, input_shape: Sequence[int | None]) -> None:
        length, dim = input_shape[-2:]
        if length is None or dim is None:
            raise ValueError(f"the number of tokens must be known; got the shape {input_shape}")
        table = self._table(length - self.leading, dim)
        table = np.concatenate([np.zeros((self.leading, dim)), table])  # (leading + tokens, dim)
        self.table = table.astype("float32")

    def call(self, inputs: Any) -> Any:
        return inputs + ops.convert_to_tensor(self.table, dtype=inputs.dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def _table(self, tokens: int, dim: int) -> np.ndarray:
        if self.grid is None:
            return sincos_1d(np.arange(tokens), dim, self.temperature)
        side = math.isqrt(max(tokens, 0))
        rows, columns = (side, side) if self.grid == "square" else self.grid
        if rows * columns != tokens:
            raise ValueError(
                f"{tokens} tokens do not fill a grid of {rows} x {columns}: give "
                "grid=(rows, columns), and leading= for tokens that stand nowhere"
            )
        return sincos_2d(rows, columns, dim, self.temperature)


@keras.saving.register_keras_serializable(package="kssl")
class TimestepEmbedding(Layer):
    """Sines and cosines of a diffusion timestep, or of a noise level.

    Ho et al., arXiv:2006.11239. Frequencies fall from 1 to nearly `1 / max_period`; cosines come
    first. It computes in float32 whatever the precision: half precision cannot tell timestep
    999 from 1000.

    Args:
        dim: Width of the embedding, even.
        max_period: Longest period, in timesteps; 10000 suits about a thousand of them.

    Call arguments:
        inputs: Timesteps `(batch,)`, whole numbers or fractions.

    Returns:
        Tensor `(batch, dim)`.

    Raises:
        ValueError: If `dim` is odd.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.TimestepEmbedding(64)(keras.ops.array([0, 10, 999])).shape
        (3, 64)
    """

    def __init__(self, dim: int, max_period: float = 10000.0, **kwargs: Any) -> None:
        super().__init__(**kwargs, autocast=False)
        if dim < 2 or dim % 2:
            raise ValueError(f"dim must be even, for sines and cosines; got {dim}")
        self.dim = dim
        self.max_period = max_period
        self.built = True

    def call(self, inputs: Any) -> Any:
        half = self.dim // 2
        frequencies = (self.max_period ** (-np.arange(half) / half)).astype("float32")
        angles = ops.expand_dims(ops.cast(inputs, "float32"), -1) * frequencies  # (batch, dim / 2)
        features = ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)  # (batch, dim)
        return ops.cast(features, self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape, self.dim)
