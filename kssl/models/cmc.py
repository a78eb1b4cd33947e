"""CMC: the brightness of an image and its colour are views of each other.

Tian et al., Contrastive Multiview Coding, arXiv:1906.05849.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import ConvNet, ProjectionHead, brightness_and_color
from kssl.losses import info_nce
from kssl.losses.base import require_positive
from kssl.models.capabilities import HasEncoder
from kssl.models.joint_embedding import Branch, JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class CMC(JointEmbedding):
    """Two encoders, one of luma and one of colour, whose projections of an image are matched.

    Colours are luma and two differences (YDbDr), which the paper found a little better than Lab.
    Each direction is InfoNCE among the batch; the paper compares with a memory bank of all images
    by noise-contrastive estimation. The embedding is that of both encoders side by side.

    Change of colours before would destroy the task: of `augment`, give a layer that crops and
    flips. A grey image has the colour 0, and says nothing.

    Args:
        encoder: Any layer or model from luma `(batch, height, width, 1)` to features; None is
            `ConvNet`. Half as wide as usual: there are two.
        color_encoder: Likewise, from `(batch, height, width, 2)`; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512)`.
        color_projector: Likewise, of the other encoder.
        temperature: τ of `kssl.losses.info_nce`; 0.07 in the paper with its bank, 0.2 with a
            batch.
        augment: Any layer that makes a view of images within the step; `"device"`:
            `kssl.layers.RandomView`, whose changes of colour are the same for both; None: the
            images as they are.

    Call arguments:
        inputs: Images `(batch, height, width, 3)` in [0, 1], or a dict with `image`.

    Returns:
        Dict of `student`, projections `(batch, projection)` of luma and of colour.

    Raises:
        ValueError: If `temperature` is not above 0, or the images have no three channels.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.CMC(kssl.layers.ConvNet([8]), kssl.layers.ConvNet([8]))
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 16)
    """

    large_views = ("image",)

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        color_encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        color_projector: keras.layers.Layer | None = None,
        temperature: float = 0.2,
        augment: keras.layers.Layer | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projector, augment, **kwargs)
        require_positive("temperature", temperature)
        self.color_encoder = ConvNet() if color_encoder is None else color_encoder
        if color_projector is None:
            color_projector = ProjectionHead(128, hidden_dim=512)
        self.color_projector = color_projector
        self.temperature = temperature
        self.color = Branch(self.color_encoder, self.color_projector)

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        *sides, channels = self.tensor_of(self.example_shape)
        if channels != 3:
            raise ValueError(
                f"CMC needs images of three channels, red, green and blue; these have {channels}"
            )
        self.student.build((None, *sides, 1))
        self.color.build((None, *sides, 2))
        if self.views is not None and not self.views.built:
            self.views.build((None, *sides, channels))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, list[Any]]:
        images = self.tensor_of(inputs) if self.views is None else self.make_views(inputs)[0]
        return {
            "student": [branch(part, training=training) for branch, part in self._parts(images)]
        }

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the mean of both directions."""
        losses = info_nce(*outputs["student"], temperature=self.temperature, symmetric=True)
        return self.average(losses, sample_weight)

    def embed(self, x: Any, training: bool = False) -> Any:
        """Return the features of both encoders side by side, `(batch, features)`."""
        parts = self._parts(self.tensor_of(x))
        return ops.concatenate([branch.encode(part, training) for branch, part in parts], axis=-1)

    def project(self, x: Any, training: bool = False) -> Any:
        """Return the projections of both encoders side by side."""
        parts = self._parts(self.tensor_of(x))
        return ops.concatenate([branch(part, training=training) for branch, part in parts], axis=-1)

    def supports(self, capability: type) -> bool:
        """Return whether this instance has a capability: it embeds by two encoders, not one."""
        return capability is not HasEncoder and super().supports(capability)

    def _parts(self, images: Any) -> list[tuple[Branch, Any]]:
        """Return each branch with what it reads of images `(batch, height, width, 3)`."""
        light, color = brightness_and_color(images)
        return [(self.student, light), (self.color, color)]
