"""BYOL: a student predicts the projection of another view by its moving average.

Grill et al., Bootstrap Your Own Latent, arXiv:2006.07733.
"""

from __future__ import annotations

from typing import Any

import keras

from kssl.layers import PredictionHead, ProjectionHead
from kssl.layers.base import built
from kssl.losses import negative_cosine
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class BYOL(JointEmbedding):
    """The student's prediction from one view follows the teacher's projection of the other.

    The loss is `2 - 2 cos`, summed over both directions: 0 at best, 4 for unrelated projections.
    The teacher follows the student at the start of each training step.

    Args:
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512)`.
        predictor: From projections to projections; None is `PredictionHead(hidden_dim=512)`.
        momentum: What the teacher keeps of itself in a step: 0.996 with the paper's many steps,
            0.99 with the few thousand of small runs. It rises along a half cosine to 1 at
            `total_steps`.
        total_steps: Steps of the whole training; a recipe gives those of its run. None keeps
            `momentum` throughout.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student`, `teacher` and `prediction`, lists of projections `(batch, projection)`.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.BYOL(kssl.layers.ConvNet([8, 16]), augment="device")
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
        momentum: float = 0.99,
        total_steps: int | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(128, hidden_dim=512)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        self.predictor = PredictionHead(hidden_dim=512) if predictor is None else predictor
        self.momentum = momentum
        self.total_steps = total_steps
        self.follow_student(momentum, 1.0, total_steps)

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        built(self.predictor, projection)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return `2 - 2 cos`, summed over both directions."""
        pairs = zip(reversed(outputs["teacher"]), outputs["prediction"], strict=True)
        distances = [2.0 + 2.0 * negative_cosine(*pair) for pair in pairs]  # 2 x (batch,)
        return self.average(sum(distances), sample_weight)
