"""DINO: self-distillation; a student matches its moving average's output for large views.

Caron et al., Emerging Properties in Self-Supervised Vision Transformers, arXiv:2104.14294.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import ProjectionHead, Prototypes
from kssl.losses import dino, dino_center
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl", name="DINOModel")  # not the loss
class DINO(JointEmbedding):
    """Cross-entropy of the student's distribution over prototypes and the teacher's.

    The teacher, an average of the student, sees the large views; the student sees all, and each is
    compared with the other large views. The teacher's logits are centred (by a moving mean, moved
    after the loss) and sharpened, which together keep it from collapsing. Prototypes are compared
    by cosine, as the paper's weight-normalised last layer does with its gain fixed.

    Args:
        encoder: Any layer or model from views to features, of any size of view where the batch has
            `local_views`; None is `ConvNet`, which pools over the image.
        projector: From features to what is compared with the prototypes; None is
            `ProjectionHead(128, hidden_dim=512, depth=3, activation="gelu")` and
            `Prototypes(prototypes)`. One that is given ends in the scores of prototypes itself.
        prototypes: How many; 65,536 in the paper, 1,024 with tens of thousands of images. None:
            1,024, or as many as the given projector has scores.
        student_temperature: τ of the student.
        teacher_temperature: τ of the teacher, smaller, so that it is sharper.
        momentum: What the teacher keeps of itself in a step; it rises along a half cosine to 1 at
            `total_steps`.
        center_momentum: What the centre keeps of itself in a step.
        total_steps: Steps of the whole training; a recipe gives those of its run.
        augment: See `JointEmbedding`.

    Call arguments:
        inputs: A dict of `view_1`, `view_2` and perhaps `local_views` `(batch, views, height,
            width, channels)`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student` and `teacher`, lists of projections, one for each view: its scores of
        the prototypes `(batch, prototypes)`, cosines before any temperature.

    Raises:
        ValueError: If a temperature is not above 0, or the given projector has not as many scores
            as `prototypes`.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.DINO(kssl.layers.ConvNet([8]), prototypes=16, augment="device")
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
        prototypes: int | None = None,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        momentum: float = 0.99,
        center_momentum: float = 0.9,
        total_steps: int | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        if projector is None:
            prototypes = 1024 if prototypes is None else prototypes
            head = ProjectionHead(128, 512, 3, normalization=None, activation="gelu")
            projector = keras.Sequential([head, Prototypes(prototypes)])
        super().__init__(encoder, projector, augment, modality, **kwargs)
        if min(student_temperature, teacher_temperature) <= 0:
            raise ValueError("student_temperature and teacher_temperature must be above 0")
        self.prototypes = prototypes
        self.student_temperature = student_temperature
        self.teacher_temperature = teacher_temperature
        self.momentum = momentum
        self.center_momentum = center_momentum
        self.total_steps = total_steps
        self.follow_student(momentum, 1.0, total_steps)

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        if self.prototypes not in (None, projection[-1]):
            raise ValueError(
                f"the projector gives {projection[-1]} scores, but prototypes is "
                f"{self.prototypes}: let it end in Prototypes({self.prototypes}), or leave "
                "prototypes out"
            )
        self.center = self.add_weight(
            shape=(projection[-1],), initializer="zeros", trainable=False, name="center"
        )

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the cross-entropy of all pairs of different views; then move the centre."""
        teacher = ops.stack(outputs["teacher"], axis=1)  # (batch, large views, prototypes)
        student = ops.stack(outputs["student"], axis=1)  # (batch, views, prototypes)
        temperatures = (self.teacher_temperature, self.student_temperature)
        losses = dino(teacher, student, self.center, *temperatures)
        if training:
            self.center.assign(dino_center(self.center, teacher, self.center_momentum))
        return self.average(losses, sample_weight)
