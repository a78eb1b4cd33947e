"""SimSiam: a predictor and a stop-gradient prevent collapse without negatives.

Chen and He, Exploring Simple Siamese Representation Learning, arXiv:2011.10566.
"""

from __future__ import annotations

from typing import Any

import keras

from kssl.layers import PredictionHead, ProjectionHead
from kssl.layers.base import built
from kssl.losses import NegativeCosine
from kssl.modalities import Modality
from kssl.modalities.given import given_loss
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class SimSiam(JointEmbedding):
    """The prediction from one view follows the projection of the other, and the other way round.

    The loss is the mean of both directions. The projection has no gradient: without that, or
    without the predictor, all examples get one and the same projection.

    Args:
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(512, 512, depth=3,
            normalize_output=True)`: the paper's three layers, normalised to the end.
        predictor: From projections to projections; None is `PredictionHead(hidden_dim=128)`: the
            paper's bottleneck of a quarter of the width.
        loss: Any loss of `(target, prediction)`; None is `NegativeCosine`, -1 at best.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student` and `prediction`, lists of projections `(batch, projection)`.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.SimSiam(kssl.layers.ConvNet([8, 16]), augment="device")
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
        predictor: keras.layers.Layer | None = None,
        loss: keras.losses.Loss | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(512, 512, depth=3, normalize_output=True)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        self.predictor = PredictionHead(hidden_dim=128) if predictor is None else predictor
        self.loss = NegativeCosine() if loss is None else given_loss(loss)

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        built(self.predictor, projection)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the mean of both directions."""
        first, second = outputs["student"][:2]
        forth = self.loss(second, outputs["prediction"][0], sample_weight=sample_weight)
        back = self.loss(first, outputs["prediction"][1], sample_weight=sample_weight)
        return 0.5 * (forth + back)
