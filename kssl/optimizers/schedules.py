"""Learning rates over the steps of a training."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kssl")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise, then half a cosine down to the last step.

    Loshchilov and Hutter, SGDR, arXiv:1608.03983, after the warm-up of Goyal et al.,
    arXiv:1706.02677. `keras.optimizers.schedules.CosineDecay` has a warm-up too, but its first
    step has the learning rate zero, and its decay starts to count when the warm-up ends; here
    step `k` of the warm-up has `peak · (k + 1) / (warmup_steps + 1)`, and `total_steps` are the
    steps of the whole training.

    Args:
        peak: Highest learning rate, reached after the warm-up.
        total_steps: Steps of the whole training, warm-up included. As in every schedule of Keras
            they are batches, also where gradients are accumulated over several.
        warmup_steps: Steps of the rise.
        final: Learning rate from the last step on.
        batch_size: Examples of a step. `peak` and `final` are for 256 of them and grow in
            proportion (Goyal et al.), the rule of SimCLR, BYOL and MAE.

    Raises:
        ValueError: If the warm-up does not end before the training.

    Example:
        >>> import kssl
        >>> schedule = kssl.optimizers.WarmupCosine(0.1, total_steps=100, warmup_steps=9)
        >>> [round(float(schedule(step)), 3) for step in (0, 9, 100)]
        [0.01, 0.1, 0.0]
    """

    def __init__(
        self,
        peak: float,
        total_steps: int,
        warmup_steps: int = 0,
        final: float = 0.0,
        batch_size: int = 256,
    ) -> None:
        super().__init__()
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                f"warmup_steps must be at least 0 and less than total_steps; got {warmup_steps} "
                f"and {total_steps}"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}")
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.final = final
        self.batch_size = batch_size

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rise = self.peak * (step + 1.0) / (self.warmup_steps + 1.0)
        share = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        wave = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(share, 0.0, 1.0)))
        fall = self.final + (self.peak - self.final) * wave
        return ops.where(step < self.warmup_steps, rise, fall) * (self.batch_size / 256)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "final": self.final,
            "batch_size": self.batch_size,
        }
