"""BERT: masked language modelling, and whether two pieces of text belong together.

Devlin et al., BERT, arXiv:1810.04805. Masks drawn anew in each epoch: Liu et al., RoBERTa,
arXiv:1907.11692. The order of two pieces: Lan et al., ALBERT, arXiv:1909.11942.
"""

from __future__ import annotations

import math
import os
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.layers.activations import gelu_approximate
from kssl.layers.fused import fuse
from kssl.layers.positions import sincos_1d
from kssl.losses import MaskedCrossEntropy
from kssl.modalities import Tokens
from kssl.modalities.given import check_ids
from kssl.models.base import Model
from kssl.models.pseudo_labels import PAIR_TARGET, pair_key

RATE = 0.15  # of `mask_tokens`
PAPER_WIDTH = 768  # of BERT-base, whose kernels begin with a standard deviation of 0.02


@keras.saving.register_keras_serializable(package="kssl")
class BERT(Model):
    """Masked language model on a BERT backbone of KerasHub, with or without pairs of sentences.

    It is trained on what the transform `mask_tokens` writes. Behind `sentence_pairs` or
    `sentence_order` it also learns `pair_target`, from the first position; the two losses are
    added, as in the paper.

    New kernels begin with a standard deviation of `0.02 · √(768 / width)`, which is the paper's at
    its width, and positions as sines and cosines: a small network needs a quarter fewer steps.

    Args:
        vocabulary_size: Ids that there are, special ones among them. This and the sizes below are
            those of `backbone` where one is given.
        depth: Transformer layers.
        heads: Attention heads of a layer.
        width: Features of a token; the inner layers of the network have four times as many.
        dropout: Of the backbone, while training.
        backbone: A `keras_hub.models.BertBackbone` to start from, or the name of a preset, such as
            `"bert_tiny_en_uncased"`, or a folder that `save_backbone` wrote. None: a new one.
        max_predictions: Positions of a row that are compared with the vocabulary, which is most
            of the work of a small network; None: one more than 15 % of the row, enough for
            `mask_tokens` as it stands. The metric `left_out` counts positions beyond them.

    Call arguments:
        inputs: Ids `(batch, length)`, 0 for padding, or a dict with `tokens` and, if there are,
            `padding_mask`, `segment`, `target` (true ids of the hidden tokens, -1 elsewhere).

    Returns:
        Dict of `sequence` `(batch, length, width)` and `pooled` `(batch, width)`; with `target`
        also `position` and `target`, `(batch, max_predictions)`, and `logits`
        `(batch, max_predictions, vocabulary_size)`; with a label of pairs `pair_logits`
        `(batch, 2)`.

    Raises:
        ValueError: If the backbone is not BERT's, or rows are longer than its positions.

    Example:
        >>> import kssl, numpy
        >>> bert = kssl.models.BERT(vocabulary_size=50, depth=1, heads=2, width=8)
        >>> tokens = numpy.random.default_rng(0).integers(5, 50, (4, 16))
        >>> target = numpy.where(numpy.arange(16) % 8 == 1, tokens, -1)
        >>> bert.compile("adam")
        >>> history = bert.fit({"tokens": tokens, "target": target}, verbose=0)
        >>> bert.embed(tokens).shape
        (4, 8)
    """

    modality = Tokens()

    def __init__(
        self,
        vocabulary_size: int,
        depth: int = 4,
        heads: int = 4,
        width: int = 256,
        dropout: float = 0.1,
        backbone: keras.Model | str | os.PathLike[str] | None = None,
        max_predictions: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = _opened(backbone)
        self.vocabulary_size = getattr(self.backbone, "vocabulary_size", vocabulary_size)
        self.depth = getattr(self.backbone, "num_layers", depth)
        self.heads = getattr(self.backbone, "num_heads", heads)
        self.width = getattr(self.backbone, "hidden_dim", width)
        self.dropout = getattr(self.backbone, "dropout", dropout)
        self.max_predictions = max_predictions
        self.pair_label: str | None = None
        self.cross_entropy = MaskedCrossEntropy()
        self.tokens_mean = keras.metrics.Mean(name="masked_loss")
        self.accuracy_mean = keras.metrics.Mean(name="masked_accuracy")
        self.left_out_mean = keras.metrics.Mean(name="left_out")

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        keys = input_shape if isinstance(input_shape, dict) else {}
        self.pair_label = None if pair_key(keys) is None else PAIR_TARGET
        length = self.example_shape[0]
        self.network = self._new_network(length) if self.backbone is None else self.backbone
        if length > self.network.max_sequence_length:
            raise ValueError(
                f"rows have {length} tokens, but the backbone has positions for "
                f"{self.network.max_sequence_length}: give shorter rows"
            )
        # The dense layer behind the first position learns from pairs alone.
        self.network.pooled_dense.trainable = self.pair_label is not None
        normal = keras.initializers.TruncatedNormal(0.0, 0.02 * math.sqrt(PAPER_WIDTH / self.width))
        small = {"kernel_initializer": normal, "dtype": self.dtype_policy}
        self.transform = keras.layers.Dense(
            self.width, activation=gelu_approximate, name="transform", **small
        )
        self.normalization = keras.layers.LayerNormalization(
            epsilon=1e-12, dtype=self.dtype_policy, name="transform_normalization"
        )
        self.output_bias = self.add_weight((self.vocabulary_size,), "zeros", name="output_bias")
        for layer in (self.transform, self.normalization):
            layer.build((None, None, self.width))
        if self.pair_label is not None:
            self.pair_dense = keras.layers.Dense(2, name="pair", **small)
            self.pair_dense.build((None, self.width))
            self.pairs_mean = keras.metrics.Mean(name="pair_loss")
            self.pair_accuracy_mean = keras.metrics.Mean(name="pair_accuracy")
        self.built = True

    def _new_network(self, length: int) -> keras.Model:
        from keras_hub.models import BertBackbone

        network = BertBackbone(
            vocabulary_size=self.vocabulary_size,
            num_layers=self.depth,
            num_heads=self.heads,
            hidden_dim=self.width,
            intermediate_dim=4 * self.width,
            dropout=self.dropout,
            max_sequence_length=length,
            dtype=self.dtype_policy,
            name="backbone",
        )
        for weight in network.trainable_weights:
            if weight.path.endswith("kernel"):
                weight.assign(weight * math.sqrt(PAPER_WIDTH / self.width))
        if self.width % 2 == 0:
            waves = sincos_1d(range(length), self.width)  # their mean square is 1/2
            network.position_embedding.position_embeddings.assign(0.02 * math.sqrt(2) * waves)
        return network

    def check_values(self, examples: np.ndarray) -> None:
        """Raise a ValueError if ids are no whole numbers, or not all in the vocabulary."""
        if not np.issubdtype(examples.dtype, np.integer) and examples.dtype != bool:
            raise ValueError(f"BERT reads ids of tokens, whole numbers; got {examples.dtype}")
        check_ids(examples, self.vocabulary_size)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        batch = inputs if isinstance(inputs, dict) else {"tokens": inputs}
        tokens = ops.cast(self.modality.pick(batch), "int32")  # (batch, length)
        given = {
            "token_ids": tokens,
            "segment_ids": ops.cast(batch.get("segment", ops.zeros_like(tokens)), "int32"),
            "padding_mask": ops.cast(_real(batch, tokens), "int32"),
        }
        encoded = self.network(given, training=training)
        result = {"sequence": encoded["sequence_output"], "pooled": encoded["pooled_output"]}
        if "target" in batch:
            result |= self._predicted(result["sequence"], batch["target"])
        if self.pair_label is not None and pair_key(batch) is not None:
            result["pair_logits"] = self.pair_dense(result["pooled"])
        return result

    def _predicted(self, sequence: Any, target: Any) -> dict[str, Any]:
        """Compare the selected positions with the vocabulary, and those alone."""
        length = self.example_shape[0]
        most = self.max_predictions or round(RATE * length) + 1
        target = ops.cast(target, "int32")
        place = ops.arange(length, dtype="int32")
        # Selected positions first, each group in order: static shapes, whatever was selected.
        keys = ops.where(target >= 0, length - place, -place)
        _, position = ops.top_k(keys, min(most, length))  # (batch, most)
        hidden = ops.take_along_axis(sequence, position[..., None], axis=1)
        return {
            "position": position,
            "target": ops.take_along_axis(target, position, axis=1),
            "logits": self.to_logits(hidden),
        }

    def to_logits(self, sequence: Any) -> Any:
        """Return the logits `(batch, positions, vocabulary_size)` of encoded positions."""
        hidden = self.normalization(self.transform(sequence))
        logits = self.network.token_embedding(hidden, reverse=True)
        return logits + ops.cast(self.output_bias, logits.dtype)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the loss of hidden tokens plus that of pairs; their parts are logged."""
        if "logits" not in outputs:
            raise ValueError("BERT is trained on `tokens` and `target`: use mask_tokens")
        target, logits = outputs["target"], outputs["logits"]
        loss = self.cross_entropy(target, logits, sample_weight=sample_weight)
        there = ops.cast(target >= 0, "float32")
        self.tokens_mean.update_state(loss, ops.sum(there))
        self.accuracy_mean.update_state(_right(target, logits), there)
        selected = ops.sum(ops.cast(batch["target"] >= 0, "float32"), axis=1)
        self.left_out_mean.update_state(selected - ops.sum(there, axis=1))
        if "pair_logits" not in outputs:
            return loss
        label, logits = ops.cast(batch[pair_key(batch)], "int32"), outputs["pair_logits"]
        pair_loss = self.cross_entropy(label, logits, sample_weight=sample_weight)
        self.pairs_mean.update_state(pair_loss)
        self.pair_accuracy_mean.update_state(_right(label, logits), label >= 0)
        return loss + pair_loss

    def embed(self, x: Any) -> Any:
        """Return the mean of the encoded tokens, padding left out, `(batch, width)`.

        Not `[CLS]`: without fine-tuning it tells less of a text than the mean does.
        """
        batch = x if isinstance(x, dict) else {"tokens": x}
        given = {key: batch[key] for key in ("tokens", "padding_mask", "segment") if key in batch}
        encoded = self(given)["sequence"]
        real = ops.cast(_real(batch, batch["tokens"]), encoded.dtype)[..., None]
        return ops.sum(encoded * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)

    def predict_masked(self, x: Any) -> dict[str, Any]:
        """Predict the masked tokens of a batch with `target`.

        Returns:
            Dict of `target`, `predicted`, ids of the true and of the most likely token (-1: none),
            and `log_probability` of the true one in nats; all `(batch, max_predictions)`.
        """
        result = self(x)
        target, logits = result["target"], ops.cast(result["logits"], "float32")
        return {
            "target": target,
            "predicted": ops.argmax(logits, axis=-1),
            "log_probability": -self.cross_entropy.call(target, logits),
        }

    def text_backbone(self, dropout: float = 0.0) -> keras.Model:
        """Return a copy of the network; without `pooled_output` where that has learned nothing."""
        copy = type(self.network).from_config({**self.network.get_config(), "dropout": dropout})
        copy.set_weights(self.network.get_weights())
        new = self.pair_label is None and self.backbone is None
        names = ["sequence_output"] if new else ["sequence_output", "pooled_output"]
        return fuse(keras.Model(copy.input, {name: copy.output[name] for name in names}))

    def save_backbone(self, folder: str | os.PathLike[str]) -> None:
        """Write the network as a preset that `keras_hub.models.BertBackbone` loads."""
        self.network.save_to_preset(str(folder))

    def get_build_config(self) -> dict[str, Any]:
        return {**super().get_build_config(), "pair_label": self.pair_label}

    def built_shapes(self, config: dict[str, Any]) -> Any:
        shapes = {"tokens": config["example_shape"]}
        paired = config.get("pair_label") is not None  # by its old name in files of kssl 0.1
        return {**shapes, PAIR_TARGET: ()} if paired else shapes

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Model:
        import keras_hub  # noqa: F401  makes its backbones known to Keras

        return super().from_config(config, custom_objects)


def _opened(backbone: Any) -> Any:
    if backbone is None:
        return None
    if isinstance(backbone, str | os.PathLike):
        from keras_hub.models import BertBackbone

        return BertBackbone.from_preset(str(backbone))
    if not all(hasattr(backbone, name) for name in ("token_embedding", "pooled_dense")):
        raise ValueError(
            f"backbone must be a keras_hub.models.BertBackbone; got {type(backbone).__name__}"
        )
    return backbone


def _real(batch: dict[str, Any], tokens: Any) -> Any:
    """Which positions are no padding, bool `(batch, length)`."""
    mask = batch.get("padding_mask")
    return tokens != 0 if mask is None else ops.cast(mask, "bool")


def _right(target: Any, logits: Any) -> Any:
    guess = ops.cast(ops.argmax(logits, axis=-1), "int32")
    return ops.cast(guess == ops.cast(target, "int32"), "float32")
