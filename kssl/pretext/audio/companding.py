"""Sound as classes: the mu-law."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.scale import values_of


def mu_law(
    classes: int = 256, key: str = "audio", target: str = "codes", rank: int = 1
) -> MapFunction:
    """Write each sample of a sound as one of a few classes, fine where it is quiet.

    The mu-law (ITU-T G.711) with mu = `classes` - 1, as in A. van den Oord et al., "WaveNet: a
    generative model for raw audio", arXiv:1609.03499, section 2.2: f(x) = sign(x)
    ln(1 + mu |x|) / ln(1 + mu), and the class is (f + 1) / 2 * mu rounded to the nearest whole
    number, with a half rounded up. Silence is class `classes` / 2. A model can then predict the
    next sample as it would a word; `inverse_mu_law` makes sound of classes.

    Args:
        classes: How many; 256 is what one byte holds.
        key: The sound: float in [-1, 1]; what is louder gets the first or last class.
        target: Where the classes are written.
        rank: Dimensions of one example.

    Returns:
        A map function; `target` is int32 of the same shape, 0 … `classes` - 1.

    Raises:
        UserError: `classes` is below 2; from the map function, when `key` is not float.

    Example:
        >>> mu_law()({"audio": tf.constant([-1.0, -0.01, 0.0, 0.01, 1.0])})["codes"].numpy()
        array([  0,  98, 128, 157, 255], dtype=int32)
    """
    edges = tf.constant(_edges(classes))

    def change(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        sound = values_of("mu_law", batch, key)
        # Comparing is exact; a logarithm is rounded otherwise in one place than in another.
        codes = tf.searchsorted(edges, tf.reshape(sound, [-1]), side="right")
        return {
            target: tf.reshape(codes, tf.shape(sound))
            if None in sound.shape
            else tf.reshape(codes, sound.shape)
        }

    return by_batch("mu_law", change, {key: rank})


def inverse_mu_law(codes: tf.Tensor, classes: int = 256) -> tf.Tensor:
    """Turn the classes of `mu_law` back into sound.

    Args:
        codes: Whole numbers from 0 to `classes` - 1, any shape.
        classes: As `mu_law` was given.

    Returns:
        float32 of the same shape in [-1, 1]. Each class becomes the one value whose f(x) it is,
        so that `mu_law` of it gives the class again.

    Example:
        >>> inverse_mu_law(tf.constant([0, 255])).numpy()
        array([-1.,  1.], dtype=float32)
    """
    _check(classes)
    values = _expanded(2.0 * np.arange(classes) / (classes - 1) - 1.0, classes - 1)
    return tf.gather(tf.constant(values.astype(np.float32)), codes)


def _edges(classes: int) -> np.ndarray:
    """The smallest sample of each class but the first, `(classes - 1,)`."""
    _check(classes)
    middle = 2.0 * (np.arange(1, classes) - 0.5) / (classes - 1) - 1.0
    return _expanded(middle, classes - 1).astype(np.float32)


def _expanded(compressed: np.ndarray, mu: int) -> np.ndarray:
    return np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(mu)) / mu


def _check(classes: int) -> None:
    if classes < 2:
        raise UserError(f"mu_law: classes {classes} is not 2 or more")
