"""Losses of energy-based models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss


def contrastive_divergence(visible: Any, sample: Any, free_energy: Callable[[Any], Any]) -> Any:
    """Contrastive divergence: low free energy for the data, high for the model's own samples.

    `F(v) - F(v_model)` of each example, the sample held constant: its gradient is that of the
    negative log-likelihood as far as the sample stands for the model. The value says nothing of
    how good a model is, and is often below 0.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        visible: `(batch, …)` data.
        sample: `(batch, …)` drawn from the model, with a few Gibbs steps from the data (CD-k) or
            from an earlier sample (persistent); its gradient is stopped.
        free_energy: Maps a batch to `(batch,)`, such as `rbm_free_energy` with its weights.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Hinton, Training Products of Experts by Minimizing Contrastive Divergence, 2002.

    Example:
        >>> import keras, kssl
        >>> data, sample = keras.ops.ones((2, 3)), keras.ops.zeros((2, 3))
        >>> energy = lambda visible: keras.ops.sum(visible, axis=1)
        >>> float(kssl.losses.contrastive_divergence(data, sample, energy)[0])
        3.0
    """
    visible = ops.convert_to_tensor(visible)
    sample = ops.stop_gradient(ops.convert_to_tensor(sample))
    return ops.cast(free_energy(visible), "float32") - ops.cast(free_energy(sample), "float32")


def rbm_free_energy(visible: Any, weights: Any, visible_bias: Any, hidden_bias: Any) -> Any:
    """Free energy of a restricted Boltzmann machine of binary units, in nats.

    `-b·v - Σ_j softplus(c_j + (v W)_j)`: the hidden units are summed out.

    Args:
        visible: `(batch, visible)`.
        weights: `(visible, hidden)`: `W`.
        visible_bias: `(visible,)`: `b`.
        hidden_bias: `(hidden,)`: `c`.

    Returns:
        Tensor `(batch,)` in float32.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros
        >>> energy = kssl.losses.rbm_free_energy(zeros((2, 3)), zeros((3, 4)), zeros(3), zeros(4))
        >>> round(float(energy[0]), 4)  # -4 log 2
        -2.7726
    """
    given = (visible, weights, visible_bias, hidden_bias)
    visible, weights, visible_bias, hidden_bias = (ops.cast(each, "float32") for each in given)
    hidden = ops.softplus(ops.matmul(visible, weights) + hidden_bias)  # (batch, hidden)
    return -ops.sum(visible * visible_bias, axis=-1) - ops.sum(hidden, axis=-1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class ContrastiveDivergence(Loss):
    """Contrastive divergence from free energies; takes `(of the model's sample, of the data)`.

    Both are `(batch,)`, see `kssl.losses.contrastive_divergence`. No gradient is stopped here: the
    one of the sample's energy is half of the loss. Stop it at the sample.

    Args:
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Example:
        >>> import keras, kssl
        >>> loss = kssl.losses.ContrastiveDivergence()
        >>> float(loss(keras.ops.ones((2,)), keras.ops.zeros((2,))))
        -1.0
    """

    def __init__(self, name: str = "contrastive_divergence", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred - y_true
