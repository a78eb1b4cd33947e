"""The forward process: how noise is added, and what a prediction says of the parts.

A noise level is a pair of rates: noisy = α · clean + σ · noise.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from kssl.losses.base import per_example


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
