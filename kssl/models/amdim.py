"""AMDIM: local features of one view are recognised by global and local features of the other.

Bachman, Hjelm and Buchwalter, Learning Representations by Maximizing Mutual Information Across
Views, arXiv:1906.00910.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.layers import MultiscaleEncoder, ProjectionHead, gather_tokens
from kssl.layers.base import built
from kssl.losses import local_info_nce
from kssl.losses.base import require_positive
from kssl.modalities import Modality
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class AMDIM(JointEmbedding):
    """Three InfoNCE losses between maps of two views, each in both directions, added up.

    The encoder gives a vector, a coarse map (5 x 5 in the paper) and a fine one (7 x 7). The vector
    of one view picks the places of the other's coarse and of its fine map out of those of all other
    images of the batch; and so does one place of its coarse map, drawn at random, with the other's
    coarse map. Each is `kssl.losses.local_info_nce`, and stands in the log under its own name.

    Batch normalisation would tell which places are of one batch, or of one view: there is none in
    the defaults, and a given encoder should have none.

    Args:
        encoder: A layer from images to a vector `(batch, features)` with a method `maps` that
            returns vector, coarse and fine map; None is `MultiscaleEncoder`.
        projector: From the vector to what is compared; None is `ProjectionHead(128,
            hidden_dim=512, normalization=None)`. 1,024 wide in the paper.
        coarse_projector: Likewise, of each place of the coarse map.
        fine_projector: Likewise, of each place of the fine map.
        clip: Scores are clipped softly to so much.
        penalty: Weight of the squared scores, before they are clipped.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`; with `augment`, images or a dict with `image`.

    Returns:
        Dict of `student`, `coarse` and `fine`, each a list of one tensor for each view:
        `(batch, projection)`, and `(batch, places, projection)` of the maps.

    Raises:
        ValueError: If `clip` is not above 0, the projections differ in width, or the encoder has no
            `maps`.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.AMDIM(kssl.layers.MultiscaleEncoder([8], 16), augment="device")
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
        coarse_projector: keras.layers.Layer | None = None,
        fine_projector: keras.layers.Layer | None = None,
        clip: float = 20.0,
        penalty: float = 0.05,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        heads = [
            ProjectionHead(128, hidden_dim=512, normalization=None) if each is None else each
            for each in (projector, coarse_projector, fine_projector)
        ]
        encoder = MultiscaleEncoder() if encoder is None else encoder
        if not callable(getattr(encoder, "maps", None)):
            raise ValueError(
                f"AMDIM reads maps within the encoder, and {encoder.name} has no method maps: give "
                "kssl.layers.MultiscaleEncoder, or a layer with such a method"
            )
        super().__init__(encoder, heads[0], augment, modality, **kwargs)
        require_positive("clip", clip)
        self.coarse_projector, self.fine_projector = heads[1:]
        self.clip = clip
        self.penalty = penalty
        self.seed_generator = keras.random.SeedGenerator()
        names = ("vector_to_coarse", "vector_to_fine", "coarse_to_coarse")
        self.loss_means = [keras.metrics.Mean(name=name) for name in names]

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        images = keras.KerasTensor((None, *self.tensor_of(self.example_shape)))
        _, *maps = self.encoder.maps(images)
        heads = (self.coarse_projector, self.fine_projector)
        widths = [built(head, part.shape)[-1] for head, part in zip(heads, maps, strict=True)]
        if {*widths, projection[-1]} != {projection[-1]}:
            raise ValueError(
                f"the projections of vector, coarse and fine map are {projection[-1]}, {widths[0]} "
                f"and {widths[1]} wide: they are compared, so give the three projectors one width"
            )

    def call(self, inputs: Any, training: bool = False) -> dict[str, list[Any]]:
        views, _ = self._views(inputs)
        vector, coarse, fine = self.encoder.maps(ops.concatenate(views))
        projected = {
            "student": self.projector(vector, training=training),  # (views · batch, projection)
            "coarse": _places(self.coarse_projector(coarse, training=training)),
            "fine": _places(self.fine_projector(fine, training=training)),
        }
        return {name: ops.split(each, len(views)) for name, each in projected.items()}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the sum of the three losses, each the mean of both directions."""
        settings = (self.clip, self.penalty)
        total: Any = 0.0
        directions = []
        for one, other in ((0, 1), (1, 0)):
            vector, place = outputs["student"][one], self._one_place(outputs["coarse"][one])
            coarse, fine = outputs["coarse"][other], outputs["fine"][other]
            pairs = ((vector, coarse), (vector, fine), (place, coarse))
            directions.append([local_info_nce(*pair, *settings) for pair in pairs])
        for metric, first, second in zip(self.loss_means, *directions, strict=True):
            losses = 0.5 * (first + second)  # (batch,)
            metric.update_state(ops.mean(losses))
            total = total + losses
        return self.average(total, sample_weight)

    def _one_place(self, places: Any) -> Any:
        """Return one place `(batch, projection)` of each map `(batch, places, projection)`."""
        drawn = keras.random.randint(
            (ops.shape(places)[0],), 0, places.shape[1], seed=self.seed_generator
        )
        return gather_tokens(places, drawn[:, None])[:, 0]


def _places(projected: Any) -> Any:
    """Return a map as `(batch, places, projection)`."""
    rows, columns, width = projected.shape[1:]
    return ops.reshape(projected, (-1, rows * columns, width))
