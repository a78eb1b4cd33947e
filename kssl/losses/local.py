"""InfoNCE of a vector against maps of local features: the loss of AMDIM."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from kssl.losses.batch import LOWEST, not_self, similarities


def local_info_nce(vectors: Any, maps: Any, clip: float = 20.0, penalty: float = 0.05) -> Any:
    """InfoNCE of a vector of each image against each place of its own map and all of the others'.

    With scores `s_ijp = v_i·m_jp / sqrt(dim)`, clipped softly, `c = K tanh(s / K)`, the loss of an
    image is the mean over the places p of its map of
    `-log( exp(c_iip) / (exp(c_iip) + Σ_{j≠i,q} exp(c_ijq)) )`: negatives are all places of other
    images, and never another place of its own. Added is `penalty` times the mean of `s²`, before
    the clip. A network that knows nothing has log(1 + (batch - 1) · places).

    Memory for batch² · places scores. Under data parallelism negatives come from the batch that the
    loss sees: the global one on JAX, that of each replica on TensorFlow and torch.

    Args:
        vectors: `(batch, dim)`, not normalised.
        maps: `(batch, places, dim)`, usually of another view of the images.
        clip: K, the largest score.
        penalty: Weight of the squared scores.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Bachman, Hjelm and Buchwalter, Learning Representations by Maximizing Mutual Information
        Across Views, arXiv:1906.00910.

    Example:
        >>> import keras, kssl
        >>> vectors, maps = keras.ops.zeros((4, 2)), keras.ops.zeros((4, 9, 2))
        >>> round(float(kssl.losses.local_info_nce(vectors, maps)[0]), 4)  # log 28
        3.3322
    """
    vectors, maps = ops.cast(vectors, "float32"), ops.cast(maps, "float32")
    places, dim = maps.shape[1:]
    # Scaled first, so that no product of large numbers overflows before.
    rows = ops.reshape(maps / math.sqrt(dim), (-1, dim))  # (batch · places, dim)
    scores = similarities(vectors, rows)
    scores = ops.reshape(scores, (-1, ops.shape(maps)[0], places))  # (batch, batch, places)
    clipped = clip * ops.tanh(scores / clip)
    others = not_self(ops.shape(maps)[0])[..., None]  # (batch, batch, 1)
    right = ops.sum(ops.where(others, 0.0, clipped), axis=1)  # (batch, places)
    wrong = ops.logsumexp(ops.where(others, clipped, LOWEST), axis=(1, 2))  # (batch,)
    losses = ops.mean(ops.softplus(wrong[:, None] - right), axis=1)
    return losses + penalty * ops.mean(ops.square(scores), axis=(1, 2))
