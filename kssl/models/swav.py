"""SwAV: the code that one view gets from prototypes is predicted from another view.

Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments,
arXiv:2006.09882.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import FeatureQueue, Prototypes
from kssl.losses import swapped_prediction
from kssl.losses.base import require_positive
from kssl.losses.batch import unit
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class SwAV(JointEmbedding):
    """Online clustering: large views are assigned to prototypes in equal parts, all views predict.

    A batch of fewer examples than prototypes cannot use all of them: a queue of the features of
    earlier batches shares the prototypes with it, once it is full. That of the paper holds 3,840
    features with 3,000 prototypes.

    Args:
        encoder: Any layer or model from views to features, of any size of view where the batch has
            `local_views`; None is `ConvNet`, which pools over the image.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512)`.
        prototypes: How many; 3,000 in the paper, 512 with tens of thousands of images: several
            times the number of classes that one would expect.
        temperature: τ of the prediction.
        epsilon: Entropy of the assignment, see `kssl.losses.sinkhorn`.
        queue_size: Features of earlier batches that are kept of each large view; 0 is none.
        queue_start: Steps before they are used, so that they are of features that stand still a
            little; 15 of 400 epochs in the paper.
        frozen_steps: Steps at the start in which prototypes get no gradient; 313 in the paper.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1`, `view_2` and perhaps `local_views` `(batch, views, height,
            width, channels)`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student`, a list of projections `(batch, projection)`, one for each view.

    Raises:
        ValueError: If a temperature is not above 0 or a count is negative.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.SwAV(kssl.layers.ConvNet([8]), prototypes=16, augment="device")
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
        prototypes: int = 512,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        queue_size: int = 0,
        queue_start: int = 0,
        frozen_steps: int = 0,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projector, augment, modality, **kwargs)
        require_positive("temperature", temperature)
        require_positive("epsilon", epsilon)
        counts = (queue_size, queue_start, frozen_steps)
        if min(counts) < 0:
            raise ValueError(
                f"queue_size, queue_start and frozen_steps must not be negative; got {counts}"
            )
        self.prototypes = prototypes
        self.temperature = temperature
        self.epsilon = epsilon
        self.queue_size = queue_size
        self.queue_start = queue_start
        self.frozen_steps = frozen_steps
        self.scores = Prototypes(prototypes)
        sizes = [queue_size] * len(self.large_views) if queue_size else []
        self.queues = [FeatureQueue(size, seed=place) for place, size in enumerate(sizes)]

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        self.scores.build(projection)
        for queue in self.queues:
            queue.build(projection)
        options = {"trainable": False, "aggregation": "only_first_replica"}
        self.step = self.add_weight((), "zeros", "int32", name="step", **options)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the swapped prediction of all views from the codes of the large ones."""
        step, frozen = ops.convert_to_tensor(self.step), False
        if training and self.frozen_steps:
            frozen = step < self.frozen_steps
        projections = ops.stack(outputs["student"], axis=1)  # (batch, views, projection)
        scores = self.scores(projections, frozen=frozen)  # (batch, views, prototypes)
        large = len(self.large_views)
        high, low = scores[:, :large], scores[:, large:]
        given = (high, low if low.shape[1] else None, self.temperature, self.epsilon)
        losses = swapped_prediction(*given)
        if self.queues:
            stored = [
                queue(unit(ops.stop_gradient(each)), training=training)
                for queue, each in zip(self.queues, outputs["student"], strict=False)
            ]
            older = ops.stop_gradient(self.scores(ops.stack(stored, axis=1)))
            full = step * ops.shape(high)[0] >= self.queue_size
            full = ops.logical_and(full, step >= self.queue_start)
            losses = ops.where(full, swapped_prediction(*given, older=older), losses)
        if training:
            self.step.assign(step + 1)
        return self.average(losses, sample_weight)
