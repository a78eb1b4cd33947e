"""Samplers of diffusion models: DDIM, DDPM and Heun, and the steps that they are made of.

A sampler is a function of a `Step`, and a row of `SAMPLERS`. A step is a pure function of two noise
levels given by their rates, noisy = α · clean + σ · noise, so that it serves tables of timesteps
(α² + σ² = 1) and EDM's levels (α = 1) alike, and skips as many timesteps as lie between the two.
Clean data has the rates (1, 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from kssl.diffusion.forward_process import convert
from kssl.losses.base import per_example

Rates = tuple[Any, Any]


def _float(*tensors: Any) -> list[Any]:
    return [ops.cast(each, "float32") for each in tensors]


def _added(rates: Rates, following: Rates) -> tuple[Any, Any]:
    """Return the fraction `α / α'` of the signal and the variance that lie between two levels.

    For neighbouring timesteps these are `√(1 - β)` and β. The variance is a difference of noise,
    not of signal: near clean data float32 would lose β in `1 - (α / α')²`.
    """
    (signal, spread), (next_signal, next_spread) = rates, following
    kept = signal / next_signal
    return kept, ops.square(spread) - ops.square(kept * next_spread)


def ddpm_step(noisy: Any, clean: Any, rates: Rates, following: Rates) -> dict[str, Any]:
    """Return the Gaussian of one ancestral step, from one noise level to a lower one.

    Args:
        noisy: `(batch, …)` at the rates `rates`.
        clean: Of the same shape: what the model takes the clean data to be, clipped or not.
        rates: α and σ, `(batch,)` or numbers.
        following: α and σ of the level to go to.

    Returns:
        Dict of `mean` `(batch, …)`, and `(batch,)` variances: `variance_small`, of the posterior
        given the clean data, and `variance_large`, β. Both are 0 where the step ends at clean
        data.

    Reference:
        Ho et al., Denoising Diffusion Probabilistic Models, arXiv:2006.11239, equation 7.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> step = kssl.diffusion.ddpm_step(ones, 0.5 * ones, (0.6, 0.8), (1.0, 0.0))
        >>> float(step["mean"][0, 0])
        0.5
    """
    noisy, clean, *numbers = _float(noisy, clean, *rates, *following)
    (_, spread), (next_signal, next_spread) = numbers[:2], numbers[2:]
    kept, added = _added(numbers[:2], numbers[2:])
    total = ops.square(spread)
    of_clean = per_example(next_signal * added / total, noisy)
    of_noisy = per_example(kept * ops.square(next_spread) / total, noisy)
    return {
        "mean": of_clean * clean + of_noisy * noisy,
        "variance_small": ops.square(next_spread) / total * added,
        "variance_large": ops.where(next_spread > 0, added, ops.zeros_like(added)),
    }


def ddim_step(
    clean: Any, epsilon: Any, rates: Rates, following: Rates, eta: float = 0.0
) -> dict[str, Any]:
    """Return a step of DDIM, from one noise level to a lower one.

    `mean + sigma · noise` is the next noisy data. With `eta` 0 no noise is drawn: the same noise
    at the start gives the same data. With 1 it is the ancestral step of DDPM.

    Args:
        clean: `(batch, …)`: what the model takes the clean data to be.
        epsilon: Of the same shape: what it takes the noise to be. If the clean data was clipped,
            take the noise that fits to it, `(noisy - α · clean) / σ`.
        rates: α and σ, `(batch,)` or numbers.
        following: α and σ of the level to go to.
        eta: 0 to 1.

    Returns:
        Dict of `mean` `(batch, …)` and `sigma` `(batch,)`.

    Reference:
        Song et al., Denoising Diffusion Implicit Models, arXiv:2010.02502, equation 12.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> step = kssl.diffusion.ddim_step(ones, ones, (0.6, 0.8), (0.8, 0.6))
        >>> round(float(step["mean"][0, 0]), 4), float(step["sigma"])
        (1.4, 0.0)
    """
    clean, epsilon, *numbers = _float(clean, epsilon, *rates, *following)
    (_, spread), (next_signal, next_spread) = numbers[:2], numbers[2:]
    _, added = _added(numbers[:2], numbers[2:])
    sigma = eta * next_spread / spread * ops.sqrt(ops.maximum(added, 0.0))
    left = ops.sqrt(ops.maximum(ops.square(next_spread) - ops.square(sigma), 0.0))
    mean = per_example(next_signal, clean) * clean + per_example(left, clean) * epsilon
    return {"mean": mean, "sigma": sigma}


def renoise(noisy: Any, rates: Rates, following: Rates, noise: Any) -> Any:
    """Return noisy data with noise added: the forward process from a level to a higher one.

    Args:
        noisy: `(batch, …)` at `rates`.
        rates: α and σ, `(batch,)` or numbers.
        following: α and σ of the higher level.
        noise: Standard normal, of the shape of `noisy`.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> round(float(kssl.diffusion.renoise(ones, (1.0, 0.0), (0.6, 0.8), ones)[0, 0]), 4)
        1.4
    """
    noisy, noise, *numbers = _float(noisy, noise, *rates, *following)
    kept, added = _added(numbers[2:], numbers[:2])
    spread = ops.sqrt(ops.maximum(added, 0.0))
    return per_example(kept, noisy) * noisy + per_example(spread, noisy) * noise


def euler_step(noisy: Any, clean: Any, sigma: Any, sigma_next: Any) -> Any:
    """Return the first half of Heun's step: along the slope `(noisy - clean) / σ` to `σ'`.

    Args:
        noisy: `(batch, …)`: `clean + σ · noise`, so of a table's level divided by α.
        clean: Of the same shape: what the model takes the clean data to be.
        sigma: σ, a number or `(batch,)`; of a table's level `σ / α`.
        sigma_next: The level to go to.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> float(kssl.diffusion.euler_step(3.0 * ones, ones, 2.0, 1.0)[0, 0])
        2.0
    """
    noisy, clean, sigma, sigma_next = _float(noisy, clean, sigma, sigma_next)
    fraction = per_example(sigma_next / sigma, noisy)
    # Not noisy + (σ' - σ) · slope, the same number: where σ is thousands it would lose digits.
    return fraction * noisy + (1.0 - fraction) * clean


def heun_step(
    noisy: Any, clean: Any, euler: Any, clean_next: Any, sigma: Any, sigma_next: Any
) -> Any:
    """Return Heun's step: the mean of the slopes at both ends, without churn.

    Args:
        noisy: `(batch, …)` at σ.
        clean: What the model takes the clean data to be there.
        euler: What `euler_step` returned.
        clean_next: What the model takes the clean data to be at `euler`, at `sigma_next`.
        sigma: σ, a number or `(batch,)`.
        sigma_next: The level to go to, above 0; the last step, to 0, is Euler's alone.

    Reference:
        Karras et al., arXiv:2206.00364, algorithm 1.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> float(kssl.diffusion.heun_step(3.0 * ones, ones, 2.0 * ones, ones, 2.0, 1.0)[0, 0])
        2.0
    """
    noisy, clean, euler, clean_next = _float(noisy, clean, euler, clean_next)
    sigma, sigma_next = _float(sigma, sigma_next)
    slope = (euler - clean_next) / per_example(sigma_next, noisy)
    half = per_example(0.5 * (sigma_next - sigma), noisy) * slope
    return 0.5 * (noisy + euler) + half


@dataclass(frozen=True)
class Step:
    """What a sampler is given for one step, from one noise level to a lower one.

    Attributes:
        noisy: `(batch, …)` at the rates `rates`.
        clean: What the model takes the clean data to be there.
        rates: α and σ, `(1,)` each.
        following: α and σ of the level to go to.
        last: Whether that is clean data.
        denoise: From data at the level to go to, to what the model takes the clean data to be.
        draw: Returns standard normal noise of the shape of `noisy`.
        eta: Of DDIM.
    """

    noisy: Any
    clean: Any
    rates: Rates
    following: Rates
    last: bool
    denoise: Callable[[Any], Any]
    draw: Callable[[], Any]
    eta: float = 0.0

    def plus_noise(self, mean: Any, standard_deviation: Any) -> Any:
        """Return `mean + standard_deviation · noise`; nothing is drawn for the last step."""
        return mean if self.last else mean + standard_deviation * self.draw()


def ddim(step: Step) -> Any:
    """DDIM: deterministic with `eta` 0, see `ddim_step`."""
    epsilon = convert(step.noisy, step.clean, step.rates, "x0")["epsilon"]
    found = ddim_step(step.clean, epsilon, step.rates, step.following, step.eta)
    return step.plus_noise(found["mean"], found["sigma"]) if step.eta else found["mean"]


def ddpm(step: Step) -> Any:
    """DDPM: ancestral sampling with the small variance, see `ddpm_step`."""
    found = ddpm_step(step.noisy, step.clean, step.rates, step.following)
    return step.plus_noise(found["mean"], ops.sqrt(found["variance_small"]))


def heun(step: Step) -> Any:
    """Heun's second-order step, with the data divided by α: there each level is clean + σ · noise.

    It asks the model a second time, except for the last step.
    """
    (signal, spread), (next_signal, next_spread) = step.rates, step.following
    sigma, sigma_next = spread / signal, next_spread / next_signal
    scaled = step.noisy / signal
    euler = euler_step(scaled, step.clean, sigma, sigma_next)
    if step.last:
        return euler
    clean_next = step.denoise(euler * next_signal)
    return next_signal * heun_step(scaled, step.clean, euler, clean_next, sigma, sigma_next)


SAMPLERS: dict[str, Callable[[Step], Any]] = {"ddim": ddim, "ddpm": ddpm, "heun": heun}
