"""SimMIM: an encoder sees all patches, hidden ones as a learned token, and predicts their pixels.

Xie et al., SimMIM: A Simple Framework for Masked Image Modeling, arXiv:2111.09886.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.layers import (
    PatchEmbedding,
    Patches,
    SinCosPositions,
    Transformer,
    Unpatchify,
    denormalize_patches,
    normalize_patches,
)
from kssl.layers.base import built
from kssl.losses import Reconstruction, reconstruction
from kssl.models.base import Model, example_shape, pick

KINDS = ("absolute", "squared", "huber")
EPSILON = 1e-6  # added to the variance of a patch


@keras.saving.register_keras_serializable(package="kssl")
class SimMIM(Model):
    """One encoder and one dense layer to pixels; the error counts on the hidden patches.

    Squares of several patches are hidden together, since what is next to a small hole gives it
    away. There is no decoder, so that the encoder itself must draw: features suit fine-tuning
    better than a probe. A step costs as much however many patches are hidden.

    Args:
        patch_size: Height and width of a patch in pixels.
        encoder: Any layer from tokens `(batch, tokens, width)` to tokens of the same width, with
            an attribute `width`; None is `Transformer(192, depth=12, heads=3)`.
        mask_ratio: Fraction of the squares that is hidden, rounded up; 0.6 in the paper.
        mask_size: Side of a hidden square in pixels, a multiple of `patch_size`; None is one
            patch. 32 pixels of images of 192 in the paper.
        normalize_targets: Whether each patch is predicted with mean 0 and variance 1.
        loss: `Reconstruction`, of kind `"absolute"` (the default), `"squared"` or `"huber"`;
            averaged over the values of the hidden patches.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image`.

    Returns:
        Dict of `prediction` `(batch, patches, values)` and `mask` `(batch, patches)`, 1 where a
        patch was hidden.

    Raises:
        ValueError: If patches or squares do not tile the images, `mask_ratio` hides no square or
            all, or `loss` is not one of the above.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.SimMIM(4, kssl.layers.Transformer(32, depth=1, heads=2))
        >>> model.compile("adam")
        >>> images = numpy.random.rand(64, 28, 28, 1).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 32)
    """

    target_key = ""

    def __init__(
        self,
        patch_size: int = 4,
        encoder: keras.layers.Layer | None = None,
        mask_ratio: float = 0.6,
        mask_size: int | None = None,
        normalize_targets: bool = False,
        loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        loss = Reconstruction("absolute") if loss is None else loss
        if not isinstance(loss, Reconstruction) or loss.kind not in KINDS:
            raise ValueError(f"loss must be Reconstruction of {', '.join(KINDS)}; got {loss!r}")
        if mask_size is not None and (mask_size < 1 or mask_size % patch_size):
            raise ValueError(
                f"mask_size must be a multiple of patch_size, {patch_size}; got {mask_size}"
            )
        self.patch_size = patch_size
        self.encoder = Transformer(192, depth=12, heads=3) if encoder is None else encoder
        self.mask_ratio = mask_ratio
        self.mask_size = mask_size
        self.normalize_targets = normalize_targets
        self.loss = loss
        self.patches = Patches(patch_size)
        self.embedding = PatchEmbedding(self.encoder.width, patch_size)
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        shape, sides = (None, *self.example_shape), self.example_shape[:2]
        _, count, values = self.patches.compute_output_shape(shape)
        square = self.mask_size or self.patch_size
        if any(side % square for side in sides):
            raise ValueError(
                f"squares of {square} pixels (mask_size) do not tile images of {sides[0]} x "
                f"{sides[1]}: give a mask_size that divides both"
            )
        self.squares = tuple(side // square for side in sides)
        self.hidden = math.ceil(self.mask_ratio * math.prod(self.squares))
        if not 0 < self.hidden < math.prod(self.squares):
            raise ValueError(
                f"mask_ratio {self.mask_ratio} hides {self.hidden} of {math.prod(self.squares)} "
                "squares: some must be hidden and some seen"
            )
        tokens = (None, count, self.encoder.width)
        self.positions = SinCosPositions(tuple(side // self.patch_size for side in sides))
        self.positions.build(tokens)
        self.unpatchify = Unpatchify(self.patch_size, self.example_shape)
        self.to_patches = keras.layers.Dense(values, dtype="float32")
        self.embedding.build(shape)
        built(self.encoder, tokens)
        self.to_patches.build(tokens)
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.mask_token = self.add_weight(tokens[2:], initializer, name="mask_token")
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        return self._predict(pick(inputs), self.seed_generator, training)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the error of the hidden patches, averaged over their values and the batch."""
        target = self.patches(pick(batch))
        if self.normalize_targets:
            target = normalize_patches(target, EPSILON)
        mask = ops.expand_dims(outputs["mask"], -1)  # (batch, patches, 1)
        kind = self.loss.kind
        errors = reconstruction(target, outputs["prediction"], kind, mask=mask)  # (batch,)
        hidden = ops.mean(ops.sum(mask, axis=(1, 2))) * target.shape[-1]  # values, alike in all
        return self.average(errors / hidden, sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the mean `(batch, width)` of the tokens of the whole image, nothing hidden."""
        tokens = self.encoder(self.positions(self.embedding(pick(x))))  # (batch, patches, width)
        return ops.mean(tokens, axis=1)

    def hide(self, x: Any, seed: int | None = None) -> Any:
        """Return the images with their hidden patches grey; `reconstruct` hides the same ones."""
        patches = self.patches(pick(x))
        mask = self._mask(ops.shape(patches)[0], seed)[..., None]
        return self.unpatchify(ops.where(mask > 0, 0.5, patches))

    def reconstruct(self, x: Any, seed: int | None = None) -> Any:
        """Return the images with their hidden patches filled in, the visible ones as they are.

        With `normalize_targets` the mean and the spread of each hidden patch are its true ones, as
        in `kssl.models.MAE.reconstruct`.

        Args:
            x: As in `call`.
            seed: Of the masks; None draws new ones.
        """
        patches = ops.cast(self.patches(pick(x)), "float32")  # (batch, patches, values)
        found = self._predict(pick(x), seed)
        filled = found["prediction"]
        if self.normalize_targets:
            filled = denormalize_patches(filled, patches, EPSILON)
        return self.unpatchify(ops.where(found["mask"][..., None] > 0, filled, patches))

    def figures(self) -> dict[str, tuple[str, str]]:
        """Return the figure that the report has of it."""
        return {"masked": ("Masked images", "kssl.report.masked_figures:masked")}

    def _predict(self, images: Any, seed: Any, training: bool = False) -> dict[str, Any]:
        tokens = self.embedding(images)  # (batch, patches, width)
        mask = self._mask(ops.shape(images)[0], seed)  # (batch, patches)
        token = ops.cast(self.mask_token, tokens.dtype)
        tokens = self.positions(ops.where(mask[..., None] > 0, token, tokens))
        tokens = self.encoder(tokens, training=training)
        return {"prediction": self.to_patches(tokens), "mask": mask}

    def _mask(self, batch: Any, seed: Any) -> Any:
        """Return `(batch, patches)` in float32, 1 where a patch is hidden."""
        count = math.prod(self.squares)
        noise = keras.random.uniform((batch, count), dtype="float32", seed=seed)
        rank = ops.argsort(ops.argsort(noise, axis=1), axis=1)  # (batch, squares)
        hidden = ops.reshape(ops.cast(rank < self.hidden, "float32"), (-1, *self.squares))
        across = (self.mask_size or self.patch_size) // self.patch_size
        hidden = ops.repeat(ops.repeat(hidden, across, axis=1), across, axis=2)
        return ops.reshape(hidden, (-1, count * across**2))
