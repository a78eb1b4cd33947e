"""EDM's continuous noise levels: α = 1, and the level is σ itself."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.diffusion.forward_process import add_noise
from kssl.losses.base import per_example
from kssl.moved import renamed


class EDMNoise:
    """Karras et al.'s noise levels: σ itself, log-normal in training, and their preconditioning.

    The network sees data of unit variance and `ln(σ) / 4`, and its output is mixed with the noisy
    data so that what it must give has unit variance too: see `edm_preconditioning`. Elucidating
    the Design Space of Diffusion-Based Generative Models, arXiv:2206.00364, table 1.

    Args:
        sigma_data: Standard deviation of the data; 0.5 for images in [-1, 1].
        mean: Mean of `ln σ` in training.
        standard_deviation: Standard deviation of `ln σ` in training.
        sigma_min: The smallest level of a sampler.
        sigma_max: The largest one, where it begins.
        rho: How much closer the small levels are to each other.

    Example:
        >>> import kssl
        >>> [round(float(sigma), 2) for sigma in kssl.diffusion.EDMNoise().levels(4)]
        [80.0, 9.72, 0.47, 0.0]
    """

    @renamed(deviation="standard_deviation")
    def __init__(
        self,
        sigma_data: float = 0.5,
        mean: float = -1.2,
        standard_deviation: float = 1.2,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        rho: float = 7.0,
    ) -> None:
        self.sigma_data = sigma_data
        self.mean = mean
        self.standard_deviation = standard_deviation
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.rho = rho

    def draw(self, count: Any, seed: Any) -> Any:
        """Return the levels σ `(count,)` of a training batch."""
        normal = keras.random.normal((count,), seed=seed)
        return ops.exp(self.mean + self.standard_deviation * normal)

    def rates(self, level: Any) -> tuple[Any, Any]:
        """Return α = 1 and σ `(batch,)`; -1 stands for clean data, as in a table."""
        level = ops.cast(level, "float32")
        return ops.ones_like(level), ops.maximum(level, 0.0)

    def add_noise(self, clean: Any, noise: Any, level: Any) -> Any:
        """Return `clean + σ · noise` in float32."""
        return add_noise(clean, noise, self.rates(level))

    def snr(self, level: Any) -> Any:
        """Return `1 / σ²` `(batch,)`."""
        return 1.0 / ops.square(ops.cast(level, "float32"))

    def levels(self, steps: int, spacing: str = "trailing") -> np.ndarray:
        """Return the σ of a sampler, from noise to clean; they have one spacing of their own."""
        return edm_sigmas(steps, self.sigma_min, self.sigma_max, self.rho)[:-1]

    def network_inputs(self, noisy: Any, level: Any) -> tuple[Any, Any]:
        """Return the noisy data scaled to unit variance, and `ln(σ) / 4`."""
        factors = edm_preconditioning(level, self.sigma_data)
        return per_example(factors["c_in"], noisy) * noisy, factors["c_noise"]

    def prediction(self, noisy: Any, output: Any, level: Any) -> Any:
        """Return `c_skip · noisy + c_out · output`: the clean data, `"x0"`."""
        factors = edm_preconditioning(level, self.sigma_data)
        skip, out = (per_example(factors[name], noisy) for name in ("c_skip", "c_out"))
        return skip * noisy + out * ops.cast(output, "float32")


def edm_preconditioning(sigma: Any, sigma_data: float = 0.5) -> dict[str, Any]:
    """Return the four factors around a network at noise levels σ.

    `clean = c_skip · noisy + c_out · network(c_in · noisy, c_noise)`.

    Args:
        sigma: `(batch,)`.
        sigma_data: Standard deviation of the data.

    Returns:
        Dict of `c_skip`, `c_out`, `c_in` and `c_noise`, each `(batch,)` in float32.

    Reference:
        Karras et al., arXiv:2206.00364, table 1.

    Example:
        >>> import kssl
        >>> float(kssl.diffusion.edm_preconditioning(0.5)["c_skip"])
        0.5
    """
    sigma = ops.cast(sigma, "float32")
    total = ops.square(sigma) + sigma_data**2
    return {
        "c_skip": sigma_data**2 / total,
        "c_out": sigma * sigma_data / ops.sqrt(total),
        "c_in": 1.0 / ops.sqrt(total),
        "c_noise": ops.log(sigma) / 4.0,
    }


def edm_sigmas(
    steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0
) -> np.ndarray:
    """Return the noise levels of EDM's sampler in float64, and a 0 at the end: `steps + 1` values.

    Raises:
        ValueError: If `steps` is less than 1 or the levels do not fall.

    Example:
        >>> import kssl
        >>> len(kssl.diffusion.edm_sigmas(18))
        19
    """
    if steps < 1 or not 0 < sigma_min <= sigma_max:
        raise ValueError(
            f"steps must be at least 1 and 0 < sigma_min <= sigma_max; got {steps}, {sigma_min} "
            f"and {sigma_max}"
        )
    ends = np.array([sigma_max, sigma_min]) ** (1 / rho)
    way = np.linspace(0.0, 1.0, steps)
    return np.append((ends[0] + way * (ends[1] - ends[0])) ** rho, 0.0)
