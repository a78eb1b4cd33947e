"""LeJEPA: views alike, and embeddings distributed as a standard normal; no teacher, no negatives.

Balestriero and LeCun, LeJEPA: Provable and Scalable Self-Supervised Learning Without the
Heuristics, arXiv:2511.08544.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import ProjectionHead
from kssl.losses import random_directions, sigreg
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class LeJEPA(JointEmbedding):
    """The squared distance of each view from the mean of all, and `kssl.losses.sigreg` of each.

    `λ · SIGReg + (1 - λ) · mean (z - z̄)²` over views, examples and dimensions, as in the authors'
    code. Directions are new in each step; their seed is a part of the state. Both parts are logged:
    by the paper the loss ranks settings as a probe would, without labels.

    Args:
        encoder: Any layer or model from views to features, of any size of view where the batch has
            `local_views`; None is `ConvNet`, which pools over the image.
        projector: From features to projections; None is `ProjectionHead(16, hidden_dim=512,
            depth=3)`.
        sigreg_weight: λ; 0.02 in the authors' shortest recipe.
        directions: How many the embeddings are projected on.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1`, `view_2` and perhaps `local_views` `(batch, views, height,
            width, channels)`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student`, a list of projections `(batch, projection)`, one for each view.

    Raises:
        ValueError: If `sigreg_weight` is not in 0 to 1.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.LeJEPA(kssl.layers.ConvNet([8]), augment="device")
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
        sigreg_weight: float = 0.02,
        directions: int = 256,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(16, hidden_dim=512, depth=3)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        if not 0 <= sigreg_weight <= 1:
            raise ValueError(f"sigreg_weight must be in 0 to 1; got {sigreg_weight}")
        self.sigreg_weight = sigreg_weight
        self.directions = directions
        self.seed_generator = keras.random.SeedGenerator()
        self.sigreg_mean = keras.metrics.Mean(name="sigreg")
        self.invariance_mean = keras.metrics.Mean(name="invariance")

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the weighted sum of the two parts."""
        views = ops.cast(ops.stack(outputs["student"]), "float32")  # (views, batch, projection)
        directions = random_directions(views.shape[-1], self.directions, self.seed_generator)
        statistic = sigreg(views, directions)
        apart = ops.square(views - ops.mean(views, axis=0))
        invariance = self.average(ops.mean(apart, axis=(0, 2)), sample_weight)
        self.sigreg_mean.update_state(statistic)
        self.invariance_mean.update_state(invariance)
        return self.sigreg_weight * statistic + (1.0 - self.sigreg_weight) * invariance
