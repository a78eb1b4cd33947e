"""The plain settings of a recipe: everything that is not a part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class FitSettings:
    """How the model is trained.

    Attributes:
        batch_size: Examples in a step.
        epochs: Passes over the data.
        steps_per_epoch: Steps that count as one epoch; None means the whole of the data.
        steps_per_execution: Steps in one call of the compiled function, at most: a divisor of the
            steps of an epoch is taken. None lets kssl choose.
        checkpoint_seconds: Seconds between two checkpoints from which a run can be resumed.
    """

    batch_size: int = 128
    epochs: int = 10
    steps_per_epoch: int | None = None
    steps_per_execution: int | None = None
    checkpoint_seconds: float = 60.0


@dataclass(frozen=True)
class Settings:
    """What holds for a whole run.

    Attributes:
        seed: Every random number of a run follows from it.
        backend: Keras' backend; None leaves it to the command line and the environment.
        precision: Keras' dtype policy.
        jit: Whether the training step is compiled by XLA; "auto" does it where it is faster, see
            `docs/concepts.md`; PyTorch has none, and never compiles it.
        fit: How the model is trained.
    """

    seed: int = 0
    backend: Literal["tensorflow", "jax", "torch"] | None = None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit: bool | Literal["auto"] = "auto"
    fit: FitSettings = field(default_factory=FitSettings)


# The least value that makes sense; the types are checked against the annotations above.
LEAST = {
    "seed": 0,
    "fit.batch_size": 1,
    "fit.epochs": 1,
    "fit.steps_per_epoch": 1,
    "fit.steps_per_execution": 1,
    "fit.checkpoint_seconds": 0,
}
