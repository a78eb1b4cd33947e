"""Real handwritten digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from kssl.data.from_arrays import Dataset
from kssl.data.splitting import check_split, piece, shuffled
from kssl.errors import UserError
from kssl.system.memory import require

_DIGITS = {"train": 1257, "validation": 270, "test": 270}


def digits(split: str = "train", size: int = 28) -> Dataset:
    """1,797 real handwritten digits, which come with scikit-learn.

    E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI repository, 1998
    (the part that scikit-learn ships): 8x8 grey images of 17 levels, enlarged to `size`. They
    can stand in for MNIST where nothing can be downloaded; they are fewer and coarser, so their
    numbers are not MNIST's.

    Args:
        split: `train` (1,257), `validation` (270) or `test` (270), each with all classes alike.
        size: Height and width of the images.

    Returns:
        A dataset of `{"image": uint8 (size, size, 1), "label": int64 ()}`.

    Example:
        >>> digits("test").cardinality().numpy().item()
        270
    """
    import tensorflow as tf
    from sklearn.datasets import load_digits

    check_split(split)
    if size < 1:
        raise UserError(f"digits: size {size} is not 1 or more")
    require(_DIGITS[split] * 5.0 * size**2, f"digits of size {size}")  # float32, then bytes
    loaded = load_digits()
    chosen = piece(shuffled(len(loaded.target), loaded.target), _DIGITS, split)
    images = _enlarge(loaded.images[chosen], size)
    labels = loaded.target[chosen].astype(np.int64)
    return tf.data.Dataset.from_tensor_slices({"image": images, "label": labels})


def _enlarge(images: np.ndarray, size: int) -> np.ndarray:
    """Grey levels 0 … 16 `(n, 8, 8)` -> uint8 `(n, size, size, 1)`."""
    import tensorflow as tf

    gray = images[..., None].astype(np.float32) * (255.0 / 16.0)
    # Bicubic keeps strokes sharper than bilinear; it overshoots, hence the clipping.
    gray = tf.image.resize(gray, (size, size), "bicubic", antialias=size < 8).numpy()
    return np.clip(np.rint(gray), 0, 255).astype(np.uint8)
