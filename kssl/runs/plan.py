"""From a checked recipe to parts that fit together: nothing is trained or written yet.

Everything that can be wrong with what the user gave is found here.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError
from kssl.runs.checks import check_callbacks, check_together
from kssl.system import devices

if TYPE_CHECKING:
    import keras

    from kssl.data.splits import Splits
    from kssl.recipe import Recipe


@dataclasses.dataclass
class Prepared:
    """A recipe whose parts are built and fit together.

    Attributes:
        recipe: What they were built from.
        data: The three splits, and where they came from.
        model: Built, with its optimizer, on the recipe's seed.
    """

    recipe: Recipe
    data: Splits
    model: keras.Model


def prepare(
    recipe: Recipe,
    allow_stand_in: bool = True,
    used: str | None = None,
    sources: Mapping[str, str] | None = None,
    all_parts: bool = True,
    held: Sequence[str] = ("train", "validation", "test"),
) -> Prepared:
    """Build what a recipe names, and check that the parts fit together.

    Args:
        recipe: Loaded by `kssl.recipe.load`.
        allow_stand_in: Whether the recipe's `stand_in` may be used where its data is unavailable.
        used: For a resumed run: the data set that it began with.
        sources: For a run: where its paths led to, see `kssl.data.splits.open_splits`.
        all_parts: Whether callbacks and evaluations are built too, to find what they refuse. False
            builds data, model and optimizer alone.
        held: The splits that are read at once, see `kssl.data.splits.open_splits`.

    Raises:
        UserError: Anything that is wrong with the recipe, the data or the machine's memory.
    """
    devices.load_keras()
    recipe.check()
    import keras

    from kssl.data.splits import open_splits
    from kssl.recipe.build import NotSupplied

    settings = recipe.settings
    for section in ("evaluate", "callbacks") if all_parts else ():
        with contextlib.suppress(NotSupplied):  # the run is not known yet
            recipe.build(section)  # what they refuse is found now, not after hours of training
    keras.config.set_dtype_policy(settings.precision)
    keras.utils.set_random_seed(settings.seed)
    data = open_splits(recipe, allow_stand_in, used, sources, held)
    data.measured_on = _measured_on(recipe, sources) if all_parts else {}
    model = build_model(recipe, data)
    with _explained(recipe, "the optimizer"):
        model.compile(
            optimizer=recipe.build("optimizer"),
            jit_compile=_jit(settings.jit),
            steps_per_execution=_steps_per_execution(recipe, data.train.steps_per_epoch),
        )
        model.optimizer.build(model.trainable_variables)
    if all_parts:
        check_together(recipe, data, model)
        check_callbacks(recipe, model)
    return Prepared(recipe, data, model)


def _measured_on(recipe: Recipe, sources: Mapping[str, str] | None) -> dict[str, str]:
    """Where the paths of evaluations lead to, as far as there is anything."""
    from kssl.data.locate import find_file, places

    with places(recipe.sources if sources is None else sources) as found:
        for settings in recipe.settings_of("evaluate"):
            path = settings.get("path")
            for each in path.values() if isinstance(path, Mapping) else [path]:
                with contextlib.suppress(UserError, OSError):
                    if isinstance(each, str):
                        find_file(each)
    return found


def build_model(recipe: Recipe, data: Splits) -> keras.Model:
    """Return the recipe's model, built for the data, with fresh weights."""
    from kssl.data.splits import first_batch
    from kssl.system.memory import guard

    with guard(), _explained(recipe, "the model and the data"):
        batch = first_batch(data)
        recipe.supply.facts.update(facts_of(recipe, data, batch))
        model = recipe.build("model")
        if model.needs_labels:
            data.give_labels()
            batch = first_batch(data)
        _check(model, batch)
        model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
        model.check_built()
    return model


def facts_of(recipe: Recipe, data: Splits, batch: dict[str, Any]) -> dict[str, Any]:
    """Return what only the run knows, for every part that asks for it and is not given it.

    Args:
        recipe: The length of training is read, and which model it is.
        data: Opened.
        batch: The first training batch, whose keys tell the modality.

    Returns:
        Name -> value, or a function of none that returns it; see `kssl.recipe.supply`.
    """
    from kssl import modalities
    from kssl.data.splits import first_batch

    train, fit = data.train, recipe.settings.fit
    steps = fit.steps_per_epoch or train.steps_per_epoch
    return {
        "total_steps": steps * fit.epochs,
        "steps_per_epoch": steps,
        "examples": train.size,
        "classes": lambda: _classes(recipe, data),
        "target_classes": getattr(train.task, "classes", None),
        "inputs": getattr(train.task, "inputs", None),
        "parts": getattr(train.task, "parts", None),
        "modality": modalities.of_keys(batch),
        "vocabulary": train.vocabulary,
        "vocabulary_size": getattr(train.vocabulary, "size", None),
        "categories": train.categories,
        "batch": lambda: first_batch(data),
    }


def _check(model: keras.Model, batch: dict[str, Any]) -> None:
    """Check a model against a batch: the kind of data, then the values."""
    try:
        model.check_batch(batch)
    except KeyError as error:
        raise UserError(
            f"{type(model).__name__} reads data of the kind '{model.modality.name}', but "
            f"{error.args[0]}: choose data or a model of the other's kind, or put a transform in "
            "front that makes what is missing"
        ) from error


def _classes(recipe: Recipe, data: Splits) -> int | None:
    """Of the labels, for a model that is trained on them; of the pretext task for any other."""
    (model,) = recipe.targets("model")
    if model.needs_labels:
        return data.train.count_classes()
    return getattr(data.train.task, "classes", None)


def _jit(wanted: bool | str) -> bool | str:
    import keras

    # PyTorch has no XLA, and Keras would take `torch.compile`: hours for a transformer.
    return False if keras.backend.backend() == "torch" else wanted


def _steps_per_execution(recipe: Recipe, steps_per_epoch: int) -> int:
    import keras

    steps = recipe.settings.fit.steps_per_epoch or steps_per_epoch
    # Small models spend as long between steps as in them, most of all on TensorFlow.
    wanted = min(recipe.settings.fit.steps_per_execution or 32, steps)
    backend = keras.backend.backend()
    # Keras has no such loop on torch, and TensorFlow's fails under a tf.distribute strategy (3.15).
    if backend == "torch" or (backend == "tensorflow" and devices.several()):
        wanted = 1
    # Keras rounds an epoch up to whole executions: only a divisor keeps epochs what they are.
    return max(number for number in range(1, wanted + 1) if steps % number == 0)


@contextlib.contextmanager
def scope() -> Iterator[None]:
    """Import Keras quietly, and use the devices that were chosen for what happens inside."""
    devices.load_keras()
    with devices.scope():
        yield


@contextlib.contextmanager
def _explained(recipe: Recipe, what: str) -> Iterator[None]:
    """Turn what Keras raises while parts are put together into the user's error that it is."""
    try:
        yield
    except UserError:
        raise
    except (ValueError, TypeError, KeyError, MemoryError, ArithmeticError) as error:
        said = error.args[0] if isinstance(error, KeyError) and error.args else error  # no quotes
        text = " ".join(str(said).split())[:600]
        raise UserError(f"{recipe.name}: {what} do not fit: {text}") from error
