"""MoCo v3: contrastive learning with a momentum encoder and a predictor, without a queue.

Chen et al., An Empirical Study of Training Self-Supervised Vision Transformers, arXiv:2104.02057.
"""

from __future__ import annotations

from typing import Any

import keras

from kssl.layers import PredictionHead
from kssl.layers.base import built
from kssl.losses import info_nce
from kssl.losses.base import require_positive
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class MoCoV3(JointEmbedding):
    """The prediction from one view is matched with the teacher's other view, among the batch.

    The loss of a direction is `2 τ` times InfoNCE, as in the paper, and both are added.

    Args:
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512)`.
        predictor: From projections to projections; None is `PredictionHead(hidden_dim=512)`.
        temperature: τ of `kssl.losses.info_nce`; 0.2 in the paper.
        momentum: What the teacher keeps of itself in a step: 0.99 as in the paper. It rises along
            a half cosine to 1 at `total_steps`.
        total_steps: Steps of the whole training; a recipe gives those of its run. None keeps
            `momentum` throughout.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student`, `teacher` and `prediction`, lists of projections `(batch, projection)`.

    Raises:
        ValueError: If `temperature` is not above 0.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.MoCoV3(kssl.layers.ConvNet([8]), augment="device")
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
        temperature: float = 0.2,
        momentum: float = 0.99,
        total_steps: int | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projector, augment, modality, **kwargs)
        require_positive("temperature", temperature)
        self.predictor = PredictionHead(hidden_dim=512) if predictor is None else predictor
        self.temperature = temperature
        self.momentum = momentum
        self.total_steps = total_steps
        self.follow_student(momentum, 1.0, total_steps)

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        built(self.predictor, projection)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return `2 τ` times InfoNCE of both directions."""
        pairs = zip(outputs["prediction"], reversed(outputs["teacher"]), strict=True)
        losses = [info_nce(*pair, temperature=self.temperature) for pair in pairs]
        return self.average(2.0 * self.temperature * (losses[0] + losses[1]), sample_weight)
