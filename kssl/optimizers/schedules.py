"""Learning rates over the steps of a training."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kssl")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then cosine decay to the last step.

    Loshchilov and Hutter, SGDR, arXiv:1608.03983, after the warm-up of Goyal et al.,
    arXiv:1706.02677. `keras.optimizers.schedules.CosineDecay` has a warm-up too, but its first
    step has the learning rate zero, and its decay starts to count when the warm-up ends; here
    step `k` of `n` of the warm-up has `peak · (k + 1) / (n + 1)`, and `total_steps` are the steps
    of the whole training. In a recipe leave them out: the run gives those that it has, so that the
    schedule follows `fit.epochs` and the data.

    Args:
        peak: Highest learning rate, reached after the warm-up.
        total_steps: Steps of the whole training, warm-up included. As in every schedule of Keras
            they are batches, also where gradients are accumulated over several.
        warmup_steps: Steps of the warm-up, as a number.
        final: Learning rate from the last step on.
        batch_size: Examples of a step. `peak` and `final` are for 256 of them and grow in
            proportion (Goyal et al.), the rule of SimCLR, BYOL and MAE.
        warmup: Steps of the warm-up as a fraction of `total_steps`, rounded: 0.05 is a usual one.
            It stays right when the training becomes longer or shorter.

    Raises:
        ValueError: If the warm-up does not end before the training, or is given in both ways.

    Example:
        >>> import kssl
        >>> schedule = kssl.optimizers.WarmupCosine(0.1, total_steps=100, warmup=0.09)
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
        warmup: float = 0.0,
    ) -> None:
        super().__init__()
        if warmup and warmup_steps:
            raise ValueError(
                f"give warmup_steps or warmup, not both; got {warmup_steps} and {warmup}"
            )
        if not 0 <= warmup < 1:
            raise ValueError(
                f"warmup is a fraction of the steps, at least 0 and less than 1; got {warmup}: "
                "give a number of steps as warmup_steps"
            )
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
        self.warmup = warmup
        self.rise = warmup_steps or min(round(warmup * total_steps), total_steps - 1)

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rise = self.peak * (step + 1.0) / (self.rise + 1.0)
        done = (step - self.rise) / (self.total_steps - self.rise)
        wave = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(done, 0.0, 1.0)))
        fall = self.final + (self.peak - self.final) * wave
        return ops.where(step < self.rise, rise, fall) * (self.batch_size / 256)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "final": self.final,
            "batch_size": self.batch_size,
            "warmup": self.warmup,
        }
