"""Noise-contrastive losses: NCE with densities, InfoNCE and NT-Xent with embeddings."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, require_positive
from kssl.losses.batch import LOWEST, dot, not_self, prepared, similarities, unit


def nce(
    model_of_data: Any,
    model_of_noise: Any,
    noise_of_data: Any,
    noise_of_noise: Any,
    offset: bool = True,
) -> Any:
    """Noise-contrastive estimation: logistic regression of data against noise; not InfoNCE.

    With the logit `l(u) = log p(u) - log q(u) - log K`, `-log σ(l(x)) - Σ_k log(1 - σ(l(n_k)))`:
    a sum over the `K` noise samples of each example. `log K` makes the unnormalised model `p` a
    density at the optimum; negative sampling leaves out it and `q`.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        model_of_data: `(batch,)`: `log p` of the data under the model, with its learnt constant.
        model_of_noise: `(batch, K)`: `log p` of the noise samples under the model.
        noise_of_data: `(batch,)`: `log q` of the data under the noise distribution.
        noise_of_noise: `(batch, K)`: `log q` of the noise samples.
        offset: Whether `log K` is taken off; without it `p` tends to `K` times the density.

    Returns:
        Tensor `(batch,)` in float32, in nats.

    Reference:
        Gutmann and Hyvärinen, Noise-contrastive estimation of unnormalized statistical models,
        JMLR 13, 2012.

    Example:
        >>> import keras, kssl
        >>> one, many = keras.ops.zeros((2,)), keras.ops.zeros((2, 1))
        >>> round(float(kssl.losses.nce(one, many, one, many)[0]), 4)  # 2 log 2
        1.3863
    """
    names = (model_of_data, model_of_noise, noise_of_data, noise_of_noise)
    model_of_data, model_of_noise, noise_of_data, noise_of_noise = (
        ops.cast(each, "float32") for each in names
    )
    shift = math.log(model_of_noise.shape[1]) if offset else 0.0
    data = model_of_data - noise_of_data - shift  # (batch,)
    noise = model_of_noise - noise_of_noise - shift  # (batch, K)
    return ops.softplus(-data) + ops.sum(ops.softplus(noise), axis=1)


def info_nce(
    queries: Any,
    keys: Any,
    negatives: Any | None = None,
    temperature: float = 0.1,
    normalize: bool = True,
    symmetric: bool = False,
    same_view: bool = False,
) -> Any:
    """InfoNCE: the cross-entropy of classifying each query's key among negatives.

    `-log( exp(q·k/τ) / (exp(q·k/τ) + Σ_n exp(q·n/τ)) )`. Where the negatives come from:

    - `negatives=None`: the other queries' keys (cross-view only: keras.io's SimCLR, CLIP);
    - with `same_view` the other queries, too, as in SimCLR: `nt_xent` is the mean of both
      directions of that;
    - `(batch, count, dim)`: each query's own; `(count, dim)`: a queue that all share (MoCo).

    Under data parallelism in-batch negatives come from the batch that the loss sees: the global
    one on JAX, that of each replica on TensorFlow and torch.

    Args:
        queries: `(batch, dim)`.
        keys: `(batch, dim)`; no gradient is stopped here.
        negatives: See above.
        temperature: τ; 0.1 as in SimCLR on ImageNet (MoCo 0.07 to 0.2, SimCLR on CIFAR 0.5).
        normalize: Whether rows are divided by their L2 norm first.
        symmetric: Whether keys look for queries as well: the mean of both directions.
        same_view: Whether the other queries are negatives, too.

    Returns:
        Tensor `(batch,)` in float32.

    Raises:
        ValueError: If `symmetric` or `same_view` is set with explicit negatives.

    Reference:
        van den Oord et al., Contrastive Predictive Coding, arXiv:1807.03748; He et al., MoCo,
        arXiv:1911.05722.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.info_nce(rows, rows)[0]), 4)  # log 4
        1.3863
    """
    if negatives is not None and (symmetric or same_view):
        raise ValueError("symmetric and same_view are for in-batch negatives: leave out negatives")
    queries, keys = prepared(queries, normalize), prepared(keys, normalize)
    if negatives is None:
        losses = _in_batch(queries, keys, temperature, same_view)
        if symmetric:
            losses = 0.5 * (losses + _in_batch(keys, queries, temperature, same_view))
        return losses
    negatives = prepared(negatives, normalize)
    right = dot(queries, keys) / temperature  # (batch,)
    if len(negatives.shape) == 2:
        wrong = similarities(queries, negatives) / temperature  # (batch, count)
    else:
        wrong = dot(queries[:, None, :], negatives) / temperature  # (batch, count)
    return ops.softplus(ops.logsumexp(wrong, axis=1) - right)


def _in_batch(queries: Any, keys: Any, temperature: float, same_view: bool) -> Any:
    logits = similarities(queries, keys) / temperature  # (batch, batch)
    total = ops.logsumexp(logits, axis=1)
    if same_view:
        own = similarities(queries, queries) / temperature
        own = ops.where(not_self(ops.shape(queries)[0]), own, LOWEST)
        total = ops.logaddexp(total, ops.logsumexp(own, axis=1))
    return total - ops.diagonal(logits)


def nt_xent(first: Any, second: Any, temperature: float = 0.1) -> Any:
    """Normalised temperature-scaled cross-entropy of SimCLR, for both views of each example.

    Rows are L2-normalised, `z` are all 2N of them, `s_ij = z_i·z_j / τ`, and the loss of an anchor
    is `-s_i,pos(i) + log Σ_{k≠i} exp(s_ik)`: negatives from both views, its own entry left out
    rather than made a large negative number. The loss is the mean over the 2N anchors, as in
    lightly and pytorch-metric-learning; google's SimCLR and keras-cv add both directions, exactly
    twice this value; keras.io's examples have cross-view negatives only (`info_nce`).

    Under data parallelism negatives come from the batch that the loss sees: the global one on JAX,
    that of each replica on TensorFlow and torch.

    Args:
        first: `(batch, dim)`: one view.
        second: `(batch, dim)`: the other.
        temperature: τ; 0.1 as in the paper on ImageNet (0.5 for CIFAR-10).

    Returns:
        Tensor `(2 * batch,)` in float32: the anchors of the first view, then of the second.

    Reference:
        Chen et al., A Simple Framework for Contrastive Learning, arXiv:2002.05709.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.nt_xent(rows, rows)[0]), 4)  # log 7
        1.9459
    """
    first, second = unit(first), unit(second)
    rows = ops.concatenate([first, second], axis=0)  # (2 batch, dim)
    logits = similarities(rows, rows) / temperature  # (2 batch, 2 batch)
    total = ops.logsumexp(ops.where(not_self(ops.shape(rows)[0]), logits, LOWEST), axis=1)
    right = dot(first, second) / temperature  # (batch,)
    return total - ops.concatenate([right, right], axis=0)  # (2 batch,)


@keras.saving.register_keras_serializable(package="kssl")
class NCE(Loss):
    """Noise-contrastive estimation, see `kssl.losses.nce`; takes `(log q, log p)`.

    Both are `(batch, 1 + K)`: first the data sample, then its `K` noise samples; `log q` under the
    noise distribution, `log p` under the model.

    Args:
        offset: Whether `log K` is taken off the logit, as in the paper.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 2))
        >>> round(float(kssl.losses.NCE()(zeros, zeros)), 4)
        1.3863
    """

    def __init__(self, offset: bool = True, name: str = "nce", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.offset = offset

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return nce(y_pred[:, 0], y_pred[:, 1:], y_true[:, 0], y_true[:, 1:], self.offset)


@keras.saving.register_keras_serializable(package="kssl")
class InfoNCE(Loss):
    """InfoNCE with in-batch negatives, see `kssl.losses.info_nce`; takes `(keys, queries)`.

    The keys are the target; with `symmetric` the order makes no difference. For explicit negatives
    or a queue, call the function.

    Args:
        temperature: τ of the paper.
        normalize: Whether rows are divided by their L2 norm first.
        symmetric: Whether keys look for queries as well.
        same_view: Whether the other queries are negatives, too.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `temperature` is not above 0.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.InfoNCE()(rows, rows)), 4)
        1.3863
    """

    spans_batch = True

    def __init__(
        self,
        temperature: float = 0.1,
        normalize: bool = True,
        symmetric: bool = False,
        same_view: bool = False,
        name: str = "info_nce",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("temperature", temperature)
        self.temperature = temperature
        self.normalize = normalize
        self.symmetric = symmetric
        self.same_view = same_view

    def call(self, y_true: Any, y_pred: Any) -> Any:
        settings = (self.temperature, self.normalize, self.symmetric, self.same_view)
        return info_nce(y_pred, y_true, None, *settings)


@keras.saving.register_keras_serializable(package="kssl")
class NTXent(Loss):
    """NT-Xent of SimCLR, see `kssl.losses.nt_xent`; takes `(first view, second view)`.

    The value of an example is the mean over its two views: the loss is the mean over 2N anchors.

    Args:
        temperature: τ of the paper.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `temperature` is not above 0.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.NTXent()(rows, rows)), 4)
        1.9459
    """

    spans_batch = True

    def __init__(self, temperature: float = 0.1, name: str = "nt_xent", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        require_positive("temperature", temperature)
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        losses = nt_xent(y_true, y_pred, self.temperature)  # (2 batch,)
        return ops.mean(ops.reshape(losses, (2, -1)), axis=0)  # (batch,)
