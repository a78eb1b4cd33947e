"""Learning to count: the loss of features of parts that add up to those of the whole."""

from __future__ import annotations

from typing import Any

from keras import ops


def counting(whole: Any, parts: Any, other: Any, margin: float = 10.0) -> Any:
    """Features of the parts add up to those of the whole, and not to those of another image.

    `|φ(Dx) - Σ_j φ(T_j x)|² + max(0, M - |φ(Dy) - Σ_j φ(T_j x)|²)` with squared L2 norms, sums over
    the features: `D` makes an image small, `T_j` are its quarters. Features that are 0 for every
    image cost exactly the margin `M`. The authors' code has the hinge for each feature by itself
    and takes means, which is another loss.

    Each example has its own value, so that data parallelism changes nothing but where the others
    come from.

    Args:
        whole: `(batch, features)`: φ of the small image.
        parts: `(batch, parts, features)`: φ of each quarter.
        other: `(batch, features)`: φ of another small image.
        margin: M; 10 in the paper.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Noroozi, Pirsiavash and Favaro, Representation Learning by Learning to Count,
        arXiv:1708.06734.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 3))
        >>> float(kssl.losses.counting(zeros, keras.ops.zeros((2, 4, 3)), zeros)[0])
        10.0
    """
    whole, parts, other = (ops.cast(each, "float32") for each in (whole, parts, other))
    total = ops.sum(parts, axis=1)  # (batch, features)
    same = ops.sum(ops.square(whole - total), axis=-1)  # (batch,)
    apart = ops.sum(ops.square(other - total), axis=-1)
    return same + ops.relu(margin - apart)
