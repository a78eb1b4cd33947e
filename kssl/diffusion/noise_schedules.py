"""How much noise a diffusion model sees, as a table of timesteps.

A noise level is a pair of rates: noisy = α · clean + σ · noise, with α² + σ² = 1.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.diffusion.edm import edm_sigmas
from kssl.diffusion.forward_process import add_noise

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
                f"kind must be {' or '.join(SCHEDULES)}, and timesteps at least 1; got {kind!r} "
                f"and {timesteps}"
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
