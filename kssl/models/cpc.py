"""CPC for images: rows of patches are predicted from the rows above them, against other patches.

Van den Oord et al., Representation Learning with Contrastive Predictive Coding, arXiv:1807.03748;
Hénaff et al., Data-Efficient Image Recognition with Contrastive Predictive Coding,
arXiv:1905.09272.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import ConvEncoder, MaskedConv2D
from kssl.layers.base import built
from kssl.losses import info_nce
from kssl.modalities.given import floating
from kssl.models.base import Model


@keras.saving.register_keras_serializable(package="kssl")
class CPCImage(Model):
    """What stands some rows below is picked out among patches of any place and image.

    An encoder reads each patch of a grid whose patches overlap by half. Masked convolutions make
    the context of a patch from the rows above and the patches left of it. A linear map for each
    distance predicts the features of the patch so many rows below, and InfoNCE compares the
    prediction, by dot products, with that patch and with `negatives` others, drawn from the batch.
    Rows that overlap the patch's own are skipped: pixels that both have would give them away.

    A network that knows nothing has the loss `chance_loss`, log(1 + negatives), and in the log the
    `probability` of the right patch is 1 / (1 + negatives).

    Give an encoder without batch normalisation, whose statistics of the batch tell which patches
    belong together.

    Args:
        encoder: Any layer or model from patches `(batch, patch_size, patch_size, channels)` to
            features, flattened if they have axes; None is `ConvEncoder([32, 64, 128])`.
        patch_size: Side of a patch in pixels; None is a quarter of the image's shorter side, as in
            the papers.
        stride: Distance from one patch to the next; None is half of `patch_size`.
        steps: Rows that are predicted, at most: as many as the grid has below are. 5 in the paper.
        context_depth: Masked convolutions of 3 x 3 patches, each added to what it reads; 0
            predicts from the features of a patch alone.
        negatives: Other patches that each prediction is compared with; 16 is enough on STL-10.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image` and perhaps
            `patches`, which `kssl.pretext.patch_grid` makes with the same size and stride and may
            change each by itself; without them the model cuts them.

    Returns:
        Dict of `features` and `context`, both `(batch, rows, columns, features)`, and of
        `predictions`, a list: for each of `distances` the rows from that one on.

    Raises:
        ValueError: If the grid has no row to predict, `patches` are another grid, or a number is
            out of range.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.CPCImage(kssl.layers.ConvEncoder([8]), patch_size=8)
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 32, 32, 3).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape, round(model.chance_loss, 4)
        ((2, 128), 2.8332)
    """

    target_key = ""

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        patch_size: int | None = None,
        stride: int | None = None,
        steps: int = 5,
        context_depth: int = 2,
        negatives: int = 16,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        least = min(patch_size or 1, stride or 1, steps, negatives, context_depth + 1)
        if least < 1 or 0 in (patch_size, stride):
            raise ValueError(
                "patch_size, stride, steps and negatives must be at least 1, context_depth at "
                f"least 0; got {patch_size}, {stride}, {steps}, {negatives} and {context_depth}"
            )
        self.encoder = ConvEncoder([32, 64, 128]) if encoder is None else encoder
        self.patch_size = patch_size
        self.stride = stride
        self.steps = steps
        self.context_depth = context_depth
        self.negatives = negatives
        self.flatten = keras.layers.Flatten()
        self.seed_generator = keras.random.SeedGenerator()
        self.probability_mean = keras.metrics.Mean(name="probability")

    @property
    def chance_loss(self) -> float:
        """The loss of a prediction that knows nothing, in nats."""
        return math.log(1 + self.negatives)

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        *sides, channels = self.tensor_of(self.example_shape)
        self._lay_grid(sides)
        patch = (None, self.size, self.size, channels)
        built(self.encoder, patch)
        width = self.flatten(self.encoder(keras.KerasTensor(patch))).shape[-1]
        self.context = [
            MaskedConv2D(width, 3, activation="relu") for _ in range(self.context_depth)
        ]
        for layer in self.context:
            layer.build((None, *self.grid, width))
        self.predictors = [keras.layers.Dense(width, use_bias=False) for _ in self.distances]
        for layer in self.predictors:
            layer.build((None, width))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        features = self._features(self._patches(inputs), training)
        context = features
        for layer in self.context:
            context = context + layer(context)  # (batch, rows, columns, features)
        predictions = [self.predict_row(context, distance) for distance in self.distances]
        return {"features": features, "context": context, "predictions": predictions}

    def predict_row(self, context: Any, distance: int) -> Any:
        """Return what the rows so far below are predicted to be.

        Args:
            context: `(batch, rows, columns, features)` of `call`.
            distance: One of `distances`.

        Returns:
            `(batch, rows - distance, columns, features)`: for the rows from `distance` on.
        """
        given = context[:, : self.grid[0] - distance]
        return self.predictors[self.distances.index(distance)](given)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return InfoNCE, the mean over distances and over the places of each."""
        features = outputs["features"]
        patches = self.grid[0] * self.grid[1]
        table = ops.reshape(features, (-1, features.shape[-1]))  # (batch · patches, features)
        numbers = ops.reshape(ops.arange(ops.shape(table)[0]), (-1, *self.grid))
        losses = []
        for distance, predicted in zip(self.distances, outputs["predictions"], strict=True):
            width = predicted.shape[-1]
            own = ops.reshape(numbers[:, distance:], (-1,))  # (predictions,)
            found = info_nce(
                ops.reshape(predicted, (-1, width)),  # (predictions, features)
                ops.reshape(features[:, distance:], (-1, width)),
                ops.take(table, self._others(own, ops.shape(features)[0] * patches), axis=0),
                temperature=1.0,
                normalize=False,
            )
            places = patches - distance * self.grid[1]
            losses.append(ops.reshape(found, (-1, places)))
        # Of all predictions of an example: the mean probability, and the loss by distance.
        self.probability_mean.update_state(ops.mean(ops.exp(-ops.concatenate(losses, axis=1))))
        by_distance = ops.stack([ops.mean(each, axis=1) for each in losses], axis=1)
        return self.average(ops.mean(by_distance, axis=1), sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the mean `(batch, features)` of the features of all patches."""
        return ops.mean(self._features(self._cut(self.tensor_of(x)), False), axis=(1, 2))

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        if "patches" in batch:
            patches = np.asarray(batch["patches"])
            self.check_values(patches.reshape(-1, *patches.shape[3:]))

    def _lay_grid(self, sides: list[int]) -> None:
        self.size = self.patch_size or max(1, min(sides) // 4)
        step = self.stride or max(1, self.size // 2)
        if self.size > min(sides):
            raise ValueError(
                f"a patch of {self.size} x {self.size} does not fit into an image of "
                f"{sides[0]} x {sides[1]}: give a smaller patch_size"
            )
        self.grid = tuple((side - self.size) // step + 1 for side in sides)
        # As `kssl.pretext.patch_grid`: what does not fill a patch is left at the borders, evenly.
        starts = [
            (side - self.size - (count - 1) * step) // 2
            for side, count in zip(sides, self.grid, strict=True)
        ]
        self.places = [
            (start + step * np.arange(count)[:, None] + np.arange(self.size)).astype("int32")
            for start, count in zip(starts, self.grid, strict=True)
        ]
        overlapping = math.ceil(self.size / step) - 1
        last = min(self.grid[0] - 1, overlapping + self.steps)
        self.distances = list(range(overlapping + 1, last + 1))
        if not self.distances:
            raise ValueError(
                f"patches of {self.size} pixels, {step} apart, make {self.grid[0]} rows, and the "
                f"next {overlapping} overlap a row: none is left to predict; give smaller patches"
            )

    def _cut(self, images: Any) -> Any:
        """Return patches `(batch, rows, columns, size, size, channels)` of images."""
        (rows, columns), size, channels = self.grid, self.size, images.shape[-1]
        cut = ops.take(images, self.places[0].ravel(), axis=1)  # (batch, rows · size, width, …)
        cut = ops.take(cut, self.places[1].ravel(), axis=2)
        cut = ops.reshape(cut, (-1, rows, size, columns, size, channels))
        return ops.transpose(cut, (0, 1, 3, 2, 4, 5))

    def _patches(self, inputs: Any) -> Any:
        if not isinstance(inputs, Mapping) or "patches" not in inputs:
            return self._cut(self.tensor_of(inputs))
        patches = floating(inputs["patches"], self.modality.keys)
        if tuple(patches.shape[1:4]) != (*self.grid, self.size):
            raise ValueError(
                f"CPCImage has {self.grid[0]} x {self.grid[1]} patches of {self.size} pixels, and "
                f"'patches' are {tuple(patches.shape[1:])}: give both the same size and stride"
            )
        return patches

    def _features(self, patches: Any, training: bool) -> Any:
        """Return `(batch, rows, columns, features)`."""
        flat = ops.reshape(patches, (-1, *patches.shape[3:]))  # (batch · patches, size, …)
        features = self.flatten(self.encoder(flat, training=training))
        return ops.reshape(features, (-1, *self.grid, features.shape[-1]))

    def _others(self, own: Any, count: Any) -> Any:
        """Return numbers `(predictions, negatives)` of patches, never the predicted one."""
        drawn = keras.random.randint(
            (ops.shape(own)[0] * self.negatives,), 1, count, seed=self.seed_generator
        )
        drawn = ops.reshape(drawn, (-1, self.negatives))
        return ops.mod(ops.cast(own, "int32")[:, None] + ops.cast(drawn, "int32"), count)
