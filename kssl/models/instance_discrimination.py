"""Instance discrimination: which of the training examples is this a view of?

Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination,
arXiv:1805.01978.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import MemoryBank, ProjectionHead
from kssl.losses import nce
from kssl.losses.base import require_positive
from kssl.losses.batch import dot, unit
from kssl.modalities import Modality
from kssl.modalities.given import check_labels
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class InstanceDiscrimination(JointEmbedding):
    """A view is classified among all training examples, by its cosine with a memory of each.

    The class of an example is its number, `target`, as `kssl.pretext.exemplar` writes it; the
    weights of a class are not learned but what the example was embedded to before. Its row of the
    bank moves after the loss. With `noise`, the softmax over all examples is replaced by
    noise-contrastive estimation: the right row against some that are drawn evenly, where the
    normalising constant is that of the first batch, as in the authors' code.

    Args:
        examples: Training examples; a recipe gives those of its run.
        encoder: Any layer or model from images to features; None is `ConvNet`.
        projector: From features to projections; None is `ProjectionHead(128, depth=1,
            normalization=None)`, a dense layer as in the paper.
        temperature: τ; 0.07 in the paper, 0.1 for small images.
        momentum: What a row of the bank keeps of itself, see `kssl.layers.MemoryBank`.
        noise: Rows drawn for each example, 4,096 in the paper; None compares with all.
        augment: See `JointEmbedding`.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `target`; with `augment`, of `image` and `target`.

    Returns:
        Dict of `student`, a list of one tensor of projections `(batch, projection)`.

    Raises:
        ValueError: If `temperature` is not above 0, `noise` is below 1, there is no `target`, or
            it is not the number of an example.

    Example:
        >>> import numpy, kssl
        >>> encoder = kssl.layers.ConvNet([8])
        >>> model = kssl.models.InstanceDiscrimination(32, encoder, augment="device")
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
        encoder: keras.layers.Layer | None = None,
        projector: keras.layers.Layer | None = None,
        temperature: float = 0.1,
        momentum: float = 0.5,
        noise: int | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        projector = projector or ProjectionHead(128, depth=1, normalization=None)
        super().__init__(encoder, projector, augment, modality, **kwargs)
        require_positive("temperature", temperature)
        if noise is not None and noise < 1:
            raise ValueError(f"noise must be at least 1, or None; got {noise}")
        self.examples = examples
        self.temperature = temperature
        self.momentum = momentum
        self.noise = noise
        self.seed_generator = keras.random.SeedGenerator()

    def build_heads(self, projection: tuple[int | None, ...]) -> None:
        self.bank = MemoryBank(self.examples, projection[-1], self.momentum, seed=0)
        self.bank.build((None,))
        options = {"trainable": False, "aggregation": "only_first_replica"}
        self.log_normalizer = self.add_weight((), "zeros", name="log_normalizer", **options)

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        if "target" not in batch:
            raise ValueError(
                "InstanceDiscrimination needs the number of each example under 'target', and the "
                f"batch has {', '.join(sorted(batch))}: put the transform exemplar before it"
            )
        check_labels(np.asarray(batch["target"]), type(self).__name__, self.examples)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the cross-entropy of the example's number; then move its row."""
        numbers = ops.cast(ops.reshape(batch["target"], (-1,)), "int32")
        embeddings = unit(outputs["student"][0])
        if self.noise is None:
            scores = self.bank.similarities(embeddings) / self.temperature  # (batch, examples)
            losses = ops.sparse_categorical_crossentropy(numbers, scores, from_logits=True)
        else:
            losses = self._against_noise(numbers, embeddings, training)
        if training:
            self.bank.move(numbers, embeddings)
        return self.average(losses, sample_weight)

    def _against_noise(self, numbers: Any, embeddings: Any, training: bool) -> Any:
        shape = (ops.shape(embeddings)[0], self.noise)
        drawn = keras.random.randint(shape, 0, self.examples, seed=self.seed_generator)
        right = dot(embeddings, self.bank(numbers)) / self.temperature  # (batch,)
        wrong = dot(embeddings[:, None], self.bank(drawn)) / self.temperature  # (batch, noise)
        # exp(s / τ) over all examples, from those that were drawn
        first = ops.logsumexp(wrong) - ops.log(ops.cast(shape[0] * self.noise, "float32"))
        first = ops.stop_gradient(first) + math.log(self.examples)
        kept = ops.convert_to_tensor(self.log_normalizer)
        constant = ops.where(kept == 0.0, first, kept)
        if training:
            self.log_normalizer.assign(constant)
        evenly = -math.log(self.examples)
        log_noise = (ops.full_like(each, evenly) for each in (right, wrong))
        return nce(right - constant, wrong - constant, *log_noise)
