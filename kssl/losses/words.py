"""Losses of word embeddings: an observed word against a few sampled ones."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss
from kssl.losses.batch import LOWEST, dot


def negative_sampling(center: Any, context: Any, negatives: Any) -> Any:
    """Negative sampling of word2vec: the observed word is discriminated from `K` noise words.

    `-log σ(u·v) - Σ_k log σ(-u·n_k)`: noise-contrastive estimation without the noise's density and
    without `log K`, so that scores are no log-densities. For CBOW, `center` is
    `context_mean` of the context's input vectors.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        center: `(batch, dim)`: input vectors `u`.
        context: `(batch, dim)`: output vectors `v` of the observed words.
        negatives: `(batch, K, dim)`: output vectors of the noise words.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Mikolov et al., Distributed Representations of Words and Phrases, arXiv:1310.4546.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 5))
        >>> losses = kssl.losses.negative_sampling(zeros, zeros, keras.ops.zeros((2, 3, 5)))
        >>> round(float(losses[0]), 4)  # 4 log 2
        2.7726
    """
    right, wrong = _scores(center, context, negatives)
    return ops.softplus(-right) + ops.sum(ops.softplus(wrong), axis=1)  # (batch,)


def _scores(center: Any, context: Any, negatives: Any) -> tuple[Any, Any]:
    """Return the scores of the observed words `(batch,)` and of the sampled ones `(batch, K)`."""
    center, context = ops.cast(center, "float32"), ops.cast(context, "float32")
    negatives = ops.cast(negatives, "float32")
    if len(negatives.shape) == 2:
        wrong = ops.matmul(center, ops.transpose(negatives))
    else:
        wrong = dot(center[:, None, :], negatives)
    return dot(center, context), wrong


def context_mean(context: Any, mask: Any) -> Any:
    """Return the mean of the context's input vectors, CBOW's hidden vector.

    Args:
        context: `(batch, words, dim)`.
        mask: `(batch, words)`: 1 for a word, 0 for padding.

    Returns:
        Tensor `(batch, dim)` in float32; zeros without any word.

    Example:
        >>> import keras, kssl
        >>> words = keras.ops.convert_to_tensor([[[1.0], [3.0], [9.0]]])
        >>> float(kssl.losses.context_mean(words, [[1, 1, 0]])[0, 0])
        2.0
    """
    weights = ops.cast(mask, "float32")[..., None]  # (batch, words, 1)
    total = ops.sum(ops.cast(context, "float32") * weights, axis=1)
    return ops.divide_no_nan(total, ops.sum(weights, axis=1))  # (batch, dim)


def sampled_softmax(
    center: Any,
    context: Any,
    negatives: Any,
    log_expected: Any = 0.0,
    log_expected_negatives: Any = 0.0,
    hits: Any | None = None,
) -> Any:
    """Sampled softmax: the cross-entropy over the observed word and a sample of the vocabulary.

    `-log( exp(s_0) / (exp(s_0) + Σ_k exp(s_k)) )` with `s = u·v - log E`, where `E` is how often
    the sampler is expected to draw the word: that correction makes the gradient tend to the one of
    the full softmax. A bias of a word goes into the dot product as one more dimension.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        center: `(batch, dim)`.
        context: `(batch, dim)`: output vectors of the observed words.
        negatives: `(K, dim)` drawn for the whole batch, or `(batch, K, dim)`.
        log_expected: `(batch,)`: `log E` of the observed words; 0 with a uniform sampler.
        log_expected_negatives: `(K,)` or `(batch, K)`: `log E` of the drawn words.
        hits: `(batch, K)`, true where the drawn word is the observed one: left out.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Jean et al., On Using Very Large Target Vocabulary, arXiv:1412.2007.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 5))
        >>> losses = kssl.losses.sampled_softmax(zeros, zeros, keras.ops.zeros((3, 5)))
        >>> round(float(losses[0]), 4)  # log 4
        1.3863
    """
    right, wrong = _scores(center, context, negatives)
    right = right - ops.cast(log_expected, "float32")
    wrong = wrong - ops.cast(log_expected_negatives, "float32")
    if hits is not None:
        wrong = ops.where(ops.cast(hits, "bool"), LOWEST, wrong)
    return ops.softplus(ops.logsumexp(wrong, axis=1) - right)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class NegativeSampling(Loss):
    """Negative sampling, see `kssl.losses.negative_sampling`; takes `(words, centre)`.

    The words are `(batch, 1 + K, dim)`: the observed one first, then the noise; the centre is
    `(batch, dim)`.

    Args:
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> words, center = keras.ops.zeros((2, 4, 5)), keras.ops.zeros((2, 5))
        >>> round(float(kssl.losses.NegativeSampling()(words, center)), 4)
        2.7726
    """

    def __init__(self, name: str = "negative_sampling", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return negative_sampling(y_pred, y_true[:, 0], y_true[:, 1:])


@keras.saving.register_keras_serializable(package="kssl")
class SampledSoftmax(Loss):
    """Sampled softmax, see `kssl.losses.sampled_softmax`; takes `(words, centre)`.

    The words are `(batch, 1 + K, dim)`: the observed one first, then those drawn, uniformly; for
    another sampler, or to leave out accidental hits, call the function.

    Args:
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> words, center = keras.ops.zeros((2, 4, 5)), keras.ops.zeros((2, 5))
        >>> round(float(kssl.losses.SampledSoftmax()(words, center)), 4)
        1.3863
    """

    def __init__(self, name: str = "sampled_softmax", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return sampled_softmax(y_pred, y_true[:, 0], y_true[:, 1:])
