"""Brightness and colour of images, within a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

# Red, green, blue -> luma and two colour differences of SECAM (ITU-R BT.470), within -1 to 1.
_OPPONENT = np.array(
    [[0.299, 0.587, 0.114], [-0.450, -0.883, 1.333], [-1.333, 1.116, 0.217]], "float32"
) / np.array([[1.0], [1.333], [1.333]], "float32")


def brightness_and_color(images: Any) -> tuple[Any, Any]:
    """Return luma and two differences of colour: what `color_views("ydbdr")` makes of images.

    Args:
        images: Tensor `(batch, height, width, 3)`, red, green and blue in [0, 1].

    Returns:
        Two tensors: luma `(batch, height, width, 1)` in [0, 1], and the differences
        `(batch, height, width, 2)` within -1 to 1, 0 for grey.

    Raises:
        ValueError: There are no three channels.

    Example:
        >>> import keras, kssl
        >>> light, color = kssl.layers.brightness_and_color(keras.ops.ones((2, 8, 8, 3)))
        >>> light.shape, color.shape
        ((2, 8, 8, 1), (2, 8, 8, 2))
    """
    if images.shape[-1] != 3:
        raise ValueError(
            f"colours are of images of three channels, red, green and blue; these have "
            f"{images.shape[-1]}"
        )
    mixed = ops.matmul(images, ops.convert_to_tensor(_OPPONENT.T, dtype=images.dtype))
    return mixed[..., :1], mixed[..., 1:]
