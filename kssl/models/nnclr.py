"""NNCLR: contrastive learning whose positives are nearest neighbours of the other view.

Dwibedi et al., With a Little Help from My Friends, arXiv:2104.14548.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import FeatureQueue, PredictionHead
from kssl.layers.base import built
from kssl.losses import info_nce
from kssl.losses.base import require_positive
from kssl.losses.batch import unit
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class NNCLR(JointEmbedding):
    """The neighbour of one view, among earlier examples, is matched with the other's prediction.

    The neighbour is looked up in a queue of projections of earlier batches, by cosine, without a
    gradient; the other predictions of the batch are negatives. Both directions are averaged. The
    projections of the first view enter the queue after the loss.

    Args:
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512)`.
        predictor: From projections to projections; None is `PredictionHead(hidden_dim=512)`.
        queue_size: Projections that are remembered, at least as many as a batch has; 98,304 with
            the paper's million images, 4,096 with tens of thousands.
        temperature: τ of `kssl.losses.info_nce`; 0.1 in the paper.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student` and `prediction`, lists of projections `(batch, projection)`.

    Raises:
        ValueError: If the queue is smaller than the batch, or `temperature` not above 0.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.NNCLR(kssl.layers.ConvNet([8]), queue_size=64, augment="device")
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 8)
    """

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        predictor: keras.layers.Layer | None = None,
        queue_size: int = 4096,
        temperature: float = 0.1,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projector, augment, modality, **kwargs)
        require_positive("temperature", temperature)
        self.predictor = PredictionHead(hidden_dim=512) if predictor is None else predictor
        self.queue_size = queue_size
        self.temperature = temperature
        self.queue = FeatureQueue(queue_size, seed=0)

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        built(self.predictor, projection)
        self.queue.build(projection)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the mean of both directions; then the queue takes the first view."""
        projections = [unit(each) for each in outputs["student"][:2]]
        neighbours = [self.queue.nearest(each) for each in projections]  # 2 x (batch, projection)
        losses = [
            info_nce(neighbour, prediction, temperature=self.temperature)
            for neighbour, prediction in zip(
                neighbours, reversed(outputs["prediction"]), strict=True
            )
        ]
        self.queue(ops.stop_gradient(projections[0]), training=training)
        return self.average(0.5 * (losses[0] + losses[1]), sample_weight)
