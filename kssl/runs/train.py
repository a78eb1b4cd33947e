"""A recipe trained, evaluated and reported. Keras' `fit` is the only loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import RunError
from kssl.runs import notices
from kssl.runs.directory import Run
from kssl.runs.evaluate import evaluate_loaded
from kssl.runs.load import Loaded
from kssl.runs.own_data import VOCABULARY
from kssl.runs.plan import Prepared, prepare, scope
from kssl.runs.resume import remaining, restored
from kssl.runs.start import compare_data, compare_start, read_data_record, record_start
from kssl.runs.stopping import Stopping, stopping
from kssl.system.environment import environment

if TYPE_CHECKING:
    from kssl.recipe import Recipe


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
        resume: An interrupted run: it resumes at its newest checkpoint and ends with the
            same weights as if it had not been.
        allow_stand_in: Whether the recipe's `stand_in` may be used where its data is unavailable.
        command: The command line, for the record.

    Returns:
        The finished run.

    Raises:
        UserError: Before anything was written: see `prepare`.
        RunError: The run could not be finished; its folder says why.

    Example:
        >>> changes = ["data=digits", "evaluate=[knn]", "fit.epochs=1"]
        >>> recipe = kssl.recipe.load("vae_mnist", changes)
        >>> run = kssl.runs.fit(recipe)
        >>> run.read_json("results.json")["results"][0]["metric"]
        'accuracy'
    """
    begun = read_data_record(resume) if resume else {}
    with scope(), stopping() as signals, notices.heard() as said:
        if resume:
            compare_start(resume)
        prepared = prepare(recipe, allow_stand_in, begun.get("used"), begun.get("sources"))
        run = resume or Run.create(root, recipe.name)
        if resume:
            resume.begin()
        try:
            _record(run, prepared, command, new=resume is None)
            notices.of_data(prepared)
            notices.of_untested_classes(prepared)
            notices.of_few_steps(prepared)
            notices.of_contradictions(recipe)
            notices.of_replicas(prepared)
            train(prepared, run, signals)
            finish(prepared, run)
        except KeyboardInterrupt as error:
            run.finish("interrupted", str(error) or "stopped from the keyboard")
            raise
        except BaseException as error:
            run.finish("failed", f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
            raise
        finally:
            notices.keep(run, said)
        run.finish()
        _write_report(run)
    return run


def train(prepared: Prepared, run: Run, signals: Stopping | None = None) -> None:
    """Run Keras' `fit`, from the run's newest checkpoint if it has one.

    Args:
        prepared: What is trained.
        run: Where its state is written.
        signals: Tells whether it should stop.
    """
    from kssl.callbacks.whole_training import WholeTraining, unfinished

    model, data, settings = prepared.model, prepared.data, prepared.recipe.settings.fit
    steps = settings.steps_per_epoch or data.train.steps_per_epoch
    state = restored(model, run)
    callbacks, log = _callbacks(prepared, run, steps, state)
    signals = signals or Stopping()
    signals.training = callbacks[-1]
    whole = WholeTraining(callbacks, model, settings.epochs)
    done = state["step"] if state else 0
    stopped = bool(state and state.get("stopped"))  # by a callback: nothing is left to train
    with unfinished(model):
        for part in () if stopped else remaining(done, steps, settings.epochs):
            passes = -(-steps * part.epochs // data.train.steps_per_epoch)  # over the data, in all
            model.fit(
                data.training_batches(part.start, passes),
                steps_per_epoch=part.steps,
                initial_epoch=part.initial_epoch,
                epochs=part.epochs,
                validation_data=data.validation_batches(),
                shuffle=False,  # the pipeline does it
                callbacks=whole.steps(part.steps),
                verbose=0,  # the callbacks have lines of their own
            )
            if model.stop_training:
                break
    signals.training = None
    whole.end()
    if log.failed:
        raise RunError(f"{log.failed}; a lower learning rate is the usual cure")


def finish(prepared: Prepared, run: Run) -> None:
    """Save what was trained, evaluate it, and draw its figures."""
    from kssl import report
    from kssl.models.inference import encoder_of

    model = prepared.model
    with run.replacing("model.keras") as temporary:
        model.save(temporary)
    with run.replacing("encoder.keras") as temporary:
        encoder_of(model).save(temporary)
    loaded = Loaded(prepared.recipe, prepared.data, model)
    evaluate_loaded(run, loaded, prepared.recipe)
    report.draw(run, model, prepared.data.train, prepared.data.test)


def _callbacks(
    prepared: Prepared, run: Run, steps: int, state: dict[str, Any] | None
) -> tuple[list[Any], Any]:
    import keras

    from kssl.callbacks import Checkpoint, HealthGuard, MetricsLog
    from kssl.callbacks.epoch_lines import EpochLines
    from kssl.callbacks.events import forget_events
    from kssl.data.splits import first_batch
    from kssl.models.capabilities import Projects, has

    model = prepared.model
    given = {"folder": run.figures, "vocabulary": prepared.data.train.vocabulary}
    if has(model, Projects):
        given["batch"] = first_batch(prepared.data)
    own = prepared.recipe.build("callbacks", **given)
    if has(model, Projects) and not any(isinstance(each, HealthGuard) for each in own):
        own.append(HealthGuard(given["batch"]))
    log = MetricsLog(run.file("metrics.csv"))
    if state is not None:
        updates = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
        forget_events(run.file("events"), state["step"] // steps, updates)
    events = [keras.callbacks.TensorBoard(str(run.file("events")), write_graph=False)]
    seconds = prepared.recipe.settings.fit.checkpoint_seconds
    checkpoint = Checkpoint(run.checkpoints, steps, seconds, state, [*own, log])
    return [*own, log, *events, EpochLines(), checkpoint], log


def _record(run: Run, prepared: Prepared, command: str, new: bool) -> None:
    if new:
        run.write_text("recipe.yaml", prepared.recipe.resolved())
        record_start(run, prepared.data)
        if prepared.data.train.vocabulary is not None:
            prepared.data.train.vocabulary.save(run.file(VOCABULARY))
    else:
        compare_data(run, prepared.data)
    record = environment(prepared.model, command)
    supplied = prepared.recipe.supply.plain()  # what the recipe leaves to the run
    run.write_json(
        "environment.json", record | {"data": prepared.data.record(), "supplied": supplied}
    )


def _write_report(run: Run) -> None:
    from kssl import report

    report.write(run)
