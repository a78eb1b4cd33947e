"""What is put on a network to fine-tune it: what of it is read, and how an answer is scored.

A head is one dense layer. A further kind of target is a further reading of the network here, and a
`kssl.evaluation.finetuning.comparison.Labelled` with its examples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kssl.errors import UserError

DROPOUT = 0.1
POOLS = ("first", "mean", "last")


def class_loss() -> keras.losses.Loss:
    """Return the cross-entropy of classes; its mean is over what counts, and not over padding."""
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )


def span_loss(target: Any, logits: Any) -> Any:
    """Return the cross-entropy of the first and the last token among those of a row, `(rows, 2)`.

    Args:
        target: Positions `(rows, 2)`.
        logits: `(rows, length, 2)`.
    """
    over_tokens = ops.swapaxes(logits, 1, 2)  # (rows, 2, length)
    return keras.losses.sparse_categorical_crossentropy(target, over_tokens, from_logits=True)


@dataclasses.dataclass(frozen=True)
class Head:
    """A dense layer on what is read of a network.

    Args:
        outputs: Logits of the layer: classes, tags, or 2 for the ends of a span.
        features: From a kssl model to a Keras model of its examples that ends in what is read.
        loss: Of targets and logits.
    """

    outputs: int
    features: Callable[[Any], keras.Model]
    loss: Any = dataclasses.field(default_factory=class_loss)

    def on(self, model: Any) -> keras.Model:
        """Return a network from the examples of a model to logits; it shares the model's weights.

        The layer begins with zeros, so that no draw of its weights stands between two networks.
        """
        read = self.features(model)
        dense = keras.layers.Dense(self.outputs, kernel_initializer="zeros", dtype="float32")
        return keras.Model(read.input, dense(read.output))


def of_embedding(model: Any) -> keras.Model:
    """Read the embedding of any model, `(batch, features)`."""
    from kssl.models.inference import encoder_of

    encoder = encoder_of(model)
    return keras.Model(encoder.input, keras.layers.Flatten(dtype="float32")(encoder.output))


def of_tokens(model: Any) -> keras.Model:
    """Read each token of a text, `(batch, length, width)`; see `HasTextBackbone`."""
    backbone = _backbone(model)
    return _dropped(backbone, backbone.output["sequence_output"])


def of_text(model: Any, pool: str | None = None) -> keras.Model:
    """Read a text as a whole, `(batch, width)`; see `HasTextBackbone`.

    Args:
        model: Has a text backbone.
        pool: Where: the `first` position (`pooled_output`, where the backbone has it), the `mean`
            of all tokens, or the `last` token. None: `first` where there is `pooled_output`, `last`
            of a causal network, whose last token alone has seen all others, else `mean`.
    """
    backbone = _backbone(model)
    found, mask = backbone.output, backbone.input["padding_mask"]
    sequence = ops.cast(found["sequence_output"], "float32")  # (batch, length, width)
    if pool is None:
        other = "last" if is_causal(model) else "mean"
        pool = "first" if "pooled_output" in found else other
    if pool == "first":
        return _dropped(backbone, found.get("pooled_output", sequence[:, 0]))
    weight = ops.cast(mask, "float32")  # (batch, length)
    if pool == "last":
        weight = weight - ops.pad(weight[:, 1:], [[0, 0], [0, 1]])  # 1 at the last token
    total = ops.maximum(ops.sum(weight, axis=1, keepdims=True), 1.0)
    return _dropped(backbone, ops.sum(sequence * (weight / total)[..., None], axis=1))


def is_causal(model: Any) -> bool:
    """Return whether a model sees at each token only those before it."""
    from kssl.models.capabilities import IsCausal, has

    return has(model, IsCausal) and bool(model.causal)


def check_pool(pool: str | None) -> None:
    """Raise a `UserError` unless `of_text` takes it."""
    if pool is not None and pool not in POOLS:
        raise UserError(f"pool is {pool!r}: give 'first', 'mean', 'last', or null for the model's")


def _backbone(model: Any) -> Any:
    backbone = model.text_backbone(DROPOUT)
    backbone.trainable = True
    return backbone


def _dropped(backbone: Any, features: Any) -> keras.Model:
    return keras.Model(backbone.input, keras.layers.Dropout(DROPOUT, dtype="float32")(features))
