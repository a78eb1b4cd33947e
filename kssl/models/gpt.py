"""GPT: a transformer that predicts each token from those before it, and generates text.

Radford et al., Language Models are Unsupervised Multitask Learners, 2019 (GPT-2); Brown et al.,
Language Models are Few-Shot Learners, arXiv:2005.14165.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from kssl.layers.activations import gelu_approximate
from kssl.layers.fused import fuse
from kssl.losses import MaskedCrossEntropy, masked_cross_entropy
from kssl.modalities import Tokens
from kssl.modalities.given import check_ids
from kssl.models.base import Model, pick
from kssl.models.writing import Writer

if TYPE_CHECKING:
    import keras_hub


@keras.saving.register_keras_serializable(package="kssl")
class GPT(Model):
    """KerasHub's GPT-2 trained on the next token, with GPT-2's own initial weights.

    Token embeddings start with a standard deviation of 0.02, as every kernel; the two kernels of a
    layer whose output is added to the residual stream start smaller by `√(2 · depth)`, so that the
    stream does not grow with depth. KerasHub (0.32) does neither. Embedding and output share their
    weights.

    Documents that are packed in one row are kept apart where the batch says which is which
    (`document`, `positions`; `attention_mask` goes before `document`): attention does not cross the
    border.

    Args:
        vocabulary_size: Number of ids; None is the backbone's. In a recipe, None is the data's.
        depth: Transformer layers.
        heads: Attention heads of a layer.
        width: Features of a token; four times as many inside a layer.
        dropout: Fraction of features set to zero in training: 0 where the text is seen about once.
        backbone: A `keras_hub.models.GPT2Backbone`, such as one from a preset, to train further;
            the sizes above are then not used, and its weights are left as they are.
        loss: A loss of `(ids, logits)`; None is `MaskedCrossEntropy`, in nats per token.

    Call arguments:
        inputs: Ids `(batch, length)`, or a dict with `tokens` and, where there are any, `target`
            (-1: not predicted), `positions`, `document`, `attention_mask` and `padding_mask`, as
            `kssl.pretext.next_token` writes them. Without targets each id is predicted from those
            before it in its row.

    Returns:
        Dict of `logits` `(batch, length, vocabulary_size)`.

    Raises:
        ValueError: If `width` is not a multiple of `heads`, a size is not positive, or there is
            neither `vocabulary_size` nor `backbone`.

    Example:
        >>> import numpy, kssl
        >>> gpt = kssl.models.GPT(vocabulary_size=50, depth=1, heads=2, width=16)
        >>> gpt.compile("adam")
        >>> history = gpt.fit(numpy.arange(64).reshape(4, 16) % 50, verbose=0)
        >>> gpt.generate(2, length=8, seed=0).shape
        (2, 8)
    """

    modality = Tokens()
    samplers = ("greedy", "random", "top_k", "top_p", "beam")
    causal = True

    def __init__(
        self,
        vocabulary_size: int | None = None,
        depth: int = 4,
        heads: int = 4,
        width: int = 128,
        dropout: float = 0.0,
        backbone: Any = None,
        loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if vocabulary_size is None:
            if backbone is None:
                raise ValueError("GPT needs vocabulary_size, the number of ids, or a backbone")
            vocabulary_size = backbone.vocabulary_size
        if min(vocabulary_size, depth, heads, width) < 1 or width % heads:
            raise ValueError(
                f"vocabulary_size {vocabulary_size}, depth {depth}, heads {heads} and width "
                f"{width} must be positive, and width a multiple of heads"
            )
        self.vocabulary_size = vocabulary_size
        self.depth = depth
        self.heads = heads
        self.width = width
        self.dropout = dropout
        self.backbone = backbone
        self.loss = MaskedCrossEntropy() if loss is None else loss

    def build(self, input_shape: Any) -> None:
        self.example_shape = self.modality.example_shape(input_shape)
        (context,) = self.example_shape
        self.network = self._fresh(context) if self.backbone is None else self.backbone
        longest = self.network.max_sequence_length
        if context > longest:
            raise ValueError(f"rows of {context} tokens are longer than the backbone's {longest}")
        self.writer = Writer(self.network)
        self.built = True

    def check_values(self, examples: np.ndarray) -> None:
        """Raise a ValueError if ids are no whole numbers, or not all in the vocabulary."""
        super().check_values(examples)
        check_ids(examples, self.vocabulary_size)

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        hidden = self._hidden(inputs, training)  # (batch, length, width)
        logits = self.network.token_embedding(hidden, reverse=True)
        return {"logits": logits}  # (batch, length, vocabulary_size)

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the mean cross-entropy of the tokens that are predicted, in nats."""
        return self.loss(_target(batch), outputs["logits"], sample_weight=sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the mean of the last layer over a row's real tokens, `(batch, width)`."""
        hidden = ops.cast(self._hidden(x), "float32")
        if not isinstance(x, dict) or "padding_mask" not in x:
            return ops.mean(hidden, axis=1)
        real = ops.cast(x["padding_mask"], "float32")[..., None]  # (batch, length, 1)
        return ops.sum(hidden * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)

    def token_losses(self, x: Any) -> Any:
        """Return `-log p` of each predicted token in nats, `(batch, length)`; 0 for the others."""
        return masked_cross_entropy(_target(x), self(x)["logits"])

    def generate(
        self,
        count: int = 1,
        seed: int | None = None,
        prompt: Sequence[int] | None = None,
        length: int = 256,
        sampler: str | Mapping[str, Any] | keras_hub.samplers.Sampler = "random",
    ) -> np.ndarray:
        """Continue a prompt, with KerasHub's samplers and a cache of keys and values.

        A text that is longer than the context continues from its last half context, again and
        again: positions are absolute, so the cache cannot slide.

        Args:
            count: Texts.
            seed: Of the sampler; None takes another one each time.
            prompt: Ids that each text begins with; None is id 0.
            length: Ids of each text, prompt included.
            sampler: A sampler of KerasHub, its name (`greedy`, `random`, `top_k`, `top_p`, `beam`),
                or a dict of its `name` and settings: `{"name": "top_k", "k": 10}`.

        Returns:
            Ids, int32 `(count, length)`.

        Raises:
            ValueError: If the prompt is empty, or has ids that the model does not know.
        """
        start = np.asarray([0] if prompt is None else prompt, "int32").reshape(-1)
        if not start.size or start.min() < 0 or start.max() >= self.network.vocabulary_size:
            raise ValueError(
                f"the prompt must have ids in 0 to {self.network.vocabulary_size - 1}; got "
                f"{start.tolist()}"
            )
        text = np.tile(start, (count, 1))  # (count, prompt)
        (context,) = self.example_shape
        draw = 0
        while text.shape[1] < length:
            kept = text[:, -max(1, min(text.shape[1], context // 2)) :]
            made = self.writer(kept, context, sampler, None if seed is None else seed + draw)
            text = np.concatenate([text, made[:, kept.shape[1] :]], axis=1)
            draw += 1
        return text[:, :length]

    def text_backbone(self, dropout: float = 0.0) -> keras.Model:
        """Return a copy of the network with the same weights, and with dropout."""
        copy = type(self.network).from_config({**self.network.get_config(), "dropout": dropout})
        copy.set_weights(self.network.get_weights())
        return fuse(keras.Model(copy.input, {"sequence_output": copy.output}))

    def figures(self) -> dict[str, tuple[str, str]]:
        """Return the figure that the report has of it: texts, in place of pictures."""
        return {"samples": ("Samples", "kssl.report.text_figures:samples")}

    def _hidden(self, inputs: Any, training: bool = False) -> Any:
        network, ids = self.network, pick(inputs, "tokens")
        given = inputs if isinstance(inputs, dict) else {}
        mask, padding = _attention_mask(given), given.get("padding_mask")
        tokens = network.token_embedding(ids)  # (batch, length, width)
        if "positions" in given:
            table = ops.cast(network.position_embedding.position_embeddings, tokens.dtype)
            positions = ops.take(table, given["positions"], axis=0)
        else:
            positions = network.position_embedding(tokens)
        hidden = network.embeddings_dropout(tokens + positions, training=training)
        for layer in network.transformer_layers:
            hidden = layer(
                hidden,
                decoder_padding_mask=padding,
                decoder_attention_mask=mask,
                training=training,
            )
        return network.layer_norm(hidden)

    def _fresh(self, context: int) -> Any:
        import keras_hub

        network = keras_hub.models.GPT2Backbone(
            self.vocabulary_size,
            self.depth,
            self.heads,
            self.width,
            4 * self.width,
            self.dropout,
            context,
            dtype=self.dtype_policy,
        )
        table = network.token_embedding.embeddings
        table.assign(2.0 * table)  # its standard deviation is 0.01
        for layer in network.transformer_layers:
            attention, dense = layer._self_attention_layer, layer._feedforward_output_dense
            for kernel in (attention.output_dense.kernel, dense.kernel):
                kernel.assign(kernel / math.sqrt(2 * self.depth))
            layer._feedforward_intermediate_dense.activation = gelu_approximate
        return network


def _attention_mask(given: Mapping[str, Any]) -> Any:
    """Return the attention mask beside the causal one, `(batch, length, length)`, or None."""
    if "attention_mask" in given:
        return given["attention_mask"]
    if "document" not in given:
        return None
    document = given["document"]
    return ops.equal(document[:, :, None], document[:, None, :])


def _target(x: Any) -> Any:
    """Return the ids to predict at each place, -1 where there is none."""
    if isinstance(x, dict) and "target" in x:
        return x["target"]
    ids = ops.cast(pick(x, "tokens"), "int32")
    return ops.concatenate([ids[:, 1:], -ops.ones_like(ids[:, :1])], axis=1)
