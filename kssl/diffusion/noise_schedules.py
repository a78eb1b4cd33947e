"""How much noise a diffusion model sees: tables of timesteps, or EDM's continuous levels.

A noise level is a pair of rates: noisy = α · clean + σ · noise. With a table, α² + σ² = 1 and the
level is a timestep; with EDM, α = 1 and the level is σ itself.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.losses.base import per_example

SCHEDULES = ("linear", "cosine")
SPACINGS = ("leading", "trailing", "linspace", "karras")


class NoiseSchedule:
    """A table of noise levels, one for each timestep, computed in float64.

    `linear`: β rises from `1e-4 · 1000 / T` to `0.02 · 1000 / T` (Ho et al., arXiv:2006.11239, for
    T = 1000; scaled so that other T end at the same noise, as Nichol and Dhariwal do). `cosine`:
    ᾱ = cos²((t/T + s) / (1 + s) · π/2) with s = 0.008 and β at most 0.999 (Nichol and Dhariwal,
    arXiv:2102.09672). Each timestep t from 0 to T - 1 has noise; clean data comes before t = 0.

    Args:
        kind: `"linear"` or `"cosine"`.
        timesteps: T, the number of levels.
        beta: The first and the last β of `linear`; None is the two above.
        offset: s of `cosine`.
        max_beta: The largest β of `cosine`.

    Attributes:
        betas: `(timesteps,)` in float64.
        signal: ᾱ, the cumulative product of `1 - β`, `(timesteps,)` in float64.

    Raises:
        ValueError: If `kind` is unknown, or the numbers give no β between 0 and 1.

    Example:
        >>> import kssl
        >>> schedule = kssl.diffusion.NoiseSchedule("cosine", timesteps=1000)
        >>> round(float(schedule.signal[500]), 4)
        0.4923
        >>> schedule.levels(4, "leading").tolist()
        [750, 500, 250, 0]
    """

    def __init__(
        self,
        kind: str = "cosine",
        timesteps: int = 1000,
        beta: tuple[float, float] | None = None,
        offset: float = 0.008,
        max_beta: float = 0.999,
    ) -> None:
        if kind not in SCHEDULES or timesteps < 1:
            raise ValueError(
                f"kind must be linear or cosine, and timesteps at least 1; got {kind!r} and "
                f"{timesteps}"
            )
        self.kind = kind
        self.timesteps = timesteps
        if kind == "linear":
            first, last = beta or (0.1 / timesteps, 20.0 / timesteps)
            self.betas = np.linspace(first, last, timesteps)
        else:
            at = (np.arange(timesteps + 1) / timesteps + offset) / (1 + offset)
            curve = np.cos(at * np.pi / 2) ** 2
            self.betas = np.minimum(1 - curve[1:] / curve[:-1], max_beta)
        if not (0 < self.betas.min() and self.betas.max() < 1):
            raise ValueError(
                f"every β must be between 0 and 1; {kind} with {timesteps} timesteps has "
                f"{self.betas.min():.3g} to {self.betas.max():.3g}: take more timesteps, or other β"
            )
        self.signal = np.cumprod(1 - self.betas)
        # Two tables: near a clean image, float32 does not hold 1 - ᾱ of a float32 ᾱ.
        self._rates = np.sqrt(np.stack([self.signal, 1 - self.signal], axis=1)).astype("float32")

    def draw(self, count: Any, seed: Any) -> Any:
        """Return the timesteps `(count,)` of a training batch: uniform, int32."""
        return keras.random.randint((count,), 0, self.timesteps, dtype="int32", seed=seed)

    def rates(self, level: Any) -> tuple[Any, Any]:
        """Return α and σ `(batch,)` of timesteps `(batch,)`; before t = 0 (-1) they are 1 and 0."""
        level = ops.cast(level, "int32")
        found = ops.take(ops.convert_to_tensor(self._rates), ops.maximum(level, 0), axis=0)
        clean = ops.cast(level < 0, "float32")  # (batch,)
        return found[:, 0] * (1.0 - clean) + clean, found[:, 1] * (1.0 - clean)

    def add_noise(self, clean: Any, noise: Any, level: Any) -> Any:
        """Return `α · clean + σ · noise` in float32."""
        return add_noise(clean, noise, self.rates(level))

    def snr(self, level: Any) -> Any:
        """Return the signal-to-noise ratio `ᾱ / (1 - ᾱ)` of timesteps `(batch,)`."""
        signal, noise = self.rates(level)
        return ops.square(signal / noise)

    def levels(self, steps: int, spacing: str = "trailing") -> np.ndarray:
        """Return the timesteps of a sampler, from noise to clean.

        `leading` is every (T // steps)-th from 0 (it never sees the last, noisiest one),
        `trailing` counts from the last one, `linspace` has both ends. `karras` has those nearest to
        EDM's levels (`edm_sigmas`, from σ / α = 80 at most), each once, so that they may be fewer.

        Raises:
            ValueError: If `steps` is not in 1 to T or `spacing` is unknown.
        """
        if spacing not in SPACINGS:
            raise ValueError(f"spacing must be one of {', '.join(SPACINGS)}; got {spacing!r}")
        if not 1 <= steps <= self.timesteps:
            raise ValueError(f"steps must be in 1 to {self.timesteps}; got {steps}")
        number = np.arange(steps)
        if spacing == "leading":
            return number[::-1] * (self.timesteps // steps)
        if spacing == "trailing":
            ends = np.round(self.timesteps - number * (self.timesteps / steps))
            return ends.astype("int64") - 1
        if spacing == "karras":
            return self._nearest_to_edm(steps)
        # With one step, the last timestep: it begins from noise.
        chosen = np.linspace(self.timesteps - 1, 0, steps)
        return np.round(chosen).astype("int64")

    def _nearest_to_edm(self, steps: int) -> np.ndarray:
        ratios = np.sqrt(1 / self.signal - 1)  # σ / α
        wanted = edm_sigmas(steps, ratios[0], max(ratios[0], min(ratios[-1], 80.0)))[:-1]
        places = np.abs(np.log(ratios) - np.log(wanted)[:, None]).argmin(axis=1)
        return np.unique(places)[::-1]

    def network_inputs(self, noisy: Any, level: Any) -> tuple[Any, Any]:
        """Return what the network is given: the noisy data as it is, and the timesteps."""
        return noisy, level

    def prediction(self, noisy: Any, output: Any, level: Any) -> Any:
        """Return the prediction that the network's output stands for: the output, in float32."""
        return ops.cast(output, "float32")


class EDMNoise:
    """Karras et al.'s noise levels: σ itself, log-normal in training, and their preconditioning.

    The network sees data of unit variance and `ln(σ) / 4`, and its output is mixed with the noisy
    data so that what it must give has unit variance too: see `edm_preconditioning`. Elucidating
    the Design Space of Diffusion-Based Generative Models, arXiv:2206.00364, table 1.

    Args:
        sigma_data: Standard deviation of the data; 0.5 for images in [-1, 1].
        mean: Mean of `ln σ` in training.
        deviation: Standard deviation of `ln σ` in training.
        sigma_min: The smallest level of a sampler.
        sigma_max: The largest one, where it begins.
        rho: How much closer the small levels are to each other.

    Example:
        >>> import kssl
        >>> [round(float(sigma), 2) for sigma in kssl.diffusion.EDMNoise().levels(4)]
        [80.0, 9.72, 0.47, 0.0]
    """

    def __init__(
        self,
        sigma_data: float = 0.5,
        mean: float = -1.2,
        deviation: float = 1.2,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        rho: float = 7.0,
    ) -> None:
        self.sigma_data = sigma_data
        self.mean = mean
        self.deviation = deviation
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.rho = rho

    def draw(self, count: Any, seed: Any) -> Any:
        """Return the levels σ `(count,)` of a training batch."""
        return ops.exp(self.mean + self.deviation * keras.random.normal((count,), seed=seed))

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


def add_noise(clean: Any, noise: Any, rates: tuple[Any, Any]) -> Any:
    """Return `α · clean + σ · noise` in float32, for rates α and σ of each example.

    Example:
        >>> import keras, kssl
        >>> ones = keras.ops.ones((2, 3))
        >>> round(float(kssl.diffusion.add_noise(ones, ones, (0.6, 0.8))[0, 0]), 4)
        1.4
    """
    signal, spread = (per_example(rate, clean) for rate in rates)
    return signal * ops.cast(clean, "float32") + spread * ops.cast(noise, "float32")


def convert(noisy: Any, output: Any, rates: tuple[Any, Any], prediction: str) -> dict[str, Any]:
    """Return what an output says of the clean data, the noise and the velocity.

    Args:
        noisy: `(batch, …)`: `α · clean + σ · noise`.
        output: Of the same shape, a model's prediction.
        rates: α and σ, `(batch,)` or numbers.
        prediction: What the output is: `"epsilon"`, `"v"` (`α · noise - σ · clean`, with
            α² + σ² = 1) or `"x0"`.

    Returns:
        Dict of `x0`, `epsilon` and `v`, in float32.

    Raises:
        ValueError: If `prediction` is unknown.

    Reference:
        Salimans and Ho, Progressive Distillation, arXiv:2202.00512.

    Example:
        >>> import keras, kssl
        >>> noisy, velocity = keras.ops.ones((1, 2)), keras.ops.zeros((1, 2))
        >>> found = kssl.diffusion.convert(noisy, velocity, (0.6, 0.8), "v")
        >>> round(float(found["x0"][0, 0]), 4), round(float(found["epsilon"][0, 0]), 4)
        (0.6, 0.8)
    """
    signal, spread = (per_example(rate, noisy) for rate in rates)
    noisy, output = ops.cast(noisy, "float32"), ops.cast(output, "float32")
    if prediction == "epsilon":
        epsilon, x0 = output, (noisy - spread * output) / signal
    elif prediction == "x0":
        x0, epsilon = output, (noisy - signal * output) / spread
    elif prediction == "v":
        x0, epsilon = signal * noisy - spread * output, signal * output + spread * noisy
    else:
        raise ValueError(f"prediction must be epsilon, v or x0; got {prediction!r}")
    return {"x0": x0, "epsilon": epsilon, "v": signal * epsilon - spread * x0}


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
