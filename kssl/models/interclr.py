"""InterCLR: an example is drawn to its own memory, and to that of others of its cluster.

Xie et al., Delving into Inter-Image Invariance for Unsupervised Visual Representations,
arXiv:2008.11702.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import MemoryBank, ProjectionHead
from kssl.layers.kmeans import directions, spherical_kmeans
from kssl.losses.base import require_positive
from kssl.losses.batch import LOWEST, dot, unit
from kssl.modalities import Modality
from kssl.modalities.given import check_labels
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class InterCLR(JointEmbedding):
    """Two losses of a memory: the row of the example itself, and that of another of its cluster.

    Instance discrimination by InfoNCE, and beside it an InfoNCE whose positive is the row of
    another example with the same pseudo-label and whose negatives have another one. Those are
    semi-hard: drawn at random from the most similar. The positive's cosine is lowered by `margin`
    before it is compared, so a negative one, the paper's best for this part, asks less of examples
    that may well differ.

    Pseudo-labels are made by spherical k-means of the memory when it is full, after an epoch with
    the first loss alone, and kept up online: each step gives the examples of its batch the nearest
    centroid, and centroids are the mean directions of their clusters; one that is empty starts
    again from a row of the largest. Logged: both losses, `clusters_used`, the fraction of the
    clusters that have an example, and `labels_changed`, of those of a batch.

    An example of validation has no row: its loss is that of the second part alone, with the label
    of the nearest centroid.

    Args:
        examples: Training examples; a recipe gives those of its run.
        steps_per_epoch: After how many steps pseudo-labels are made; a recipe gives its run's.
        clusters: Several times the number of classes one would expect.
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, depth=1,
            normalization=None)`, a dense layer, as for instance discrimination.
        temperature: τ of both losses.
        momentum: What a row of the bank keeps of itself, see `kssl.layers.MemoryBank`.
        negatives: Rows that the second loss compares with. The first compares with all that are
            drawn, `negatives / hardest`, or the whole bank where it has no more.
        hardest: The fraction of the rows drawn, by similarity, that are negatives; 1 takes any.
        inter_weight: Weight of the second loss, the first has the rest; 0.25 in the paper.
        margin: Of the cosine of the second loss; 0 is plain InfoNCE.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `target`, the number of the example; with `augment`, of
            `image` and `target`.

    Returns:
        Dict of `student`, a list of one tensor of projections `(batch, projection)`.

    Raises:
        ValueError: If there are more clusters than examples, `temperature` is not above 0,
            `negatives` is below 1, `hardest` or `inter_weight` is no fraction, there is no
            `target`, or it is not the number of an example.

    Example:
        >>> import numpy, kssl
        >>> encoder = kssl.layers.ConvNet([8])
        >>> model = kssl.models.InterCLR(32, 1, 4, encoder, negatives=2, augment="device")
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> history = model.fit({"image": images, "target": numpy.arange(32)}, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 8)
    """

    target_key = "target"
    large_views = ("view_1",)

    def __init__(
        self,
        examples: int,
        steps_per_epoch: int,
        clusters: int = 100,
        encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        temperature: float = 0.1,
        momentum: float = 0.5,
        negatives: int = 1024,
        hardest: float = 0.1,
        inter_weight: float = 0.25,
        margin: float = -0.5,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(128, depth=1, normalization=None)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        require_positive("temperature", temperature)
        if not 2 <= clusters <= examples:
            raise ValueError(
                f"clusters must be from 2 to the number of examples, {examples}; got {clusters}"
            )
        if negatives < 1 or not 0 < hardest <= 1 or not 0 <= inter_weight <= 1:
            raise ValueError(
                "negatives must be at least 1, hardest above 0 and at most 1, inter_weight from 0 "
                f"to 1; got {negatives}, {hardest} and {inter_weight}"
            )
        self.examples = examples
        self.steps_per_epoch = steps_per_epoch
        self.clusters = clusters
        self.temperature = temperature
        self.momentum = momentum
        self.negatives = negatives
        self.hardest = hardest
        self.inter_weight = inter_weight
        self.margin = margin
        self.seed_generator = keras.random.SeedGenerator()
        names = ("instance_loss", "inter_loss", "clusters_used", "labels_changed")
        self.means = [keras.metrics.Mean(name=name) for name in names]

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        self.bank = MemoryBank(self.examples, projection[-1], self.momentum, seed=0)
        self.bank.build((None,))
        options = {"trainable": False, "aggregation": "only_first_replica"}
        self.step = self.add_weight((), "zeros", "int32", name="step", **options)
        self.labels = self.add_weight((self.examples,), "zeros", "int32", name="labels", **options)

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        if "target" not in batch:
            raise ValueError(
                "InterCLR needs the number of each example under 'target', and the batch has "
                f"{', '.join(sorted(batch))}: put the transform exemplar before it"
            )
        check_labels(np.asarray(batch["target"]), type(self).__name__, self.examples)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return both losses, weighted; then move rows and renew the pseudo-labels."""
        numbers = ops.cast(ops.reshape(batch["target"], (-1,)), "int32")
        numbers = numbers if training else ops.full_like(numbers, -1)  # new examples have no row
        embeddings, step = unit(outputs["student"][0]), ops.convert_to_tensor(self.step)
        filled = ops.cast(step >= self.steps_per_epoch, "float32")
        if training:
            self._label_all(ops.equal(step, self.steps_per_epoch))
        labels = ops.copy(ops.convert_to_tensor(self.labels))  # torch changes it in place
        own = ops.take(labels, ops.maximum(numbers, 0))
        if not training:
            own = self._nearest(embeddings, labels)
        first, second = self._both(numbers, embeddings, own, labels)
        first, second = first * float(training), second * filled
        self.means[1].update_state(second)
        if training:
            self.means[0].update_state(first)
            self._remember(numbers, embeddings, labels, filled)
            self.step.assign(step + 1)
        weighted = (1.0 - self.inter_weight) * first + self.inter_weight * second
        return self.average(weighted, sample_weight)

    def _both(self, numbers: Any, embeddings: Any, own: Any, labels: Any) -> tuple[Any, Any]:
        """Return the loss of instances and that between examples, each `(batch,)`."""
        count = min(self.examples, round(self.negatives / self.hardest))
        drawn = ops.arange(self.examples, dtype="int32")
        if count < self.examples:
            drawn = keras.random.randint((count,), 0, self.examples, seed=self.seed_generator)
        cosines = ops.matmul(embeddings, ops.transpose(self.bank(drawn)))  # (batch, count)
        mine = ops.equal(numbers[:, None], drawn)
        alike = ops.equal(own[:, None], ops.take(labels, drawn))
        instance = dot(embeddings, self.bank(ops.maximum(numbers, 0)))  # (batch,)
        noise = keras.random.uniform(
            (ops.shape(cosines)[0], count), dtype="float32", seed=self.seed_generator
        )
        others = ops.logical_and(alike, ops.logical_not(mine))
        chosen = ops.argmax(ops.where(others, noise, LOWEST), axis=1)  # of those alike, any
        partner = ops.take_along_axis(cosines, chosen[:, None], axis=1)[:, 0]
        alone = ops.logical_not(ops.any(others, axis=1))
        partner = ops.where(alone, instance, partner) - self.margin
        unlike = ops.where(alike, LOWEST, cosines)
        hard = ops.top_k(unlike, min(self.negatives, count))[0]  # (batch, negatives)
        first = self._info_nce(instance, ops.where(mine, LOWEST, cosines))
        return first, self._info_nce(partner, hard)

    def _info_nce(self, positive: Any, negatives: Any) -> Any:
        scores = ops.concatenate([positive[:, None], negatives], axis=1) / self.temperature
        return ops.logsumexp(scores, axis=1) - scores[:, 0]

    def _nearest(self, embeddings: Any, labels: Any, noise: Any = None) -> Any:
        """Return the cluster `(batch,)` with the most similar mean direction."""
        rows = self.bank(ops.arange(self.examples))
        centroids = directions(rows, labels, self.clusters, noise)
        products = ops.matmul(ops.stop_gradient(embeddings), ops.transpose(centroids))
        return ops.cast(ops.argmax(products, axis=1), "int32")

    def _label_all(self, now: Any) -> None:
        """Make the pseudo-labels of all examples, if it is time."""
        noise = self._noise()
        make = functools.partial(spherical_kmeans, clusters=self.clusters, noise=noise)
        self.labels.assign(
            ops.cond(
                now,
                lambda: make(self.bank(ops.arange(self.examples)))[1],
                lambda: ops.copy(ops.convert_to_tensor(self.labels)),
            )
        )

    def _remember(self, numbers: Any, embeddings: Any, labels: Any, filled: Any) -> None:
        """Move the rows of a batch, and give its examples the labels of the nearest clusters."""
        self.bank.move(numbers, embeddings)
        new = self._nearest(self.bank(numbers), labels, self._noise())
        old = ops.take(labels, numbers)
        new = ops.where(filled > 0, new, old)
        labels = ops.scatter_update(labels, numbers[:, None], new)
        sizes = ops.segment_sum(ops.ones_like(labels), labels, num_segments=self.clusters)
        self.labels.assign(labels)
        self.means[2].update_state(ops.mean(ops.cast(sizes > 0, "float32")))
        self.means[3].update_state(ops.cast(ops.not_equal(new, old), "float32"))

    def _noise(self) -> Any:
        return keras.random.uniform((self.examples,), dtype="float32", seed=self.seed_generator)
