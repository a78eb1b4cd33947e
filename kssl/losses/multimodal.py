"""Losses of two kinds of data that belong together, such as images and their captions."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss
from kssl.losses.batch import not_self, similarities, unit

CLIP_SCALE = math.log(1 / 0.07)
SIGLIP_SCALE = math.log(10.0)


def clip(image: Any, text: Any, logit_scale: Any = CLIP_SCALE) -> Any:
    """CLIP's loss: each image is matched with its text in the batch and each text with its image.

    With L2-normalised rows and `logits = exp(logit_scale) · image textᵀ`, the mean of the
    cross-entropy over the row and over the column of each pair. Its own `logit_scale` is learnt:
    pass a weight of the model, starting at `log(1 / 0.07)`. The scale is held at 100 at most, as
    the paper does after each step (here its gradient is then 0); keep weight decay off it.

    Under data parallelism the others of the batch are those that the loss sees: the global batch
    on JAX, that of each replica on TensorFlow and torch.

    Args:
        image: `(batch, dim)`.
        text: `(batch, dim)`.
        logit_scale: Logarithm of the inverse temperature: a number or a scalar weight.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Radford et al., Learning Transferable Visual Models From Natural Language Supervision,
        arXiv:2103.00020.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.clip(rows, rows)[0]), 4)  # log 4
        1.3863
    """
    scale = ops.minimum(ops.exp(ops.cast(logit_scale, "float32")), 100.0)
    logits = scale * similarities(unit(image), unit(text))  # (batch images, batch texts)
    both = ops.logsumexp(logits, axis=1) + ops.logsumexp(logits, axis=0)
    return 0.5 * both - ops.diagonal(logits)  # (batch,)


def siglip(image: Any, text: Any, logit_scale: Any = SIGLIP_SCALE, logit_bias: Any = -10.0) -> Any:
    """SigLIP's loss: for each text and each image of the batch, whether they belong together.

    With L2-normalised rows, `logits = exp(logit_scale) · text imageᵀ + logit_bias` and `z = 1` for
    a pair that belongs together, else -1: `Σ_j -log σ(z_ij · logits_ij)` for each text `i`. A sum
    over the row, as in the paper and open_clip; a mean over all entries is smaller by the batch
    size. Scale and bias are learnt: pass weights of the model, starting at `log 10` and -10.

    Under data parallelism the others of the batch are those that the loss sees: the global batch
    on JAX, that of each replica on TensorFlow and torch.

    Args:
        image: `(batch, dim)`.
        text: `(batch, dim)`.
        logit_scale: Logarithm of the inverse temperature: a number or a scalar weight.
        logit_bias: Added to each logit; so low because most pairs do not belong together.

    Returns:
        Tensor `(batch,)` in float32, one value for each text.

    Reference:
        Zhai et al., Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.siglip(rows, rows)[0]), 4)  # 4 log 2
        2.7726
    """
    scale = ops.exp(ops.cast(logit_scale, "float32"))
    logits = scale * similarities(unit(text), unit(image)) + ops.cast(logit_bias, "float32")
    others = not_self(ops.shape(logits)[0])
    return ops.sum(ops.softplus(ops.where(others, logits, -logits)), axis=1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class CLIP(Loss):
    """CLIP's loss with a fixed scale, see `kssl.losses.clip`; takes `(image, text)` embeddings.

    A loss object has no weights: to learn the scale, call the function with a weight of the model.

    Args:
        logit_scale: Logarithm of the inverse temperature; `log(1 / 0.07)` by default.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.CLIP()(rows, rows)), 4)
        1.3863
    """

    spans_batch = True

    def __init__(self, logit_scale: float = CLIP_SCALE, name: str = "clip", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.logit_scale = logit_scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return clip(y_true, y_pred, self.logit_scale)


@keras.saving.register_keras_serializable(package="kssl")
class SigLIP(Loss):
    """SigLIP's loss with fixed scale and bias, see `kssl.losses.siglip`; takes `(image, text)`.

    A loss object has no weights: to learn them, call the function with weights of the model.

    Args:
        logit_scale: Logarithm of the inverse temperature; `log 10` by default.
        logit_bias: Added to each logit.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> rows = keras.ops.ones((4, 2))
        >>> round(float(kssl.losses.SigLIP()(rows, rows)), 4)
        2.7726
    """

    spans_batch = True

    def __init__(
        self,
        logit_scale: float = SIGLIP_SCALE,
        logit_bias: float = -10.0,
        name: str = "siglip",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.logit_scale = logit_scale
        self.logit_bias = logit_bias

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return siglip(y_true, y_pred, self.logit_scale, self.logit_bias)
