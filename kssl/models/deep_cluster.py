"""DeepCluster v2: an example is classified into the cluster that it had in the last epoch.

Caron et al., Deep Clustering for Unsupervised Learning of Visual Features, arXiv:1807.05520; the
second version is that of SwAV, arXiv:2006.09882, section 4 and the authors' code.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import MemoryBank
from kssl.layers.kmeans import normalized_mutual_information, spherical_kmeans
from kssl.losses.base import require_positive
from kssl.losses.batch import unit
from kssl.modalities import Modality
from kssl.modalities.given import check_labels
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class DeepCluster(JointEmbedding):
    """Views are classified by cosine into clusters of the last epoch's projections.

    The projections of each epoch are remembered; at the first step of the next one spherical
    k-means divides them, once for each head, and its centroids are the weights of that head: they
    are not learned. The first epoch only fills the memory. Logged: `stability`, the normalised
    mutual information of an epoch's clusters with those of the epoch before, and `clusters_used`,
    the fraction of the clusters that have an example. Examples of validation have no row in the
    memory: their classes are the nearest clusters.

    Args:
        examples: Training examples; a recipe gives those of its run.
        steps_per_epoch: After how many steps clusters are made anew; a recipe gives its run's.
        clusters: Of each head, several times the number of classes one would expect; 3 x 3,000 in
            the paper, with a million images.
        encoder: Any layer or model from views to features, of any size of view where the batch has
            `local_views`; None is `ConvNet`, which pools over the image.
        projector: From features to projections; None is `ProjectionHead(128, hidden_dim=512)`.
        temperature: τ of the cosines.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1`, `view_2`, `target`, the number of the example, and perhaps
            `local_views`; with `augment`, of `image` and `target`.

    Returns:
        Dict of `student`, a list of projections `(batch, projection)`, one for each view.

    Raises:
        ValueError: If there are more clusters than examples, `temperature` is not above 0, there
            is no `target`, or it is not the number of an example.

    Example:
        >>> import numpy, kssl
        >>> encoder = kssl.layers.ConvNet([8])
        >>> model = kssl.models.DeepCluster(32, 1, [4], encoder, augment="device")
        >>> model.compile("adam")
        >>> images = numpy.random.rand(32, 16, 16, 3).astype("float32")
        >>> history = model.fit({"image": images, "target": numpy.arange(32)}, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 8)
    """

    target_key = "target"

    def __init__(
        self,
        examples: int,
        steps_per_epoch: int,
        clusters: Sequence[int] = (100, 100, 100),
        encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        temperature: float = 0.1,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projector, augment, modality, **kwargs)
        require_positive("temperature", temperature)
        if not clusters or not 2 <= min(clusters) <= max(clusters) <= examples:
            raise ValueError(
                f"clusters must be numbers from 2 to that of examples, {examples}; got "
                f"{list(clusters)}"
            )
        self.examples = examples
        self.steps_per_epoch = steps_per_epoch
        self.clusters = tuple(clusters)
        self.temperature = temperature
        self.seed_generator = keras.random.SeedGenerator()
        self.stability_mean = keras.metrics.Mean(name="stability")
        self.used_mean = keras.metrics.Mean(name="clusters_used")

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        self.banks = [
            MemoryBank(self.examples, projection[-1], 0.0, seed=place)
            for place, _ in enumerate(self.large_views)
        ]
        for bank in self.banks:
            bank.build((None,))
        fixed = {"trainable": False, "aggregation": "only_first_replica"}
        self.step = self.add_weight((), "zeros", "int32", name="step", **fixed)
        self.stability = self.add_weight((), "zeros", name="stability", **fixed)
        self.used = self.add_weight((), "zeros", name="used", **fixed)
        self.centroids, self.assignments = [], []
        for place, count in enumerate(self.clusters):
            shape = (count, projection[-1])
            self.centroids.append(
                self.add_weight(shape, "zeros", name=f"centroids_{place}", autocast=False, **fixed)
            )
            self.assignments.append(
                self.add_weight((self.examples,), "zeros", "int32", name=f"of_{place}", **fixed)
            )

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        if "target" not in batch:
            raise ValueError(
                "DeepCluster needs the number of each example under 'target', and the batch has "
                f"{', '.join(sorted(batch))}: put the transform number before it"
            )
        check_labels(np.asarray(batch["target"]), type(self).__name__, self.examples)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the cross-entropy of the clusters, averaged over views and heads."""
        numbers = ops.cast(ops.reshape(batch["target"], (-1,)), "int32")
        projections = [unit(each) for each in outputs["student"]]
        step = ops.convert_to_tensor(self.step)
        filled = ops.cast(step >= self.steps_per_epoch, "float32")
        if training:
            self._divide(ops.logical_and(step > 0, step % self.steps_per_epoch == 0))
        losses = [
            self._classified(
                projections, head, self._classes(place, numbers, projections, training)
            )
            for place, head in enumerate(self.centroids)
        ]
        self.used_mean.update_state(self.used)
        self.stability_mean.update_state(self.stability)
        if training:
            for bank, projection in zip(self.banks, projections, strict=False):
                bank.move(numbers, projection)
            self.step.assign(step + 1)
        return self.average(filled * sum(losses) / len(losses), sample_weight)

    def _classes(self, place: int, numbers: Any, projections: list[Any], training: bool) -> Any:
        """Return the clusters `(batch,)` of a head, or in validation, of new examples, the nearest.

        Those are of the view that the head's clusters are made of.
        """
        if training:
            return ops.take(ops.convert_to_tensor(self.assignments[place]), numbers)
        centroids = ops.transpose(ops.convert_to_tensor(self.centroids[place]))
        return ops.argmax(ops.matmul(projections[place % len(self.banks)], centroids), axis=-1)

    def _classified(self, projections: list[Any], centroids: Any, classes: Any) -> Any:
        """Return the cross-entropy `(batch,)` of one head, averaged over views."""
        weights = ops.transpose(ops.convert_to_tensor(centroids))  # (projection, clusters)
        scores = [ops.matmul(each, weights) / self.temperature for each in projections]
        losses = [
            ops.sparse_categorical_crossentropy(classes, each, from_logits=True) for each in scores
        ]
        return sum(losses) / len(losses)

    def _divide(self, now: Any) -> None:
        """Make the clusters of all heads anew from what is remembered, if it is time."""
        told = []
        for place, count in enumerate(self.clusters):
            noise = keras.random.uniform(
                (self.examples,), dtype="float32", seed=self.seed_generator
            )
            rows = self.banks[place % len(self.banks)].rows
            before = [self.centroids[place], self.assignments[place], self.stability, self.used]
            centroids, assignment, *figures = ops.cond(
                now,
                functools.partial(_divided, rows, count, noise, before[1]),
                lambda before=before: tuple(ops.convert_to_tensor(each) for each in before),
            )
            self.centroids[place].assign(centroids)
            self.assignments[place].assign(assignment)
            told.append(figures)
        for weight, figures in zip(
            (self.stability, self.used), zip(*told, strict=True), strict=True
        ):
            weight.assign(sum(figures) / len(figures))


def _divided(rows: Any, count: int, noise: Any, before: Any) -> tuple[Any, ...]:
    """Return centroids, assignment, what it says of the one before, and the fraction in use."""
    centroids, assignment = spherical_kmeans(rows, count, noise)
    shared = normalized_mutual_information(before, assignment, count)
    ones = ops.ones((assignment.shape[0],))
    sizes = ops.segment_sum(ones, assignment, num_segments=count)
    return centroids, assignment, shared, ops.mean(ops.cast(sizes > 0, "float32"))
