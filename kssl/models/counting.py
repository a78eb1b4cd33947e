"""Counting: what a network counts in the quarters of an image adds up to what it counts in all.

Noroozi, Pirsiavash and Favaro, Representation Learning by Learning to Count, arXiv:1708.06734.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import ConvNet, ProjectionHead
from kssl.layers.base import built
from kssl.losses import counting
from kssl.losses.base import require_positive
from kssl.modalities.given import floating
from kssl.models.base import Model


@keras.saving.register_keras_serializable(package="kssl")
class Counting(Model):
    """Counts, not negative, of the small image are the sum of the counts of its four quarters.

    A count that grows with the number of things, whatever their size, is a solution; brightness is
    none, since the small image has a quarter of the pixels of all quarters. So would be counts of
    0, but for the second term of `kssl.losses.counting`: the sum is to differ from the counts of
    another image. That is `contrast` of the batch, else the next example of the batch.

    Look at `norm` and `activation` in the log: the mean norm of the counts of an image, and their
    mean. Both fall to 0 in a collapse, where the loss is `margin`.

    Args:
        encoder: Any layer or model from images to features, flattened if they have axes; it sees
            the small image and the quarters, which are of one size. None is `ConvNet`.
        head: From features to counts, which a ReLU follows; None is `ProjectionHead(128,
            hidden_dim=512, normalization=None)`. 1,000 counts in the paper.
        margin: M of the loss.

    Call arguments:
        inputs: A dict of `image`, `tiles` and perhaps `contrast`, as `kssl.pretext.count` makes
            them.

    Returns:
        Dict of `whole` `(batch, counts)`, `parts` `(batch, 4, counts)` and `other`
        `(batch, counts)`.

    Raises:
        ValueError: If there are no quarters, one example alone, or `margin` is not above 0.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.Counting(kssl.layers.ConvNet([8]))
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> parts = kssl.pretext.count()({"image": images})
        >>> history = model.fit({key: part.numpy() for key, part in parts.items()}, verbose=0)
        >>> model.embed(images[:2]).shape, model.count(images[:2]).shape
        ((2, 8), (2, 128))
    """

    target_key = ""

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        head: keras.layers.Layer | None = None,
        margin: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_positive("margin", margin)
        self.encoder = ConvNet() if encoder is None else encoder
        if head is None:
            head = ProjectionHead(128, hidden_dim=512, normalization=None)
        self.head = head
        self.margin = margin
        self.flatten = keras.layers.Flatten()
        self.activation_mean = keras.metrics.Mean(name="activation")
        self.norm_mean = keras.metrics.Mean(name="norm")

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        shape = (None, *self.tensor_of(self.example_shape))
        built(self.encoder, shape)
        built(self.head, self.flatten(self.encoder(keras.KerasTensor(shape))).shape)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        images, tiles = self.tensor_of(inputs), self._tiles(inputs)
        seen = [images, ops.reshape(tiles, (-1, *tiles.shape[2:]))]  # (batch · 4, height, …)
        if "contrast" in inputs:
            seen.append(floating(inputs["contrast"], self.modality.keys))
        # One batch for all, so that batch normalisation does not tell them apart.
        counts = self._count(ops.concatenate(seen), training)
        batch, parts = ops.shape(images)[0], tiles.shape[1]
        whole, others = counts[:batch], counts[batch * (1 + parts) :]
        return {
            "whole": whole,
            "parts": ops.reshape(counts[batch : batch * (1 + parts)], (-1, parts, whole.shape[-1])),
            "other": others if "contrast" in inputs else ops.roll(whole, 1, axis=0),
        }

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss; the norm and the mean of the counts are logged."""
        whole = ops.cast(outputs["whole"], "float32")
        self.activation_mean.update_state(ops.mean(whole))
        self.norm_mean.update_state(ops.mean(ops.norm(whole, axis=-1)))
        losses = counting(whole, outputs["parts"], outputs["other"], self.margin)
        return self.average(losses, sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the encoder's features of the images, `(batch, features)`."""
        return self.flatten(self.encoder(self.tensor_of(x), training=False))

    def count(self, x: Any) -> Any:
        """Return the counts of the images, `(batch, counts)`, none of them negative."""
        return self._count(self.tensor_of(x), training=False)

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        tiles = self._tiles(batch)
        self.check_values(np.asarray(tiles).reshape(-1, *tiles.shape[2:]))
        whole = np.shape(batch["image"])
        if whole[1:] != tuple(tiles.shape[2:]):
            raise ValueError(
                f"Counting compares images and quarters of one size; 'image' is {whole[1:]}, and a "
                f"quarter of 'tiles' is {tuple(tiles.shape[2:])}: put the transform count before it"
            )
        if whole[0] < 2 and "contrast" not in batch:
            raise ValueError(
                "Counting compares an image with another one, and the batch has 1: take larger "
                "batches, or give the transform count data to draw it from"
            )

    def _count(self, images: Any, training: bool) -> Any:
        features = self.flatten(self.encoder(images, training=training))
        return ops.relu(self.head(features, training=training))

    def _tiles(self, inputs: Any) -> Any:
        """Return the quarters `(batch, 4, height, width, channels)`."""
        if not isinstance(inputs, Mapping) or "tiles" not in inputs:
            there = ", ".join(sorted(inputs)) if isinstance(inputs, Mapping) else "one tensor"
            raise ValueError(
                f"Counting reads image and tiles, and the batch has {there}: put the transform "
                "count before it"
            )
        return floating(inputs["tiles"], self.modality.keys)
