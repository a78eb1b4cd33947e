"""MoCo: contrastive learning with a momentum encoder and a queue of negatives.

He et al., Momentum Contrast for Unsupervised Visual Representation Learning, arXiv:1911.05722;
Chen et al., Improved Baselines with Momentum Contrastive Learning, arXiv:2003.04297 (v2).
"""

from __future__ import annotations

from typing import Any

import keras

from kssl.layers import FeatureQueue, ProjectionHead
from kssl.losses import info_nce
from kssl.losses.batch import unit
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class MoCo(JointEmbedding):
    """InfoNCE of the student's view against the teacher's other view and a queue of older ones.

    Both directions are averaged. The teacher's projections enter the queue after the loss. Batch
    normalisation in the projector would tell which key is in the query's batch (the paper shuffles
    batches over devices against it), so the default projector has none.

    Args:
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512,
            normalization=None)`.
        queue_size: Projections that are remembered, at least as many as a batch has; 65,536 with
            the paper's million images, 4,096 with tens of thousands.
        temperature: τ of `kssl.losses.info_nce`; 0.2 as in v2.
        momentum: What the teacher keeps of itself in a step; 0.999 in the paper, 0.99 with few
            thousand steps.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student` and `teacher`, lists of projections `(batch, projection)`.

    Raises:
        ValueError: If the queue is smaller than the batch, or `temperature` not above 0.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.MoCo(kssl.layers.ConvNet([8]), queue_size=64, augment="device")
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
        queue_size: int = 4096,
        temperature: float = 0.2,
        momentum: float = 0.99,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(128, hidden_dim=512, normalization=None)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0; got {temperature}")
        self.queue_size = queue_size
        self.temperature = temperature
        self.momentum = momentum
        self.queue = FeatureQueue(queue_size, seed=0)
        self.follow_student(momentum, momentum, None)

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        self.queue.build(projection)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the mean of both directions."""
        queries = outputs["student"][:2]
        keys = [unit(each) for each in reversed(outputs["teacher"])]
        older = self.queue(keras.ops.concatenate(keys), training=training)  # (queue_size, dim)
        losses = [
            info_nce(query, key, older, self.temperature)
            for query, key in zip(queries, keys, strict=True)
        ]
        return self.average(0.5 * (losses[0] + losses[1]), sample_weight)
