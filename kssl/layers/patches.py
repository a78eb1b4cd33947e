"""Images as sequences of patches, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


def _pair(patch_size: int | Sequence[int]) -> tuple[int, int]:
    pair = (patch_size, patch_size) if isinstance(patch_size, int) else tuple(patch_size)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"patch_size must be a number of pixels, or two of them; got {patch_size}")
    return pair


def _grid(shape: Sequence[int | None], patch: tuple[int, int]) -> tuple[int, int]:
    """Return how many patches lie below and beside each other in images `(…, height, width, c)`."""
    height, width = shape[-3:-1]
    if height is None or width is None:
        raise ValueError(f"images must have a known height and width; got the shape {shape}")
    if height % patch[0] or width % patch[1]:
        raise ValueError(
            f"patches of {patch[0]} x {patch[1]} pixels do not tile images of {height} x {width}: "
            "choose a patch_size that divides both, or resize the images"
        )
    return height // patch[0], width // patch[1]


@keras.saving.register_keras_serializable(package="kssl")
class Patches(Layer):
    """Cuts images into patches that do not overlap, row by row.

    Within a patch the values are ordered by row, column and channel, the channel fastest.
    `Unpatchify` is the inverse.

    Args:
        patch_size: Height and width of a patch in pixels, or one number for both.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, patches, patch height · patch width · channels)`.

    Raises:
        ValueError: If patches do not tile the images.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.Patches(4)(keras.ops.ones((2, 32, 32, 3))).shape
        (2, 64, 48)
    """

    def __init__(self, patch_size: int | Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _pair(patch_size)
        self.patch_size = patch_size
        self.built = True

    def call(self, inputs: Any) -> Any:
        patch = _pair(self.patch_size)
        rows, columns = _grid(inputs.shape, patch)
        channels = inputs.shape[-1]
        # (batch, rows, patch height, columns, patch width, channels)
        cut = ops.reshape(inputs, (-1, rows, patch[0], columns, patch[1], channels))
        cut = ops.transpose(cut, (0, 1, 3, 2, 4, 5))
        # (batch, patches, values)
        return ops.reshape(cut, (-1, rows * columns, patch[0] * patch[1] * channels))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        patch = _pair(self.patch_size)
        rows, columns = _grid(input_shape, patch)
        return (input_shape[0], rows * columns, patch[0] * patch[1] * input_shape[-1])


@keras.saving.register_keras_serializable(package="kssl")
class Unpatchify(Layer):
    """Puts the patches of `Patches` together again.

    Args:
        patch_size: Height and width of a patch in pixels, or one number for both.
        image_shape: `(height, width, channels)` of the images.

    Call arguments:
        inputs: Tensor `(batch, patches, patch height · patch width · channels)`.

    Returns:
        Images `(batch, height, width, channels)`.

    Raises:
        ValueError: If patches do not tile the images.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.Unpatchify(4, (32, 32, 3))(keras.ops.ones((2, 64, 48))).shape
        (2, 32, 32, 3)
    """

    def __init__(
        self, patch_size: int | Sequence[int], image_shape: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if len(image_shape) != 3:
            raise ValueError(f"image_shape must be (height, width, channels); got {image_shape}")
        _grid(image_shape, _pair(patch_size))
        self.patch_size = patch_size
        self.image_shape = tuple(image_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        patch = _pair(self.patch_size)
        rows, columns = _grid(self.image_shape, patch)
        # (batch, rows, columns, patch height, patch width, channels)
        cut = ops.reshape(inputs, (-1, rows, columns, *patch, self.image_shape[-1]))
        cut = ops.transpose(cut, (0, 1, 3, 2, 4, 5))
        return ops.reshape(cut, (-1, *self.image_shape))  # (batch, height, width, channels)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.image_shape)


@keras.saving.register_keras_serializable(package="kssl")
class PatchEmbedding(Layer):
    """The patch embedding of a vision transformer: one vector for each patch of an image.

    Dosovitskiy et al., An Image is Worth 16x16 Words, arXiv:2010.11929. A dense layer on each
    patch, which is what a convolution with the patch as kernel and stride computes; positions are
    added by a layer of their own.

    Args:
        dim: Width of the vectors.
        patch_size: Height and width of a patch in pixels, or one number for both.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, patches, dim)`.

    Raises:
        ValueError: If patches do not tile the images, or `dim` is not positive.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.PatchEmbedding(192, patch_size=4)(keras.ops.ones((2, 32, 32, 3))).shape
        (2, 64, 192)
    """

    def __init__(self, dim: int, patch_size: int | Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if dim < 1:
            raise ValueError(f"dim must be at least 1; got {dim}")
        self.dim = dim
        self.patch_size = patch_size
        self.patches = Patches(patch_size, dtype=self.dtype_policy)
        self.project = keras.layers.Dense(dim, dtype=self.dtype_policy)

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.project.build(self.patches.compute_output_shape(input_shape))

    def call(self, inputs: Any) -> Any:
        return self.project(self.patches(inputs))  # (batch, patches, dim)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*self.patches.compute_output_shape(input_shape)[:-1], self.dim)


def normalize_patches(patches: Any, epsilon: float = 1e-6) -> Any:
    """Return patches with mean 0 and variance 1 each: what a masked autoencoder reconstructs.

    He et al., Masked Autoencoders, arXiv:2111.06377, section 4.1. The variance is the unbiased
    one, as in the original code.

    Args:
        patches: Tensor `(batch, patches, values)`.
        epsilon: Added to the variance; a patch of one colour becomes zeros.

    Returns:
        Tensor of the same shape in float32.

    Example:
        >>> import keras, kssl
        >>> kssl.layers.normalize_patches(keras.ops.ones((2, 64, 48))).shape
        (2, 64, 48)
    """
    patches = ops.cast(patches, "float32")
    count = patches.shape[-1]
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / max(count - 1, 1)
    return centred / ops.sqrt(variance + epsilon)


def denormalize_patches(patches: Any, like: Any, epsilon: float = 1e-6) -> Any:
    """Return patches with the mean and the variance of others: undoes `normalize_patches`.

    Args:
        patches: Tensor `(batch, patches, values)`, such as a model's prediction.
        like: The true patches, of the same shape.
        epsilon: As in `normalize_patches`.

    Returns:
        Tensor of the same shape in float32.

    Example:
        >>> import keras, kssl
        >>> patches = keras.random.uniform((2, 64, 48))
        >>> normal = kssl.layers.normalize_patches(patches)
        >>> again = kssl.layers.denormalize_patches(normal, patches)
        >>> bool(keras.ops.max(keras.ops.abs(again - patches)) < 1e-5)
        True
    """
    like = ops.cast(like, "float32")
    count = like.shape[-1]
    mean = ops.mean(like, axis=-1, keepdims=True)
    variance = ops.var(like, axis=-1, keepdims=True) * count / max(count - 1, 1)  # unbiased
    return ops.cast(patches, "float32") * ops.sqrt(variance + epsilon) + mean
