"""Notices before training about what may not be intended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kssl.system import devices

if TYPE_CHECKING:
    from kssl.recipe import Recipe
    from kssl.runs.plan import Prepared

FEW_STEPS = 200  # fewer than these leave most models close to where they began


def of_data(prepared: Prepared) -> None:
    """Say what was found, how the splits came about, and the classes."""
    for line in prepared.data.found:
        print(f"data: {line}")


def of_few_steps(prepared: Prepared) -> None:
    """Give notice where training is over before it can have an effect."""
    settings, size = prepared.recipe.settings.fit, prepared.data.train.size
    epoch = settings.steps_per_epoch or prepared.data.train.steps_per_epoch
    if epoch * settings.epochs < FEW_STEPS:
        print(
            f"note: {size} examples give {epoch * settings.epochs} training steps in all, which is "
            "few: raise fit.epochs or lower fit.batch_size"
        )


# Fact -> how it is said that a run has so many.
_COUNTED = {"steps_per_epoch": "steps in an epoch", "examples": "examples"}


def of_contradictions(recipe: Recipe) -> None:
    """Give notice where the recipe gives a part another length of the training than the run has."""
    for path, (given, actual) in recipe.supply.contradicted.items():
        what = _COUNTED.get(path.rpartition(".")[2], "steps")
        print(
            f"note: {path} is {given}, but this run has {actual} {what}: leave it out and it "
            "follows the run"
        )


def of_replicas(prepared: Prepared) -> None:
    """Give notice where a loss compares the examples of a batch, and no device sees all of it."""
    import keras

    loss, count = prepared.model.loss, devices.count()
    if keras.backend.backend() != "tensorflow" or count == 1:
        return
    if getattr(loss, "spans_batch", False):
        size = prepared.data.train.batch_size
        print(
            f"note: {loss.name} compares the examples of a batch, and on TensorFlow each of the "
            f"{count} devices sees its own {size // count} of {size} only: the loss is the mean of "
            "theirs, not that of the whole batch on one device; with --backend jax it is"
        )
