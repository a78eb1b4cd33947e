"""Masked autoencoder: a vision transformer that sees a quarter of an image, predicts the rest.

He et al., Masked Autoencoders Are Scalable Vision Learners, arXiv:2111.06377.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers import (
    MaskTokens,
    PatchEmbedding,
    Patches,
    RandomMasking,
    SinCosPositions,
    Transformer,
    Unpatchify,
    denormalize_patches,
    normalize_patches,
)
from kssl.layers.base import built
from kssl.losses import Reconstruction, reconstruction
from kssl.models.base import Model, example_shape, pick

KINDS = ("squared", "absolute", "huber")
EPSILON = 1e-6  # added to the variance of a patch, as in the original code


@keras.saving.register_keras_serializable(package="kssl")
class MAE(Model):
    """Encoder of the visible patches alone, light decoder of all, error on the hidden ones.

    The time of a step falls with `mask_ratio`, since the encoder never sees a hidden patch.
    Positions are fixed sines and cosines; there is no class token: the representation is the mean
    of the tokens.

    Args:
        patch_size: Height and width of a patch in pixels, or one number for both.
        encoder: Any layer from tokens `(batch, tokens, width)` to tokens of the same width, with
            an attribute `width`; None is `Transformer(192, depth=12, heads=3)`.
        decoder: Likewise; works on all patches, so keep it light. None is
            `Transformer(128, depth=4, heads=4)`.
        mask_ratio: Fraction of the patches that is hidden.
        normalize_targets: Whether each patch is predicted with mean 0 and variance 1 (unbiased),
            which makes a better representation, or in its own units.
        loss: `Reconstruction`, of kind `"squared"` (the default), `"absolute"` or `"huber"`;
            averaged over the values of the hidden patches.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image`.

    Returns:
        Dict of `prediction` `(batch, patches, values)` and `mask` `(batch, patches)`, 1 where a
        patch was hidden from the encoder.

    Raises:
        ValueError: If patches do not tile the images, `mask_ratio` hides or leaves no patch, a
            layer has no `width`, or `loss` is not one of the above.

    Example:
        >>> import numpy, kssl
        >>> parts = [kssl.layers.Transformer(32, depth=1, heads=2) for _ in range(2)]
        >>> model = kssl.models.MAE(4, *parts)
        >>> model.compile("adam")
        >>> images = numpy.random.rand(64, 28, 28, 1).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 32)
    """

    target_key = ""

    def __init__(
        self,
        patch_size: int | Sequence[int] = 4,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        mask_ratio: float = 0.75,
        normalize_targets: bool = True,
        loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        loss = Reconstruction("squared") if loss is None else loss
        if not isinstance(loss, Reconstruction) or loss.kind not in KINDS:
            raise ValueError(f"loss must be Reconstruction of {', '.join(KINDS)}; got {loss!r}")
        if mask_ratio == 0:
            raise ValueError("mask_ratio is 0, which hides nothing: there is nothing to predict")
        self.patch_size = patch_size
        self.encoder = Transformer(192, depth=12, heads=3) if encoder is None else encoder
        self.decoder = Transformer(128, depth=4, heads=4) if decoder is None else decoder
        self.mask_ratio = mask_ratio
        self.normalize_targets = normalize_targets
        self.loss = loss
        self.patches = Patches(patch_size)
        self.embedding = PatchEmbedding(_width(self.encoder, "encoder"), patch_size)
        self.masking = RandomMasking(mask_ratio)
        self.to_decoder = keras.layers.Dense(_width(self.decoder, "decoder"))
        self.mask_tokens = MaskTokens()

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        shape = (None, *self.example_shape)
        _, count, values = self.patches.compute_output_shape(shape)
        size = self.patch_size
        height, width = (size, size) if isinstance(size, int) else size
        grid = (self.example_shape[0] // height, self.example_shape[1] // width)
        self.unpatchify = Unpatchify(self.patch_size, self.example_shape)
        self.positions = SinCosPositions(grid)
        self.decoder_positions = SinCosPositions(grid)
        self.to_patches = keras.layers.Dense(values, dtype="float32")
        wide, narrow = self.encoder.width, self.decoder.width
        kept = self.masking.compute_output_shape((None, count, wide))["visible"][1]
        self.embedding.build(shape)
        self.positions.build((None, count, wide))
        self.to_decoder.build((None, kept, wide))
        self.mask_tokens.build((None, kept, narrow), (None, count))
        self.decoder_positions.build((None, count, narrow))
        for layer, tokens in (
            (self.encoder, (None, kept, wide)),
            (self.decoder, (None, count, narrow)),
        ):
            built(layer, tokens)
        self.to_patches.build((None, count, narrow))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        return self._predict(pick(inputs), None, training)

    def _predict(self, images: Any, noise: Any, training: bool = False) -> dict[str, Any]:
        tokens = self.positions(self.embedding(images))  # (batch, patches, width)
        masked = self.masking(tokens, noise=noise)
        visible = self.encoder(masked["visible"], training=training)  # (batch, kept, width)
        # (batch, patches, decoder width)
        tokens = self.mask_tokens(self.to_decoder(visible), masked["restore"])
        tokens = self.decoder(self.decoder_positions(tokens), training=training)
        return {"prediction": self.to_patches(tokens), "mask": masked["mask"]}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the error of the hidden patches, averaged over their values and the batch."""
        target = self.patches(pick(batch))
        if self.normalize_targets:
            target = normalize_patches(target, EPSILON)
        mask = ops.expand_dims(outputs["mask"], -1)  # (batch, patches, 1)
        errors = reconstruction(
            target, outputs["prediction"], self.loss.kind, mask=mask
        )  # (batch,)
        hidden = ops.sum(mask, axis=(1, 2)) * target.shape[-1]  # values, as many in each example
        return self.average(errors / ops.maximum(ops.mean(hidden), 1.0), sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the mean `(batch, width)` of the tokens of the whole image, nothing hidden."""
        tokens = self.encoder(self.positions(self.embedding(pick(x))))  # (batch, patches, width)
        return ops.mean(tokens, axis=1)  # (batch, width)

    def hide(self, x: Any, seed: int | None = None) -> Any:
        """Return the images with their hidden patches grey.

        Args:
            x: As in `call`.
            seed: `reconstruct` hides the same patches for the same seed and batch size.
        """
        patches, noise = self.patches(pick(x)), self._noise(x, seed)
        mask = ops.expand_dims(self.masking(patches, noise=noise)["mask"], -1)
        return self.unpatchify(ops.where(mask > 0, 0.5, patches))

    def reconstruct(self, x: Any, seed: int | None = None) -> Any:
        """Return the images with their hidden patches filled in, the visible ones as they are.

        With `normalize_targets` the model does not say how bright or rich in contrast a patch is:
        it is given the mean and the standard deviation of the true one. So it is a picture of what
        was learnt, and no measure of how well an image can be restored.

        Args:
            x: As in `call`.
            seed: Of the masks; None draws new ones.
        """
        patches = ops.cast(self.patches(pick(x)), "float32")  # (batch, patches, values)
        predicted = self._predict(pick(x), self._noise(x, seed))
        filled = predicted["prediction"]
        if self.normalize_targets:
            filled = denormalize_patches(filled, patches, EPSILON)
        mask = ops.expand_dims(predicted["mask"], -1)
        return self.unpatchify(ops.where(mask > 0, filled, patches))

    def figures(self) -> dict[str, tuple[str, str]]:
        """Return the figure that the report has of it."""
        return {"masked": ("Masked images", "kssl.report.masked_figures:masked")}

    def _noise(self, x: Any, seed: int | None) -> Any:
        if seed is None:
            return None
        places = self.positions.table.shape[0]
        return keras.random.uniform((ops.shape(pick(x))[0], places), dtype="float32", seed=seed)


def _width(layer: keras.layers.Layer, name: str) -> int:
    width = getattr(layer, "width", None)
    if not isinstance(width, int):
        raise ValueError(
            f"the {name} must have an attribute width, the features of its tokens, as "
            f"kssl.layers.Transformer has; got {layer!r}"
        )
    return width
