"""From a checked recipe to a run: trained, evaluated, reported.

Keras' `fit` is the only loop. Everything that can be wrong with what the user gave is found in
`prepare`, before anything is written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl import devices, notices
from kssl.environment import environment
from kssl.errors import RunError, UserError
from kssl.run import Run

if TYPE_CHECKING:
    import keras

    from kssl.data.splits import Splits
    from kssl.recipe import Recipe

DATA_RECORD = "data.json"


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


def prepare(recipe: Recipe, allow_stand_in: bool = True, used: str | None = None) -> Prepared:
    """Build what a recipe names, and hold the parts against each other.

    Args:
        recipe: Loaded by `kssl.recipe.load`.
        allow_stand_in: Whether the recipe's `stand_in` may be used where its data cannot be had.
        used: For a run that goes on: the data set that it began with.

    Raises:
        UserError: Anything that is wrong with the recipe, the data or the machine's memory.
    """
    devices.load_keras()
    recipe.check()
    import keras

    from kssl.data.splits import open_splits

    settings = recipe.settings
    recipe.build("evaluate")  # what they refuse is found now, not after hours of training
    recipe.build("callbacks")
    keras.config.set_dtype_policy(settings.precision)
    keras.utils.set_random_seed(settings.seed)
    data = open_splits(recipe, allow_stand_in, used)
    model = build_model(recipe, data)
    with _explained(recipe, "the optimizer"):
        model.compile(
            optimizer=recipe.build("optimizer"),
            jit_compile=_jit(settings.jit),
            steps_per_execution=_steps_per_execution(recipe, data.train.steps_per_epoch),
        )
        model.optimizer.build(model.trainable_variables)
    return Prepared(recipe, data, model)


def build_model(recipe: Recipe, data: Splits) -> keras.Model:
    """Return the recipe's model, built for the data, with fresh weights."""
    from kssl.data.splits import first_batch
    from kssl.memory import guard
    from kssl.models.base import pick

    with guard(), _explained(recipe, "the model and the data"):
        # A model of text that is not told its vocabulary's size takes that of the data.
        size = getattr(data.train.vocabulary, "size", None)
        model = recipe.build("model", **({"vocabulary_size": size} if size else {}))
        if getattr(model, "needs_labels", False):
            data.give_labels()
        batch = first_batch(data)
        model.check_values(pick(batch, model.reads))
        model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    return model


def fit(
    recipe: Recipe,
    *,
    root: Path | str = "runs",
    resume: Run | None = None,
    allow_stand_in: bool = True,
    command: str = "",
) -> Run:
    """Train a recipe, evaluate it and write its report.

    Args:
        recipe: Loaded by `kssl.recipe.load`; for `resume`, the one in the run's folder.
        root: The folder of all runs.
        resume: A run that was interrupted: goes on at its newest checkpoint and ends with the
            same weights as if it had not been.
        allow_stand_in: Whether the recipe's `stand_in` may be used where its data cannot be had.
        command: The command line, for the record.

    Returns:
        The finished run.

    Raises:
        UserError: Before anything was written: see `prepare`.
        RunError: The run could not be finished; its folder says why.

    Example:
        >>> changes = ["data=digits", "evaluate=[knn]", "fit.epochs=1"]
        >>> recipe = kssl.recipe.load("vae_mnist", changes)
        >>> run = kssl.training.fit(recipe)
        >>> run.read_json("results.json")["results"][0]["metric"]
        'accuracy'
    """
    used = resume.read_json(DATA_RECORD)["used"] if resume else None
    with scope():
        prepared = prepare(recipe, allow_stand_in, used)
        run = resume or Run.create(root, recipe.name)
        if resume:
            resume.begin()
        try:
            _record(run, prepared, command, new=resume is None)
            notices.of_few_steps(prepared)
            notices.of_replicas(prepared)
            train(prepared, run)
            finish(prepared, run)
        except KeyboardInterrupt:
            run.finish("interrupted", "stopped from the keyboard")
            raise
        except BaseException as error:
            run.finish("failed", f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
            raise
        run.finish()
        _write_report(run)
    return run


def train(prepared: Prepared, run: Run) -> None:
    """Run Keras' `fit`, from the run's newest checkpoint if it has one."""
    from kssl.callbacks.checkpoint import latest, restore

    model, pipeline, settings = prepared.model, prepared.data.train, prepared.recipe.settings.fit
    steps = settings.steps_per_epoch or pipeline.steps_per_epoch
    checkpoint = latest(run.checkpoints)
    state = restore(model, checkpoint) if checkpoint else None
    done = state["step"] if state else 0
    callbacks, log = _callbacks(prepared, run, steps, state)
    # An epoch that was interrupted is finished by a `fit` of its own: Keras starts whole ones.
    whole = -(-done // steps)  # the first epoch that begins at its beginning
    parts = [(whole - 1, whole)] if done % steps else []
    parts += [(whole, settings.epochs)] if whole < settings.epochs else []
    for first, last in parts:
        start = max(done, first * steps)
        model.fit(
            prepared.data.training_batches(start, -(-steps * last // pipeline.steps_per_epoch)),
            steps_per_epoch=(first + 1) * steps - start,
            initial_epoch=first,
            epochs=last,
            validation_data=prepared.data.validation_batches(),
            shuffle=False,  # the pipeline does it
            callbacks=callbacks,
            verbose=1 if sys.stdout.isatty() else 2,
        )
        if log.failed:
            raise RunError(f"{log.failed}; a lower learning rate is the usual cure")
        if model.stop_training:
            break


def finish(prepared: Prepared, run: Run) -> None:
    """Save what was trained, evaluate it, and draw its figures."""
    from kssl import report
    from kssl.models.base import encoder_of
    from kssl.trained import Loaded, evaluate_loaded

    model = prepared.model
    with run.replacing("model.keras") as temporary:
        model.save(temporary)
    with run.replacing("encoder.keras") as temporary:
        encoder_of(model).save(temporary)
    loaded = Loaded(prepared.recipe, prepared.data, model)
    evaluate_loaded(run, loaded, prepared.recipe.build("evaluate"))
    report.draw(run, model, prepared.data.train, prepared.data.test)


def _callbacks(
    prepared: Prepared, run: Run, steps: int, state: dict[str, Any] | None
) -> tuple[list[Any], Any]:
    import keras

    from kssl.callbacks import Checkpoint, HealthGuard, MetricsLog
    from kssl.data.splits import first_batch

    model = prepared.model
    given = {"folder": run.figures, "vocabulary": prepared.data.train.vocabulary}
    if hasattr(model, "project"):
        given["batch"] = first_batch(prepared.data)
    own = prepared.recipe.build("callbacks", **given)
    if hasattr(model, "project") and not any(isinstance(each, HealthGuard) for each in own):
        own.append(HealthGuard(given["batch"]))
    log = MetricsLog(run.file("metrics.csv"))
    events = [keras.callbacks.TensorBoard(str(run.file("events")), write_graph=False)]
    seconds = prepared.recipe.settings.fit.checkpoint_seconds
    checkpoint = Checkpoint(run.checkpoints, steps, seconds, state)
    checkpoint.siblings = own
    return [*own, log, *events, checkpoint], log


def _record(run: Run, prepared: Prepared, command: str, new: bool) -> None:
    if new:
        run.write_text("recipe.yaml", prepared.recipe.resolved())
        run.write_json(DATA_RECORD, prepared.data.record())
    elif run.read_json(DATA_RECORD)["fingerprint"] != prepared.data.record()["fingerprint"]:
        raise RunError(
            "the data is not what the run began with (other examples or another order), so it "
            "cannot go on; start a new run"
        )
    record = environment(prepared.model, command)
    run.write_json("environment.json", record | {"data": prepared.data.record()})


def _write_report(run: Run) -> None:
    from kssl import report

    report.write(run)


def _jit(wanted: bool | str) -> bool | str:
    import keras

    # On TensorFlow, XLA for the CPU gains nothing with convolutions, and costs seconds to compile;
    # a recipe of a transformer may ask for it.
    if wanted == "auto" and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return "auto" if tf.config.list_logical_devices("GPU") else False
    return wanted


def _steps_per_execution(recipe: Recipe, steps_per_epoch: int) -> int:
    import keras

    steps = recipe.settings.fit.steps_per_epoch or steps_per_epoch
    # Small models spend as long between steps as in them, most of all on TensorFlow.
    wanted = recipe.settings.fit.steps_per_execution or 32
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
        text = " ".join(str(error).split())[:600]
        raise UserError(f"{recipe.name}: {what} do not go together: {text}") from error
