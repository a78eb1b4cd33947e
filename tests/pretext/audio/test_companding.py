"""The mu-law."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError


def formula(sound: np.ndarray, mu: int) -> np.ndarray:
    """f(x) of ITU-T G.711 in float64, scaled to 0 … mu."""
    sound = sound.astype(np.float64)
    bent = np.sign(sound) * np.log1p(mu * np.abs(sound)) / np.log1p(mu)
    return (bent + 1) / 2 * mu


@pytest.mark.parametrize("classes", [2, 5, 256, 65_536])
def test_it_is_the_formula_rounded(classes: int) -> None:
    sound = np.linspace(-1, 1, 40_001).astype(np.float32).reshape(1, -1)
    codes = pretext.mu_law(classes)({"audio": sound})["codes"].numpy()
    exact = formula(sound, classes - 1)
    # Within float32 of the edge between two classes either is right.
    edge = np.abs(exact - np.floor(exact) - 0.5) < 1e-7 * classes * classes
    clear = codes == np.floor(exact + 0.5)
    assert (clear | edge).all() and clear.mean() > 0.99
    assert codes.dtype == np.int32 and codes.min() == 0 and codes.max() == classes - 1


def test_known_values() -> None:
    sound = tf.constant([-1.0, -0.5, -0.1, -0.01, 0.0, 0.001, 0.01, 0.1, 0.5, 1.0])
    codes = pretext.mu_law()({"audio": sound})["codes"].numpy()
    # Worked out by hand from the formula: 127.5 (1 ± ln(1 + 255 |x|) / ln 256), rounded.
    assert codes.tolist() == [0, 16, 52, 98, 128, 133, 157, 203, 239, 255]


def test_there_and_back_again() -> None:
    codes = tf.range(256)
    sound = pretext.inverse_mu_law(codes)
    again = pretext.mu_law()({"audio": sound})["codes"]
    np.testing.assert_array_equal(again, codes)
    assert (np.diff(sound) > 0).all()
    np.testing.assert_allclose(sound, -sound[::-1], atol=1e-7)
    x = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    restored = pretext.inverse_mu_law(pretext.mu_law()({"audio": x})["codes"])
    # Half a class is (1 + mu |x|) ln(1 + mu) / mu² wide.
    assert (np.abs(restored - x) <= 1.03 * (1 + 255 * np.abs(x)) * np.log(256) / 255**2).all()


def test_what_is_louder_and_other_keys() -> None:
    given = {"audio": tf.constant([[-3.0, 3.0]]), "label": tf.constant([4])}
    made = pretext.mu_law(target="classes")(given)
    assert made["classes"].numpy().tolist() == [[0, 255]]
    assert made["label"] is given["label"] and made["audio"] is given["audio"]


def test_wrong_input_is_named() -> None:
    with pytest.raises(UserError, match="classes 1 is not 2 or more"):
        pretext.mu_law(1)
    with pytest.raises(UserError, match="'audio' is int16"):
        pretext.mu_law()({"audio": tf.constant([1], tf.int16)})
    with pytest.raises(UserError, match="reads 'audio', which the example lacks; there is: sound"):
        pretext.mu_law()({"sound": tf.zeros(4)})
