"""Where an interrupted training resumes: its state, and the steps that are left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from kssl.errors import RunError
from kssl.runs.directory import Run

if TYPE_CHECKING:
    import keras

    from kssl.recipe import Recipe


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


def restored(model: keras.Model, run: Run, put_aside: bool = True) -> dict[str, Any] | None:
    """Write the run's newest checkpoint that is whole into a model.

    Args:
        model: Built and compiled.
        run: Of which it is.
        put_aside: Whether a damaged checkpoint gets another name, so that it is not counted among
            those that are kept.

    Returns:
        Its state, None where there is no checkpoint.

    Raises:
        RunError: There are checkpoints, and all of them are damaged.
    """
    from kssl.callbacks.checkpoint import all_of, restore
    from kssl.callbacks.checkpoint_file import Damaged

    if not run.file("checkpoints").is_dir():
        return None
    damaged: list[str] = []
    state = None
    for path in all_of(run.file("checkpoints")):
        try:
            state = restore(model, path)
            break
        except Damaged as error:
            damaged.append(str(error))
            if put_aside:
                path.rename(path.with_name(f"damaged-{path.name}"))
    if damaged and state is None:
        raise RunError(
            f"no checkpoint of {run.path} can be read: {'; '.join(damaged)}. Delete its folder "
            "checkpoints, and --resume begins the training again"
        )
    for said in damaged:
        logging.getLogger("kssl").warning(
            "the checkpoint %s: the one before it is used, of step %d", said, state["step"]
        )
    return state


def end_training(model: keras.Model, recipe: Recipe, state: dict[str, Any]) -> None:
    """Give a model the weights that it would have if its training had ended with a checkpoint.

    Args:
        model: As the checkpoint had it.
        recipe: Whose callbacks may put averages or the best weights in place of the last ones;
            no others are made.
        state: Of the checkpoint.
    """
    import keras

    from kssl.callbacks import SwapEMA
    from kssl.callbacks.callback_state import CallbackState

    replacing = (SwapEMA, keras.callbacks.EarlyStopping, keras.callbacks.SwapEMAWeights)
    for target, settings, own in zip(
        recipe.targets("callbacks"),
        recipe.settings_of("callbacks"),
        state["callbacks"],
        strict=False,
    ):
        if isinstance(target, type) and issubclass(target, replacing):
            callback = target(**{key: value for key, value in settings.items() if key != "use"})
            CallbackState(callback).set(own, state.get("arrays", []))
            callback.set_model(model)
            callback.on_train_end()


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
