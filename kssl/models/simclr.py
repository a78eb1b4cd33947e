"""SimCLR: contrastive learning of two random views, against the others of the batch.

Chen et al., A Simple Framework for Contrastive Learning of Visual Representations,
arXiv:2002.05709. Any other loss of two views makes another method of it: InfoNCE, Barlow Twins
(arXiv:2103.03230), VICReg (arXiv:2105.04906).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses import NTXent
from kssl.modalities import Modality
from kssl.modalities.given import given_loss
from kssl.models.joint_embedding import JointEmbedding


@keras.saving.register_keras_serializable(package="kssl")
class SimCLR(JointEmbedding):
    """Encoder and projector, trained on a loss of two views of each image.

    The representation is the encoder's output; the projector is left behind. Both views go
    through the network as one batch, and batch normalisation sees them together.

    Args:
        encoder: Any layer or model from images to features, flattened if they have axes; None is
            `ConvNet`.
        projector: Any layer from features to what the loss compares; None is
            `ProjectionHead(128, hidden_dim=512)`.
        loss: Any loss of `(first view, second view)`; None is `NTXent(0.5)`, the temperature that
            works best on small images. Or one of `(labels, embeddings)`, such as `Triplet`: the
            views of an image, `local_views` too, are a class of the batch (Exemplar with triplets,
            arXiv:1901.09005).
        augment: `"device"`: views are made of `image` within the training step, by `RandomView`,
            which is worth it where the accelerator waits for the processor; or any Keras layer
            that does so. None: the batch has `view_1` and `view_2`, as
            `kssl.pretext.two_views` makes them.
        modality: What is read; None is images.

    Call arguments:
        inputs: A dict of `view_1` and `view_2`, images `(batch, height, width, channels)`; with
            `augment`, images or a dict with `image`.

    Returns:
        Dict of `first` and `second`, projections `(batch, projection)`, and of both as `student`.

    Raises:
        ValueError: There are neither views nor `augment`, or `augment` is another word.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.SimCLR(kssl.layers.ConvNet([8, 16]), augment="device")
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
        loss: keras.losses.Loss | None = None,
        augment: keras.layers.Layer | str | None = None,
        modality: Modality | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projector, augment, modality, **kwargs)
        self.loss = NTXent(0.5) if loss is None else given_loss(loss, labels=True)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        outputs = super().call(inputs, training)
        return {**outputs, "first": outputs["student"][0], "second": outputs["student"][1]}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss of the two projections, or of those of all views by their image."""
        projections = outputs["student"]
        if not getattr(self.loss, "of_labels", False):
            return self.loss(*projections[:2], sample_weight=sample_weight)
        image = ops.arange(ops.shape(projections[0])[0], dtype="int32")
        images = ops.tile(image, (len(projections),))  # (views · batch,)
        if sample_weight is not None:
            sample_weight = ops.tile(ops.reshape(sample_weight, (-1,)), (len(projections),))
        return self.loss(images, ops.concatenate(projections), sample_weight=sample_weight)
