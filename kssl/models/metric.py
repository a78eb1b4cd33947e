"""Metric learning: an encoder whose distances follow labels.

Schroff et al., FaceNet, arXiv:1503.03832, with the default loss; any other loss of labels and
embeddings makes another method of it: contrastive, lifted structured, N-pair, soft nearest
neighbours, supervised contrastive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import LatentEncoder
from kssl.losses import Triplet
from kssl.losses.batch import unit
from kssl.modalities.given import check_labels, given_loss
from kssl.models.base import Model, default, example_shape, pick


@keras.saving.register_keras_serializable(package="kssl")
class Metric(Model):
    """Encoder trained with any loss of `(labels, embeddings)`: rows of a class come together.

    It is trained on labels (`needs_labels`): a recipe's data must have them, and the record of
    the run says that they were used. Embedding and prediction never look at them. The losses find
    their pairs in the batch, so a batch needs several examples of a class: 128 of ten classes are
    enough for all of them, N-pair included; with hundreds of classes make batches that hold a few
    examples of each.

    Args:
        encoder: Any layer or model from images to features; None is a dense layer of 400.
        embedding_dim: Width of the embedding, made by a dense layer after the encoder.
        normalize: Whether embeddings are divided by their L2 norm, so that Euclidean and cosine
            distance give one order. Losses of dot products or with a margin for free rows (N-pair,
            lifted structured) want False.
        loss: Any loss of `(labels, embeddings)`; None is `Triplet` with semi-hard mining, with
            the margin 0.2 of FaceNet for normalised rows and 1 for others.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image`. For training
            also the classes `(batch,)`: the targets `y` of `fit`, or `label` of the dict.

    Returns:
        Dict of `embedding` `(batch, embedding_dim)`.

    Raises:
        ValueError: If `embedding_dim` is not positive, the loss is not one of labels, or there are
            no labels in training.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.Metric(embedding_dim=8)
        >>> model.compile("adam")
        >>> images, labels = numpy.ones((64, 28, 28, 1), "float32"), numpy.arange(64) % 4
        >>> history = model.fit({"image": images, "label": labels}, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 8)
    """

    needs_labels = True
    target_key = "label"

    def __init__(
        self,
        encoder: keras.layers.Layer | None = None,
        embedding_dim: int = 128,
        normalize: bool = True,
        loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim must be at least 1; got {embedding_dim}")
        self.encoder = default(encoder, (400,))
        self.embedding_dim = embedding_dim
        self.normalize = normalize
        self.loss = Triplet(margin=0.2 if normalize else 1.0) if loss is None else _of_labels(loss)
        self.to_embedding = LatentEncoder(self.encoder, embedding_dim)

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        self.to_embedding.build((None, *self.example_shape))
        self.built = True

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        super().check_batch(batch)
        if "label" in batch:
            check_labels(batch["label"], type(self).__name__)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        (rows,) = self.to_embedding(pick(inputs), training=training)  # (batch, embedding_dim)
        return {"embedding": unit(rows) if self.normalize else rows}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss of the labels and the embeddings of the batch."""
        labels = batch.get("label") if isinstance(batch, dict) else None
        if labels is None:
            raise ValueError(
                "Metric is trained on labels, and there are none: "
                'fit(images, labels), or fit({"image": images, "label": labels})'
            )
        labels = ops.reshape(labels, (-1,))  # Keras makes (batch, 1) of some
        return self.loss(labels, outputs["embedding"], sample_weight=sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the embeddings `(batch, embedding_dim)`, of norm 1 if `normalize` is set."""
        return self(x)["embedding"]


def _of_labels(loss: Any) -> keras.losses.Loss:
    """Return a loss that takes labels and embeddings; somebody's own is taken for one.

    Raises:
        ValueError: It compares something else.
    """
    loss = given_loss(loss, labels=True)
    known = type(loss).__module__.partition(".")[0] in ("keras", "kssl")
    if known and not getattr(loss, "of_labels", False):
        raise ValueError(
            f"Metric compares embeddings by their labels, and {loss.name} does not: losses that do "
            "are Contrastive, LiftedStructured, NPair, SoftNearestNeighbor, SupervisedContrastive "
            "and Triplet of kssl.losses, such as loss=kssl.losses.Triplet()"
        )
    return loss
