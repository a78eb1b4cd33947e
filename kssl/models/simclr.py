"""SimCLR: two random views of an image find each other in a batch of others.

Chen et al., A Simple Framework for Contrastive Learning of Visual Representations,
arXiv:2002.05709. Any other loss of two views makes another method of it: InfoNCE, Barlow Twins
(arXiv:2103.03230), VICReg (arXiv:2105.04906).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import ConvNet, ProjectionHead, RandomView
from kssl.losses import NTXent
from kssl.models.base import Model, example_shape, pick


@keras.saving.register_keras_serializable(package="kssl")
class SimCLR(Model):
    """Encoder and projector, trained on a loss of two views of each image.

    The representation is what the encoder says; the projector is left behind. Both views go
    through the network as one batch, and batch normalisation sees them together.

    Args:
        encoder: Any layer or model from images to features, flattened if they have axes; None is
            `ConvNet`.
        projector: Any layer from features to what the loss compares; None is
            `ProjectionHead(128, hidden_dim=512)`.
        loss: Any loss of `(first view, second view)`; None is `NTXent(0.5)`, the temperature that
            works best on small images.
        augment: `"device"`: views are made of `image` within the training step, by `RandomView`,
            which is worth it where the accelerator waits for the processor; or any Keras layer
            that does so. None: the batch has `view_1` and `view_2`, as
            `kssl.pretext.two_views` makes them.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`, images `(batch, height, width, channels)`; with
            `augment`, images or a dict with `image`.

    Returns:
        Dict of `first` and `second`, projections `(batch, projection)`.

    Raises:
        ValueError: There are neither views nor `augment`, or `augment` is another word.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.SimCLR(kssl.layers.ConvNet([8, 16]), augment="device")
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 16)
    """

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        loss: keras.losses.Loss | None = None,
        augment: keras.layers.Layer | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(augment, str) and augment != "device":
            raise ValueError(f'augment must be "device", a layer or None; got {augment!r}')
        self.encoder = ConvNet() if encoder is None else encoder
        self.projector = ProjectionHead(128, hidden_dim=512) if projector is None else projector
        self.loss = NTXent(0.5) if loss is None else loss
        self.augment = augment
        self.views = RandomView() if augment == "device" else augment
        self.flatten = keras.layers.Flatten()

    def build(self, input_shape: Any) -> None:
        of_views = isinstance(input_shape, dict) and "view_1" in input_shape
        key = "view_1" if of_views and self.augment is None else "image"
        self.example_shape = example_shape(input_shape, key)
        images = keras.KerasTensor((None, *self.example_shape))
        if not self.encoder.built:  # it is, where it comes from the configuration of a built model
            self.encoder.build(images.shape)
        features = self.flatten(self.encoder(images))  # (batch, features)
        if not self.projector.built:
            self.projector.build(features.shape)
        self.built = True

    def check_values(self, examples: np.ndarray) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        if self.augment is not None:  # views are made as floats whatever the images are
            super().check_values(examples)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        first, second = self._views(inputs, training)
        both = ops.concatenate([first, second])  # (2 · batch, height, width, channels)
        projected = self.project(both, training)
        first, second = ops.split(projected, 2)  # (batch, projection) each
        return {"first": first, "second": second}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of the two projections."""
        return self.loss(y_pred["first"], y_pred["second"], sample_weight=sample_weight)

    def embed(self, x: Any, training: bool = False) -> Any:
        """Return the encoder's features `(batch, features)`: what stands before the projector."""
        return self.flatten(self.encoder(pick(x), training=training))

    def project(self, x: Any, training: bool = False) -> Any:
        """Return what the loss compares, `(batch, projection)`."""
        return self.projector(self.embed(x, training), training=training)

    def _views(self, inputs: Any, training: bool) -> tuple[Any, Any]:
        if self.views is not None:
            images = pick(inputs)
            return self.views(images, training=training), self.views(images, training=training)
        if not isinstance(inputs, dict) or not {"view_1", "view_2"} <= set(inputs):
            there = ", ".join(sorted(inputs)) if isinstance(inputs, dict) else "one tensor"
            raise ValueError(
                f"SimCLR compares view_1 and view_2, and the batch has {there}: put the transform "
                'two_views before it, or give augment="device"'
            )
        return inputs["view_1"], inputs["view_2"]
