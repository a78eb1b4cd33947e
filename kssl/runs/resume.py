"""Where an interrupted training resumes: its state, and the steps that are left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from kssl.runs.directory import Run

if TYPE_CHECKING:
    import keras


class Part(NamedTuple):
    """What one call of Keras' `fit` trains.

    Attributes:
        start: The training step that it begins with, counted from 0 over all epochs.
        steps: Steps of its (first) epoch.
        initial_epoch: Number of its first epoch, from 0.
        epochs: Number of the epoch before which it ends.
    """

    start: int
    steps: int
    initial_epoch: int
    epochs: int


def restored(model: keras.Model, run: Run) -> dict[str, Any] | None:
    """Write the run's newest checkpoint into a model; return its state, None without one."""
    from kssl.callbacks.checkpoint import latest, restore

    checkpoint = latest(run.checkpoints)
    return restore(model, checkpoint) if checkpoint else None


def remaining(done: int, steps: int, epochs: int) -> Iterator[Part]:
    """Yield the parts that are left of a training.

    An epoch that was interrupted is finished by a `fit` of its own: Keras starts whole ones.

    Args:
        done: Steps that were made, over all epochs.
        steps: Steps of a whole epoch.
        epochs: Epochs in all.

    Example:
        >>> [tuple(part) for part in remaining(done=25, steps=10, epochs=5)]
        [(25, 5, 2, 3), (30, 10, 3, 5)]
    """
    whole = -(-done // steps)  # the first epoch that begins at its beginning
    if done % steps:
        yield Part(done, whole * steps - done, whole - 1, whole)
    if whole < epochs:
        yield Part(whole * steps, steps, whole, epochs)
