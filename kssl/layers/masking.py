"""Random masking of tokens for an encoder, and restoring their order for a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers.base import Layer


def gather_tokens(tokens: Any, indices: Any) -> Any:
    """Return the tokens at these places of each example.

    Args:
        tokens: Tensor `(batch, tokens, dim)`.
        indices: Whole numbers `(batch, places)`.

    Returns:
        Tensor `(batch, places, dim)`.

    Example:
        >>> import keras, kssl
        >>> tokens = keras.ops.reshape(keras.ops.arange(6.0), (1, 3, 2))
        >>> kssl.layers.gather_tokens(tokens, keras.ops.array([[2, 0]])).shape
        (1, 2, 2)
    """
    batch, dim = ops.shape(tokens)[0], tokens.shape[-1]
    # One look-up in one long table is much faster than a look-up along an axis, backwards too.
    first = ops.expand_dims(ops.arange(batch, dtype="int32") * tokens.shape[1], 1)
    flat = ops.reshape(tokens, (-1, dim))  # (batch · tokens, dim)
    return ops.take(flat, ops.cast(indices, "int32") + first, axis=0)  # (batch, places, dim)


@keras.saving.register_keras_serializable(package="kssl")
class RandomMasking(Layer):
    """Keeps a random few tokens of each example, and remembers where they stood.

    He et al., Masked Autoencoders, arXiv:2111.06377. The tokens with the smallest noise stay, in
    the order of their noise: `int(tokens · (1 - mask_ratio))` of them, rounded as the original
    code does. Masks are drawn at inference too; a model that encodes everything leaves the
    layer out.

    Args:
        mask_ratio: Fraction of the tokens that is hidden.
        seed: Seed of the masks; None draws one.

    Call arguments:
        inputs: Tensor `(batch, tokens, dim)`.
        noise: Tensor `(batch, tokens)` that decides which tokens stay; None draws it.

    Returns:
        A dict: `"visible"` `(batch, kept, dim)`; `"keep"` `(batch, kept)`, where these tokens
        stood; `"mask"` `(batch, tokens)` in float32, 1 for hidden; `"restore"` `(batch, tokens)`,
        for each place its rank in the noise, from which `MaskTokens` restores the order.

    Raises:
        ValueError: If `mask_ratio` is not in 0 to 1, or leaves no token.

    Example:
        >>> import keras, kssl
        >>> masked = kssl.layers.RandomMasking(0.75)(keras.ops.ones((2, 64, 192)))
        >>> masked["visible"].shape
        (2, 16, 192)
    """

    def __init__(self, mask_ratio: float = 0.75, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs, autocast=False)
        if not 0 <= mask_ratio < 1:
            raise ValueError(f"mask_ratio must be in [0, 1); got {mask_ratio}")
        self.mask_ratio = mask_ratio
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, noise: Any = None) -> dict[str, Any]:
        tokens = inputs.shape[1]
        kept = self._kept(tokens)
        if noise is None:
            shape = (ops.shape(inputs)[0], tokens)
            # In half precision many would be equal.
            noise = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        order = ops.argsort(noise, axis=1)  # (batch, tokens)
        restore = ops.cast(ops.argsort(order, axis=1), "int32")  # (batch, tokens)
        keep = ops.cast(order[:, :kept], "int32")  # (batch, kept)
        visible = gather_tokens(ops.cast(inputs, self.compute_dtype), keep)  # (batch, kept, dim)
        mask = ops.cast(restore >= kept, "float32")
        return {"visible": visible, "keep": keep, "mask": mask, "restore": restore}

    def compute_output_shape(
        self, inputs_shape: Sequence[int | None], noise_shape: Any = None
    ) -> dict[str, tuple[int | None, ...]]:
        batch, tokens, dim = inputs_shape
        kept = self._kept(tokens)
        places = (batch, tokens)
        return {
            "visible": (batch, kept, dim),
            "keep": (batch, kept),
            "mask": places,
            "restore": places,
        }

    def compute_output_spec(self, inputs: Any, noise: Any = None) -> dict[str, Any]:
        shapes = self.compute_output_shape(inputs.shape)
        dtypes = {"visible": self.compute_dtype, "mask": "float32"}
        return {
            name: keras.KerasTensor(shape, dtype=dtypes.get(name, "int32"))
            for name, shape in shapes.items()
        }

    def _kept(self, tokens: int | None) -> int:
        if tokens is None:
            raise ValueError("RandomMasking needs a known number of tokens; got None")
        kept = int(tokens * (1 - self.mask_ratio))
        if kept < 1:
            raise ValueError(
                f"mask_ratio={self.mask_ratio} leaves none of {tokens} tokens: lower it, or use "
                "smaller patches"
            )
        return kept


@keras.saving.register_keras_serializable(package="kssl")
class MaskTokens(Layer):
    """Puts the visible tokens back in their places, and one learned token in all others.

    He et al., Masked Autoencoders, arXiv:2111.06377: the decoder's input.

    Args:
        **kwargs: As in every Keras layer.

    Call arguments:
        inputs: Visible tokens `(batch, kept, dim)`.
        restore: `"restore"` of `RandomMasking`, `(batch, tokens)`.

    Returns:
        Tensor `(batch, tokens, dim)`.

    Example:
        >>> import keras, kssl
        >>> masked = kssl.layers.RandomMasking(0.75)(keras.ops.ones((2, 64, 192)))
        >>> kssl.layers.MaskTokens()(masked["visible"], masked["restore"]).shape
        (2, 64, 192)
    """

    def build(self, inputs_shape: Sequence[int | None], restore_shape: Any = None) -> None:
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight(
            shape=(1, 1, inputs_shape[-1]), initializer=initializer, name="token"
        )

    def call(self, inputs: Any, restore: Any) -> Any:
        batch, kept, dim = ops.shape(inputs)[0], inputs.shape[1], inputs.shape[2]
        missing = restore.shape[1] - kept
        token = ops.cast(self.token, inputs.dtype)
        hidden = ops.broadcast_to(token, (batch, missing, dim))
        shuffled = ops.concatenate([inputs, hidden], axis=1)  # (batch, tokens, dim)
        return gather_tokens(shuffled, restore)  # (batch, tokens, dim)

    def compute_output_shape(
        self, inputs_shape: Sequence[int | None], restore_shape: Sequence[int | None]
    ) -> tuple[int | None, ...]:
        return (inputs_shape[0], restore_shape[1], inputs_shape[-1])
