"""A classifier of pseudo-labels: which of the known changes was made to an example?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import MLP, ConvNet
from kssl.layers.base import built
from kssl.modalities import Image, Modality, get
from kssl.modalities.given import check_labels, floating
from kssl.models.base import Model
from kssl.models.pseudo_labels import label_key


@keras.saving.register_keras_serializable(package="kssl")
class PretextClassifier(Model):
    """An encoder, shared by all parts of an example, and a head that predicts the pseudo-label.

    The transform decides what is learned: `kssl.pretext.rotate` (arXiv:1803.07728), `jigsaw`
    (arXiv:1603.09246), `relative_position` (arXiv:1505.05192), `frame_order` and others that write
    a class under `target`. Where an example has several parts, such as the tiles of a puzzle or
    the frames of a video, their features stand side by side before the head, in order. Where it
    has several labels, one for each copy of it, as of `rotate(all_four=True)`, each copy is
    classified by itself.

    Args:
        classes: Number of classes of the pseudo-label; a recipe gives that of its transform.
        inputs: Key of what the encoder sees, `(batch, …)`, `(batch, parts, …)` or, with labels
            `(batch, copies)`, `(batch, copies, …)`; a recipe gives that of its transform. None is
            the modality's own.
        encoder: Any layer or model from a part to features; None is `ConvNet`. To embed whole
            examples after training on parts of another size it must pool over the image.
        head: Any layer from the features of all parts to features; a dense layer to the classes
            follows. None is `MLP([256])`.
        modality: What is embedded; None is images.
        parts: How many parts `inputs` has, each of which the encoder sees alone; a recipe gives
            the number of its transform. None: as many as are on an axis that an example lacks, or
            one. Where an example has that axis too, as the frames of a video, its embedding is the
            mean of the features of all its parts.

    Call arguments:
        inputs: A dict with the key `inputs`, and for training `target`, `(batch,)` or
            `(batch, copies)`.

    Returns:
        Dict of `logits` `(batch, classes)` or `(batch, copies, classes)`.

    Raises:
        ValueError: If there are fewer than two classes, or no targets in training.

    Reference:
        Gidaris et al., Unsupervised Representation Learning by Predicting Image Rotations,
        arXiv:1803.07728; Noroozi and Favaro, Solving Jigsaw Puzzles, arXiv:1603.09246.

    Example:
        >>> import numpy, kssl
        >>> model = kssl.models.PretextClassifier(4, encoder=kssl.layers.ConvNet([8]))
        >>> model.compile("adam")
        >>> images = numpy.random.rand(16, 16, 16, 1).astype("float32")
        >>> turns = numpy.arange(16) % 4
        >>> history = model.fit({"image": images, "target": turns}, verbose=0)
        >>> model.embed(images).shape, model.predict_target({"image": images}).shape
        ((16, 8), (16,))
    """

    def __init__(
        self,
        classes: int,
        inputs: str | None = None,
        encoder: keras.layers.Layer | None = None,
        head: keras.layers.Layer | None = None,
        modality: Modality | str | None = None,
        parts: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if classes < 2:
            raise ValueError(f"classes must be at least 2; got {classes}")
        self.classes = classes
        self.inputs = inputs
        self.encoder = ConvNet() if encoder is None else encoder
        self.head = MLP([256]) if head is None else head
        self.modality = Image() if modality is None else get(modality)
        self.parts = parts
        self.flatten = keras.layers.Flatten()
        self.to_logits = keras.layers.Dense(classes, dtype="float32")
        self.cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.accuracy_mean = keras.metrics.Mean(name="accuracy")

    @property
    def key(self) -> str:
        """The key of what the encoder sees."""
        return next(iter(self.modality.keys)) if self.inputs is None else self.inputs

    def build(self, input_shape: Any) -> None:
        several = isinstance(input_shape, Mapping)
        seen = tuple(input_shape[self.key] if several else input_shape)[1:]  # (parts, …) or (…)
        self.inputs_shape, own = seen, next(iter(self.modality.keys))
        labels = tuple(input_shape.get(self.target_key, ()) if several else ())[1:]
        self.copies = seen[0] if labels == seen[:1] != (1,) else None
        if several and (own not in input_shape or (self.copies and own == self.key)):
            self.example_shape = seen[1:] if self.copies else seen
        else:
            self.example_shape = self.modality.example_shape(input_shape)
        example = tuple(self.tensor_of(self.example_shape))
        if self.parts is None and not self.copies and len(seen) > len(example):
            self.parts = seen[0]
        part = (None, *(seen[1:] if self.parts or self.copies else seen))
        self.embeds_parts = len(example) >= len(part)  # an example has the axis of parts too
        built(self.encoder, part)
        features = self.flatten(self.encoder(keras.KerasTensor(part))).shape[-1]
        shape = (None, features * (self.parts or 1))
        self.to_logits.build(built(self.head, shape))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        seen = inputs[self.key] if isinstance(inputs, Mapping) else inputs
        seen = floating(seen, self.modality.keys)
        count = ops.shape(seen)[0] * (self.copies or 1)
        if self.parts or self.copies:
            seen = ops.reshape(seen, (-1, *seen.shape[2:]))  # (batch · parts, …)
        features = self.flatten(self.encoder(seen, training=training))
        features = ops.reshape(features, (count, -1))  # (batch, parts · features)
        logits = self.to_logits(self.head(features, training=training))
        if self.copies:
            logits = ops.reshape(logits, (-1, self.copies, self.classes))
        return {"logits": logits}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the cross-entropy of the pseudo-label; the accuracy is logged."""
        keys = batch if isinstance(batch, Mapping) else {}
        name = label_key(keys, (self.target_key, "pair_target"))
        if name is None:
            raise ValueError(
                "PretextClassifier is trained on a pseudo-label under 'target', and there is none: "
                "put a transform that makes one before it, such as rotate or jigsaw"
            )
        shape = (-1, self.copies) if self.copies else (-1,)
        target = ops.cast(ops.reshape(batch[name], shape), "int32")
        guess = ops.cast(ops.argmax(outputs["logits"], axis=-1), "int32")
        self.accuracy_mean.update_state(ops.cast(guess == target, "float32"))
        return self.cross_entropy(target, outputs["logits"], sample_weight=sample_weight)

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        if self.key not in batch:
            raise KeyError(f"the batch has no {self.key!r}; it has {', '.join(sorted(batch))}")
        self.modality.check_values(np.asarray(batch[self.key]), type(self).__name__)
        name = label_key(batch, (self.target_key, "pair_target"))
        if name is not None:
            target = np.asarray(batch[name]).reshape(-1)  # several of an example that has copies
            check_labels(target, type(self).__name__, self.classes)

    def embed(self, x: Any) -> Any:
        """Return the encoder's features of whole examples, `(batch, features)`."""
        example = self.tensor_of(x)
        if not self.embeds_parts:
            return self.flatten(self.encoder(example, training=False))
        parts = ops.reshape(example, (-1, *example.shape[2:]))
        features = self.flatten(self.encoder(parts, training=False))
        shape = (-1, example.shape[1], features.shape[-1])
        return ops.mean(ops.reshape(features, shape), axis=1)

    def predict_target(self, x: Any) -> Any:
        """Return the most likely class of the pseudo-label, int32, shaped like it."""
        return ops.cast(ops.argmax(self(x)["logits"], axis=-1), "int32")

    def get_build_config(self) -> dict[str, Any]:
        seen = {"inputs_shape": list(self.inputs_shape), "copies": self.copies}
        return {**super().get_build_config(), **(seen if self.built else {})}

    def built_shapes(self, config: dict[str, Any]) -> Any:
        whole = {next(iter(self.modality.keys)): config["example_shape"]}
        shapes = {**whole, self.key: config["inputs_shape"]}
        if config.get("copies"):
            shapes[self.target_key] = [config["copies"]]
        return shapes
