"""A pretrained text network with one dense layer on it, trained on with labels."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.evaluation.finetuning.text_finetune import BATCH_SIZE, Budget, Rows

DROPOUT = 0.1


class TextHead(keras.Model):
    """A backbone of KerasHub and one dense layer, on the whole text or on each token.

    Args:
        network: Gives `pooled_output` and `sequence_output`.
        outputs: Features that the layer has.
        read: What it is on: `"each"` token, the `"first"`, or the `"mean"` of all.
    """

    def __init__(self, network: keras.Model, outputs: int, read: str) -> None:
        super().__init__()
        self.network = network
        self.read = read
        self.mean = keras.layers.GlobalAveragePooling1D()
        self.dropout = keras.layers.Dropout(DROPOUT)
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.dense = keras.layers.Dense(outputs, kernel_initializer=initializer, dtype="float32")
        # A backbone that was trained without pairs of sentences may have it frozen.
        network.pooled_dense.trainable = read == "first"

    def call(self, inputs: Any, training: bool = False) -> Any:
        encoded = self.network(inputs, training=training)
        features = encoded["pooled_output" if self.read == "first" else "sequence_output"]
        if self.read == "mean":
            features = self.mean(features, mask=inputs["padding_mask"])  # (rows, width)
        return self.dense(self.dropout(features, training=training))


def fresh_network(model: Any) -> keras.Model:
    """Return a new network of a model's sizes, with the same weights, and with dropout."""
    copy = model.text_backbone(DROPOUT)
    copy.trainable = True
    return copy


def trained_head(
    network: keras.Model,
    outputs: int,
    rows: Rows,
    target: np.ndarray,
    budget: Budget,
    read: str,
    seed: int,
) -> TextHead:
    """Put a head on a network and train both.

    Args:
        network: It is changed.
        outputs: Classes; 2 for spans, the first and the last token.
        rows: The training examples.
        target: A class for each row `(rows,)` or token `(rows, length)`, -1 where there is none;
            for spans `(rows, 2)` positions, and `outputs` is 2.
        budget: How long and how fast.
        read: See `TextHead`.
        seed: Of the order of the examples.
    """
    from kssl.data.array_batches import shuffled
    from kssl.optimizers import MatrixAdamW, WarmupCosine

    spans = target.ndim == 2 and target.shape[1] == 2
    head = TextHead(network, outputs, read)
    steps = math.ceil(budget.epochs * len(target) / BATCH_SIZE)
    rate = WarmupCosine(budget.learning_rate, steps, warmup_steps=steps // 10)
    head.compile(
        MatrixAdamW(rate, weight_decay=0.01, global_clipnorm=1.0),
        loss=_span_loss if spans else _class_loss(),
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    # Made before the step is traced, which would be traced again otherwise.
    head({name: ids[:1] for name, ids in rows.batch().items()})
    head.optimizer.build(head.trainable_variables)
    examples = (rows.batch(), np.maximum(target, 0))
    if not spans:
        examples += ((target >= 0).astype("float32"),)  # how much each counts
    head.fit(shuffled(examples, BATCH_SIZE, steps, seed), shuffle=False, verbose=0)
    return head


def _class_loss() -> keras.losses.Loss:
    # The mean over what counts: Keras' default divides by all tokens, padding too.
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )


def _span_loss(target: Any, logits: Any) -> Any:
    """Cross-entropy of the first and the last token among those of the row, `(rows, 2)`."""
    over_tokens = ops.swapaxes(logits, 1, 2)  # (rows, 2, length)
    return keras.losses.sparse_categorical_crossentropy(target, over_tokens, from_logits=True)


def predicted(head: TextHead, rows: Rows) -> np.ndarray:
    """Return the logits of rows."""
    from kssl.data.array_batches import in_order

    return np.asarray(head.predict(in_order(rows.batch(), 4 * BATCH_SIZE), verbose=0))
