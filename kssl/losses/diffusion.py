"""The loss of a diffusion model: targets, weights by noise level, squared error."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, flat, per_example, require_one_of

PREDICTIONS = ("epsilon", "v", "x0")
WEIGHTINGS = ("none", "min_snr", "edm")


def diffusion_target(clean: Any, noise: Any, signal: Any, prediction: str = "epsilon") -> Any:
    """Return what a diffusion model is to predict from `√ᾱ · clean + √(1 - ᾱ) · noise`.

    `epsilon`: the noise; `x0`: the clean data; `v`: `√ᾱ · noise - √(1 - ᾱ) · clean`.

    Args:
        clean: `(batch, …)` data.
        noise: Of the same shape, standard normal.
        signal: `(batch,)`: ᾱ, the cumulative product of `1 - β` at each example's timestep.
        prediction: One of the names above.

    Returns:
        Tensor `(batch, …)` in float32.

    Raises:
        ValueError: If `prediction` is unknown.

    Reference:
        Salimans and Ho, Progressive Distillation, arXiv:2202.00512.

    Example:
        >>> import keras, kssl
        >>> ones, zeros = keras.ops.ones((2, 3)), keras.ops.zeros((2, 3))
        >>> float(kssl.losses.diffusion_target(ones, zeros, keras.ops.ones(2) * 0.75, "v")[0, 0])
        -0.5
    """
    require_one_of("prediction", prediction, PREDICTIONS)
    clean, noise = ops.cast(clean, "float32"), ops.cast(noise, "float32")
    if prediction != "v":
        return noise if prediction == "epsilon" else clean
    signal = per_example(signal, clean)
    return ops.sqrt(signal) * noise - ops.sqrt(1.0 - signal) * clean


def diffusion_weight(
    snr: Any,
    prediction: str = "epsilon",
    weighting: str = "none",
    gamma: float = 5.0,
    sigma_data: float = 0.5,
) -> Any:
    """Return the weight of each example's squared error at its signal-to-noise ratio.

    Weightings are defined on the error of the clean data `x0`: `min_snr` is `min(snr, γ)`, `edm`
    is `snr + 1 / σ_data²` (the paper's `(σ² + σ_data²) / (σ σ_data)²` with `snr = 1 / σ²`). The
    error of `epsilon` is `snr` times that of `x0`, the one of `v` is `snr + 1` times, so that the
    weight is divided by it: `min(snr, γ) / snr` and `min(snr, γ) / (snr + 1)` for `min_snr`.
    `none` is 1 for whatever is predicted: the simple loss of DDPM for `epsilon`.

    Args:
        snr: `(batch,)`: `ᾱ / (1 - ᾱ)`, or `1 / σ²`.
        prediction: `"epsilon"`, `"v"` or `"x0"`.
        weighting: One of the names above.
        gamma: Where `min_snr` is cut off; 5 as in the paper.
        sigma_data: Standard deviation of the data, for `edm`; 0.5 for images in [-1, 1].

    Returns:
        Tensor `(batch,)` in float32.

    Raises:
        ValueError: If `prediction` or `weighting` is unknown.

    Reference:
        Hang et al., Min-SNR, arXiv:2303.09556; Karras et al., EDM, arXiv:2206.00364.

    Example:
        >>> import keras, kssl
        >>> snr = keras.ops.convert_to_tensor([0.1, 10.0])
        >>> weights = kssl.losses.diffusion_weight(snr, weighting="min_snr")
        >>> keras.ops.convert_to_numpy(weights).tolist()
        [1.0, 0.5]
    """
    require_one_of("prediction", prediction, PREDICTIONS)
    require_one_of("weighting", weighting, WEIGHTINGS)
    snr = ops.cast(snr, "float32")
    if weighting == "none":
        return ops.ones_like(snr)
    floor = ops.maximum(snr, 1e-30)  # at the end of some schedules it is 0
    factor = {"x0": 1.0, "epsilon": 1.0 / floor, "v": 1.0 / (snr + 1.0)}[prediction]
    if weighting == "edm":
        return (snr + 1.0 / sigma_data**2) * factor
    return ops.minimum(floor, gamma) * factor


def diffusion(target: Any, prediction: Any, weight: Any = 1.0) -> Any:
    """Diffusion loss: the squared error of what is predicted, times the weight of its noise level.

    `weight · mean((target - prediction)²)`: a mean over the values of an example, as in the code of
    DDPM and its successors (the paper's norm is the sum). What the target is, is
    `diffusion_target`; the weight, `diffusion_weight`.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        target: `(batch, …)`.
        prediction: Of the same shape.
        weight: `(batch,)` or a number.

    Returns:
        Tensor `(batch,)` in float32.

    Reference:
        Ho et al., Denoising Diffusion Probabilistic Models, arXiv:2006.11239.

    Example:
        >>> import keras, kssl
        >>> noise = keras.ops.ones((2, 4))
        >>> float(kssl.losses.diffusion(noise, noise * 3.0)[0])
        4.0
    """
    error = ops.mean(ops.square(flat(target) - flat(prediction)), axis=1)
    return error * ops.cast(weight, "float32")  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class Diffusion(Loss):
    """Diffusion loss, see `kssl.losses.diffusion`; takes `(target, prediction)`.

    It says to the model what to predict, and how much each noise level counts:
    `loss(loss.target(clean, noise, signal), output, sample_weight=loss.weight(snr))`.

    Args:
        prediction: `"epsilon"`, `"v"` or `"x0"`.
        weighting: `"none"`, `"min_snr"` or `"edm"`.
        gamma: Where `min_snr` is cut off.
        sigma_data: Standard deviation of the data, for `edm`.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `prediction` or `weighting` is unknown.

    Example:
        >>> import keras, kssl
        >>> noise = keras.ops.ones((2, 4))
        >>> float(kssl.losses.Diffusion()(noise, noise * 3.0))
        4.0
    """

    def __init__(
        self,
        prediction: str = "epsilon",
        weighting: str = "none",
        gamma: float = 5.0,
        sigma_data: float = 0.5,
        name: str = "diffusion",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_one_of("prediction", prediction, PREDICTIONS)
        require_one_of("weighting", weighting, WEIGHTINGS)
        self.prediction = prediction
        self.weighting = weighting
        self.gamma = gamma
        self.sigma_data = sigma_data

    def target(self, clean: Any, noise: Any, signal: Any) -> Any:
        """Return what the model is to predict, see `kssl.losses.diffusion_target`."""
        return diffusion_target(clean, noise, signal, self.prediction)

    def weight(self, snr: Any) -> Any:
        """Return the weight of each example, see `kssl.losses.diffusion_weight`."""
        settings = (self.prediction, self.weighting, self.gamma, self.sigma_data)
        return diffusion_weight(snr, *settings)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return diffusion(y_true, y_pred)
