"""From noise to data: the loop over the noise levels, with one of the samplers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from keras import ops

from kssl.diffusion.edm import EDMNoise
from kssl.diffusion.forward_process import add_noise
from kssl.diffusion.noise_schedules import NoiseSchedule
from kssl.diffusion.samplers import SAMPLERS, Rates, Step, renoise

CLEAN = -1  # the level before the first: no noise
LARGEST_BATCH = 128  # of sampling

Denoise = Callable[[Any, Any], Any]


class ReverseProcess:
    """The reverse process: denoises level by level.

    Args:
        schedule: The noise levels that the model was trained on.
        steps: How many of them are visited, None is 50, or all where there are fewer; `heun` asks
            the model twice for each but the last.
        sampler: A name of `kssl.diffusion.SAMPLERS`: `"ddim"` draws noise at the start alone (with
            `eta` 0), `"ddpm"` after each step, `"heun"` is a second-order step of DDIM's path.
        eta: Of DDIM; 1 draws as much noise as DDPM.
        spacing: Which timesteps are visited, see `NoiseSchedule.levels`; None is `karras` for
            `heun`, whose error grows where σ jumps, else `trailing`.

    Raises:
        ValueError: If `sampler` is unknown, `eta` not in 0 to 1, or `steps` out of range.

    Example:
        >>> import keras, kssl
        >>> schedule = kssl.diffusion.NoiseSchedule("cosine", timesteps=100)
        >>> process = kssl.diffusion.ReverseProcess(schedule, steps=10)
        >>> noise = keras.ops.ones((2, 8, 8, 1))
        >>> *_, last = process.run(lambda noisy, level: 0.5 * keras.ops.ones_like(noisy), noise)
        >>> float(last[0, 0, 0, 0])
        0.5
    """

    def __init__(
        self,
        schedule: NoiseSchedule | EDMNoise,
        steps: int | None = 50,
        sampler: str = "ddim",
        eta: float = 0.0,
        spacing: str | None = None,
    ) -> None:
        if sampler not in SAMPLERS or not 0 <= eta <= 1:
            raise ValueError(
                f"sampler must be one of {', '.join(SAMPLERS)} and eta 0 to 1; got {sampler!r} "
                f"and {eta}"
            )
        self.schedule = schedule
        self.sampler = sampler
        self.eta = eta
        default = "karras" if sampler == "heun" else "trailing"
        if steps is None:
            steps = min(50, getattr(schedule, "timesteps", 50))
        self.levels = schedule.levels(steps, spacing or default)
        rates = map(ops.convert_to_numpy, schedule.rates(np.append(self.levels, CLEAN)))
        pairs = zip(*rates, strict=True)
        self._rates_of = dict(zip([*self.levels, CLEAN], pairs, strict=True))

    def run(
        self,
        denoise: Denoise,
        noise: Any,
        draw: Callable[[], Any] | None = None,
        known: tuple[Any, Any] | None = None,
        repeats: int = 1,
    ) -> Iterator[Any]:
        """Yield what the noise has become after each step; the last is clean.

        Args:
            denoise: From noisy data and its levels `(batch,)` to what the clean data is taken to
                be.
            noise: `(batch, …)`, standard normal.
            draw: Returns fresh noise of that shape; only samplers and arguments that draw need it.
            known: Clean data, and a mask of it that is 1 where it is to be kept: that part comes
                from the data with noise at every step, so that the rest grows to fit to it.
            repeats: How often each step is made, with noise put back between (RePaint, Lugmayr et
                al., arXiv:2201.09865): more let the filled part agree with what is known.
        """
        noisy = _tensor(noise) * self._rates(self.levels[0])[1]
        known = None if known is None else tuple(map(_tensor, known))
        following = [*self.levels[1:], CLEAN]
        for level, after in zip(self.levels, following, strict=True):
            for number in range(repeats):
                noisy = self._step(denoise, noisy, level, after, draw)
                noisy = self._with_known(noisy, after, draw, known)
                if number + 1 < repeats:
                    fresh = _tensor(draw())
                    noisy = renoise(noisy, self._rates(after), self._rates(level), fresh)
            yield noisy

    def run_all(
        self,
        denoise_of: Callable[[np.ndarray], Denoise],
        noise: SeededNoise,
        count: int,
        known: tuple[np.ndarray, np.ndarray] | None = None,
        repeats: int = 1,
    ) -> Any:
        """Return `count` examples, made in batches.

        Args:
            denoise_of: From the numbers of some examples to the function that denoises them.
            noise: Where noise comes from.
            count: How many.
            known: See `run`; of all examples.
            repeats: See `run`.
        """

        def draw(rows: np.ndarray) -> Any:
            kept = None if known is None else (known[0][rows], known[1][rows])
            source = noise.of(rows)
            *_, last = self.run(denoise_of(rows), source(), source, kept, repeats)
            return last

        return in_batches(draw, count, LARGEST_BATCH)

    def _step(self, denoise: Denoise, noisy: Any, level: Any, after: Any, draw: Any) -> Any:
        clean = _tensor(denoise(noisy, _batch(level, noisy)))
        step = Step(
            noisy,
            clean,
            self._rates(level),
            self._rates(after),
            last=after == CLEAN,
            denoise=lambda moved: _tensor(denoise(moved, _batch(after, moved))),
            draw=lambda: _tensor(draw()),
            eta=self.eta,
        )
        return SAMPLERS[self.sampler](step)

    def _with_known(self, noisy: Any, level: Any, draw: Any, known: Any) -> Any:
        if known is None:
            return noisy
        clean, mask = known
        if level != CLEAN:
            clean = add_noise(clean, _tensor(draw()), self._rates(level))
        return mask * clean + (1.0 - mask) * noisy

    def _rates(self, level: Any) -> Rates:
        """Return α and σ of one level, numbers: TensorFlow makes them slowly, one by one."""
        return self._rates_of[level]


def _tensor(values: Any) -> Any:
    return ops.convert_to_tensor(values, dtype="float32")


def _batch(level: Any, like: Any) -> np.ndarray:
    dtype = "int32" if isinstance(level, int | np.integer) else "float32"
    return np.full((like.shape[0],), level, dtype)


class SeededNoise:
    """Standard normal numbers that depend on the seed and the place of the example alone.

    They are NumPy's, so that they are the same on every backend, and for the first images of any
    number of images.

    Args:
        seed: A whole number, 0 or above.
        shape: Of one example.

    Example:
        >>> import numpy, kssl
        >>> noise = kssl.diffusion.SeededNoise(0, (2, 2, 1))
        >>> few, many = (noise.of(numpy.arange(count))() for count in (2, 5))
        >>> bool((few == many[:2]).all())
        True
    """

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self.seed = seed
        self.shape = tuple(shape)

    def of(self, rows: np.ndarray) -> Callable[[], np.ndarray]:
        """Return a function that draws noise for these examples, new noise at each call."""
        sources = [np.random.default_rng([self.seed, int(row)]) for row in rows]
        return lambda: np.stack(
            [source.standard_normal(self.shape, dtype=np.float32) for source in sources]
        )


def in_batches(draw: Callable[[np.ndarray], Any], count: int, largest: int) -> Any:
    """Draw examples in batches of few sizes, each of which is compiled once.

    Args:
        draw: From the numbers of some examples to those examples.
        count: How many; a last batch is filled up with copies of its last example.
        largest: Examples at a time, at most.
    """
    size = min(largest, max(4, 1 << (count - 1).bit_length()))
    batches = [
        draw(np.minimum(np.arange(start, start + size), count - 1))
        for start in range(0, count, size)
    ]
    return ops.concatenate(batches)[:count]
