"""DeepCluster: examples are classified into clusters of their features, made anew each epoch.

Caron et al., Deep Clustering for Unsupervised Learning of Visual Features, arXiv:1807.05520. The
second version, with fixed centroids in the head's place, is `deep_cluster`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import ProjectionHead, Sobel
from kssl.layers.kmeans import kmeans, nearest, normalized_mutual_information, whitening
from kssl.losses.batch import unit
from kssl.modalities import Modality
from kssl.modalities.given import check_labels
from kssl.models.joint_embedding import Branch, JointEmbedding

HEAD_DEVIATION = 0.01  # of the weights of a new head


@keras.saving.register_keras_serializable(package="kssl")
class DeepClusterV1(JointEmbedding):
    """A head, new in each epoch, learns the clusters that k-means found in the epoch before.

    At the first step of an epoch the features that were remembered in the last one are reduced to
    principal components, whitened, set to length 1 and divided by k-means; a cluster that becomes
    empty starts again inside the largest. The first epoch only fills the memory. An example weighs
    as much as its cluster is small, so that all clusters weigh alike: to sample the clusters
    evenly, in the paper, is the same (section 3.3). Logged: `stability`, the normalised mutual
    information of an epoch's clusters with those of the epoch before, `clusters_used`, the fraction
    of them that have an example, and `accuracy` of the clusters.

    Differs from the paper in that features are those of the views that were trained on, by the
    network of that step, where the paper embeds the centre of each image once more at the end of an
    epoch: so nothing but `fit` is needed. A step of Keras cannot set learned weights: the head of
    an epoch is learned weights and fixed ones, which are drawn so that their sum is the new head;
    what an optimizer remembers of the old head's gradients stays.

    Args:
        examples: Training examples; a recipe gives those of its run.
        steps_per_epoch: After how many steps clusters are made anew; a recipe gives its run's.
        clusters: Several times the number of classes one would expect; 10,000 in the paper, for
            1,000 classes.
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to those that are clustered and, through a ReLU, classified; None
            is `ProjectionHead(256, hidden_dim=512)`.
        components: Principal components that are clustered, 256 in the paper; not more than the
            projector puts out.
        sobel: Whether the encoder sees `kssl.layers.Sobel` of images instead of their colours, as
            in the paper, for photographs.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `target`, the number of the example; with `augment`, of
            `image` and `target`.

    Returns:
        Dict of `student`, a list of one tensor of projections `(batch, projection)`.

    Raises:
        ValueError: If there are more clusters than examples, `components` is below 1, there is no
            `target`, or it is not the number of an example.

    Example:
        >>> import numpy, kssl
        >>> encoder = kssl.layers.ConvNet([8])
        >>> model = kssl.models.DeepClusterV1(32, 1, 4, encoder, augment="device")
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
        components: int = 256,
        sobel: bool = False,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(256, hidden_dim=512)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        if not 2 <= clusters <= examples or components < 1:
            raise ValueError(
                f"clusters must be from 2 to the number of examples, {examples}, and components at "
                f"least 1; got {clusters} and {components}"
            )
        self.examples = examples
        self.steps_per_epoch = steps_per_epoch
        self.clusters = clusters
        self.components = components
        self.sobel = sobel
        if sobel:
            seen = keras.Sequential([Sobel(), self.encoder], name="edges")
            self.student = Branch(seen, self.projector)
        self.seed_generator = keras.random.SeedGenerator()
        self.stability_mean = keras.metrics.Mean(name="stability")
        self.used_mean = keras.metrics.Mean(name="clusters_used")
        self.accuracy_mean = keras.metrics.Mean(name="accuracy")

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        width, count = projection[-1], self.clusters
        head = keras.initializers.RandomNormal(stddev=HEAD_DEVIATION, seed=0)
        self.kernel = self.add_weight((width, count), head, name="kernel", autocast=False)
        self.bias = self.add_weight((count,), "zeros", name="bias", autocast=False)
        shapes = {
            "features": (self.examples, width),
            "fixed_kernel": (width, count),
            "fixed_bias": (count,),
            "mean": (width,),
            "matrix": (width, min(self.components, width)),
            "centroids": (count, min(self.components, width)),
            "assignment": (self.examples,),
            "weights_of_clusters": (count,),
            "stability": (),
            "used": (),
            "step": (),
        }
        options = {"trainable": False, "aggregation": "only_first_replica", "autocast": False}
        self.state = {
            name: self.add_weight(
                shape,
                "zeros",
                "int32" if name in ("assignment", "step") else "float32",
                name=name,
                **options,
            )
            for name, shape in shapes.items()
        }

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        if "target" not in batch:
            raise ValueError(
                "DeepClusterV1 needs the number of each example under 'target', and the batch has "
                f"{', '.join(sorted(batch))}: put the transform exemplar before it"
            )
        check_labels(np.asarray(batch["target"]), type(self).__name__, self.examples)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the cross-entropy of the example's cluster; clusters of equal weight."""
        numbers = ops.cast(ops.reshape(batch["target"], (-1,)), "int32")
        features = ops.cast(outputs["student"][0], "float32")
        step = ops.convert_to_tensor(self.state["step"])
        filled = ops.cast(step >= self.steps_per_epoch, "float32")
        if training:
            self._divide(ops.logical_and(step > 0, step % self.steps_per_epoch == 0))
            classes = ops.take(ops.convert_to_tensor(self.state["assignment"]), numbers)
        else:  # an example of validation has no number here
            classes = nearest(self._whitened(features), self._copy("centroids"))
        scores = ops.matmul(ops.relu(features), self.kernel + self._copy("fixed_kernel"))
        scores = scores + self.bias + self._copy("fixed_bias")  # (batch, clusters)
        losses = ops.sparse_categorical_crossentropy(classes, scores, from_logits=True)
        losses = losses * ops.take(self._copy("weights_of_clusters"), classes)
        self.used_mean.update_state(self.state["used"])
        self.stability_mean.update_state(self.state["stability"])
        right = ops.cast(ops.argmax(scores, axis=-1), "int32") == classes
        self.accuracy_mean.update_state(filled * ops.cast(right, "float32"))
        if training:
            places = ops.expand_dims(numbers, -1)  # (batch, 1)
            seen = ops.scatter_update(self._copy("features"), places, ops.stop_gradient(features))
            self.state["features"].assign(seen)
            self.state["step"].assign(step + 1)
        return self.average(filled * losses, sample_weight)

    def _whitened(self, features: Any) -> Any:
        """Return the principal components `(batch, components)` of features, of length 1."""
        return unit(ops.matmul(features - self._copy("mean"), self._copy("matrix")))

    def _copy(self, name: str) -> Any:
        # A copy: on torch, an assignment changes the tensor that was read before it.
        return ops.stop_gradient(ops.copy(ops.convert_to_tensor(self.state[name])))

    def _divide(self, now: Any) -> None:
        """Make clusters and head anew from what is remembered, if it is time."""
        names = ("mean", "matrix", "centroids", "assignment", "weights_of_clusters")
        names += ("stability", "used", "fixed_kernel", "fixed_bias")
        options = {"dtype": "float32", "seed": self.seed_generator}
        noise = keras.random.uniform((self.examples,), **options)
        head = keras.random.normal(self.kernel.shape, stddev=HEAD_DEVIATION, **options)
        learned = [ops.stop_gradient(ops.copy(each)) for each in (self.kernel, self.bias)]
        made = functools.partial(
            _divided, self._copy("features"), self._copy("assignment"), self.clusters
        )

        def anew() -> tuple[Any, ...]:
            components = self.state["matrix"].shape[1]
            return *made(components, noise), head - learned[0], -learned[1]

        found = ops.cond(now, anew, lambda: tuple(self._copy(name) for name in names))
        for name, value in zip(names, found, strict=True):
            self.state[name].assign(value)


def _divided(
    features: Any, before: Any, count: int, components: int, noise: Any
) -> tuple[Any, ...]:
    """Return mean and matrix of whitening, centroids, assignment, weights, stability, used."""
    mean, matrix = whitening(features, components)
    rows = unit(ops.matmul(features - mean, matrix))
    centroids, assignment = kmeans(rows, count, noise)
    sizes = ops.segment_sum(ops.ones((rows.shape[0],)), assignment, num_segments=count)
    used = ops.sum(ops.cast(sizes > 0, "float32"))
    # Of all examples, the mean weight is 1.
    even = rows.shape[0] / (ops.maximum(sizes, 1.0) * used)
    weights = ops.where(sizes > 0, even, 0.0)
    shared = normalized_mutual_information(before, assignment, count)
    return mean, matrix, centroids, assignment, weights, shared, used / count
