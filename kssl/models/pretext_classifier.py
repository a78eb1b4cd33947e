"""A classifier of pseudo-labels: which of the known changes was made to an example?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers import MLP, ConvNet
from kssl.modalities import Image, Modality, get
from kssl.models.base import Model, batch_shape

# What the transforms of kssl 0.1 wrote instead of `target`.
_OLD_TARGETS = ("rotation", "permutation", "position", "exemplar", "valid", "forwards")
_OLD_TARGETS += ("is_next", "in_order")


@keras.saving.register_keras_serializable(package="kssl")
class PretextClassifier(Model):
    """An encoder, shared by all parts of an example, and a head that predicts the pseudo-label.

    The transform decides what is learned: `kssl.pretext.rotate` (arXiv:1803.07728), `jigsaw`
    (arXiv:1603.09246), `relative_position` (arXiv:1505.05192), `frame_order` and others that write
    a class under `target`. Where an example has several parts, such as the tiles of a puzzle, their
    features stand side by side before the head, in order.

    Args:
        classes: Number of classes of the pseudo-label; a recipe gives that of its transform.
        inputs: Key of what the encoder sees, `(batch, …)` or `(batch, parts, …)`; a recipe gives
            that of its transform. None is the modality's own.
        encoder: Any layer or model from a part to features; None is `ConvNet`. To embed whole
            examples after training on parts of another size it must pool over the image.
        head: Any layer from the features of all parts to features; a dense layer to the classes
            follows. None is `MLP([256])`.
        modality: What is embedded; None is images.

    Call arguments:
        inputs: A dict with the key `inputs`, and for training `target` `(batch,)`.

    Returns:
        Dict of `logits` `(batch, classes)`.

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
        whole = not several or next(iter(self.modality.keys)) in input_shape
        self.example_shape = self.modality.example_shape(input_shape) if whole else seen
        self.inputs_shape = seen
        self.parts = seen[0] if len(seen) > len(self.tensor_of(self.example_shape)) else None
        part = (None, *(seen if self.parts is None else seen[1:]))
        if not self.encoder.built:
            self.encoder.build(part)
        features = self.flatten(self.encoder(keras.KerasTensor(part))).shape[-1]
        shape = (None, features * (self.parts or 1))
        if not self.head.built:
            self.head.build(shape)
        self.to_logits.build(self.head.compute_output_shape(shape))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        seen = inputs[self.key] if isinstance(inputs, Mapping) else inputs
        count = ops.shape(seen)[0]
        if self.parts is not None:
            seen = ops.reshape(seen, (-1, *seen.shape[2:]))  # (batch · parts, …)
        features = self.flatten(self.encoder(seen, training=training))
        features = ops.reshape(features, (count, -1))  # (batch, parts · features)
        return {"logits": self.to_logits(self.head(features, training=training))}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the cross-entropy of the pseudo-label; the accuracy is logged."""
        keys = batch if isinstance(batch, Mapping) else {}
        name = label_key(keys, (self.target_key, "pair_target"))
        if name is None:
            raise ValueError(
                "PretextClassifier is trained on a pseudo-label under 'target', and there is none: "
                "put a transform that makes one before it, such as rotate or jigsaw"
            )
        target = ops.cast(ops.reshape(batch[name], (-1,)), "int32")
        guess = ops.cast(ops.argmax(outputs["logits"], axis=-1), "int32")
        self.accuracy_mean.update_state(ops.cast(guess == target, "float32"))
        return self.cross_entropy(target, outputs["logits"], sample_weight=sample_weight)

    def check_batch(self, batch: Mapping[str, np.ndarray]) -> None:
        """Raise a ValueError if the model cannot be trained on such values."""
        if self.key not in batch:
            raise KeyError(f"the batch has no {self.key!r}; it has {', '.join(sorted(batch))}")
        self.modality.check_values(np.asarray(batch[self.key]), type(self).__name__)

    def embed(self, x: Any) -> Any:
        """Return the encoder's features of whole examples, `(batch, features)`."""
        return self.flatten(self.encoder(self.tensor_of(x), training=False))

    def predict_target(self, x: Any) -> Any:
        """Return the most likely class of the pseudo-label, `(batch,)` int32."""
        return ops.cast(ops.argmax(self(x)["logits"], axis=-1), "int32")

    def get_build_config(self) -> dict[str, Any]:
        seen = {"inputs_shape": list(self.inputs_shape)} if self.built else {}
        return {**super().get_build_config(), **seen}

    def build_from_config(self, config: dict[str, Any]) -> None:
        if config:
            whole = {next(iter(self.modality.keys)): config["example_shape"]}
            shapes = {**whole, self.key: config["inputs_shape"]}
            self.build(batch_shape(shapes))


def label_key(
    keys: Any, names: tuple[str, ...], old_names: tuple[str, ...] = _OLD_TARGETS
) -> str | None:
    """Return the first of the names that is among the keys of a batch, None if none is.

    Args:
        keys: A batch, or its keys.
        names: Names of today, the likeliest first.
        old_names: What transforms wrote before kssl 0.2; one of these gives a warning.
    """
    name = next((name for name in (*names, *old_names) if name in keys), None)
    if name in old_names:
        warnings.warn(
            f"the pseudo-label is under {name!r}: since kssl 0.2 transforms write it under "
            f"{names[0]!r}; the old name is read in this version only",
            FutureWarning,
            stacklevel=2,
        )
    return name
