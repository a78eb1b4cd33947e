"""A trained run with its recipe, its data and its model."""

from __future__ import annotations

import dataclasses
import logging
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.errors import RunError, UserError, first_line
from kssl.runs.directory import Run
from kssl.runs.plan import prepare
from kssl.runs.resume import end_training, restored
from kssl.runs.start import read_data_record
from kssl.system import devices

if TYPE_CHECKING:
    import keras

    from kssl.data.pipeline import Pipeline
    from kssl.data.splits import Splits
    from kssl.evaluation.base import Task
    from kssl.recipe import Recipe


SPLITS = ("train", "validation", "test")
_DAMAGED = (zipfile.BadZipFile, OSError, KeyError, EOFError, zlib.error)


@dataclasses.dataclass
class Loaded:
    """A run's recipe, data and trained model.

    Attributes:
        recipe: The resolved recipe of the run.
        data: The splits that the run was trained on.
        model: With its trained weights.
    """

    recipe: Recipe
    data: Splits
    model: keras.Model

    @property
    def train(self) -> Pipeline:
        """The training split."""
        return self.data.train

    @property
    def test(self) -> Pipeline:
        """The test split."""
        return self.data.test

    def untrained(self) -> keras.Model:
        """Return a model of the same configuration with fresh weights."""
        import keras

        keras.utils.set_random_seed(self.recipe.settings.seed + 1)
        fresh = type(self.model).from_config(self.model.get_config())
        fresh.build_from_config(self.model.get_build_config())
        return fresh

    def task(self) -> Task:
        """Return what evaluations look at: the model, the same untrained, and the data."""
        from kssl.evaluation.base import Task

        settings = self.recipe.settings
        return Task(
            self.model,
            self.untrained(),
            self.train,
            self.test,
            settings.seed,
            settings.fit,
            lambda: self.recipe.build("optimizer"),
        )


def load(
    run: Run,
    same_data: bool = False,
    data: str | None = None,
    splits: Sequence[str] = SPLITS,
) -> Loaded:
    """Load a finished run, or one that was interrupted from its newest checkpoint.

    The data is read from where the run found it, whatever the current folder is. Of an interrupted
    run the weights are those that it would have if it had ended there: averages or the best ones,
    where its callbacks put these in place of the last.

    Args:
        run: The run.
        same_data: Whether other data than the run was trained on is an error, not a warning.
        data: Another data set, which takes the place of the run's own: a path, the name of a data
            set, or `{use: …}`; see `kssl.runs.own_data`. The run's own is not read.
        splits: Those of the run's own data that will be used. The others are not read, so that they
            are compared with what the run was trained on by their sizes alone.

    Raises:
        UserError: The run has neither, or its data is no longer available.
        RunError: Its files are damaged or do not fit together, or its data is another.
    """
    import kssl.recipe

    devices.load_keras()
    recipe = kssl.recipe.load(run.path)
    if data is not None:
        return _on_other_data(run, recipe, data)
    begun = read_data_record(run)
    sources = begun.get("sources")
    prepared = prepare(recipe, True, begun["used"], sources, all_parts=False, held=splits)
    _compare(begun, prepared.data, same_data, whole={*splits} == {*SPLITS})
    problem = _load_saved(prepared.model, run.file("model.keras"))
    if problem is not None:
        state = restored(prepared.model, run, put_aside=False)
        if state is None:
            raise _no_model(run, problem)
        if problem:
            logging.getLogger("kssl").warning("%s; the newest checkpoint is used", problem)
        end_training(prepared.model, recipe, state)
    return Loaded(recipe, prepared.data, prepared.model)


def _load_saved(model: keras.Model, path: Path) -> str | None:
    """Load the weights of `model.keras`; return why not, `""` where there is none, else None."""
    if not path.is_file():
        return ""
    if problem := _damage(path):
        return problem
    try:
        model.load_weights(path)
    except _DAMAGED as error:
        return f"{path} is damaged ({type(error).__name__}: {first_line(error)})"
    except ValueError as error:
        raise RunError(
            f"{path} is of another model than recipe.yaml: {first_line(error)}"
        ) from error
    return None


def _damage(path: Path) -> str:
    """Return what is wrong with a saved model: Keras reads what it can of a broken archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except _DAMAGED as error:
        return f"{path} is damaged ({type(error).__name__}: {first_line(error)})"
    return f"{path} is damaged: {broken} in it has another checksum" if broken else ""


def _no_model(run: Run, problem: str) -> Exception:
    if problem:
        return RunError(f"{problem}, and there is no checkpoint; train again: kssl fit {run.path}")
    return UserError(f"the run {run.path} has no model and no checkpoint: it is {run.status}")


def _on_other_data(run: Run, recipe: Recipe, data: str) -> Loaded:
    import kssl.recipe
    from kssl.data.splits import open_splits
    from kssl.runs.own_data import VOCABULARY, data_for_run

    model = _trained(run, recipe)
    own = load(run) if model is None or _lacks_vocabulary(run, recipe) else None
    if own is not None:
        model = own.model
        if own.train.vocabulary is not None:
            own.train.vocabulary.save(run.file(VOCABULARY))
    override = data_for_run(run, recipe, model.example_shape, data)
    other = kssl.recipe.load(run.path, [override])
    sources = read_data_record(run).get("sources")
    splits = open_splits(other, allow_stand_in=False, sources=sources)
    _check_shapes(splits, model)
    return Loaded(other, splits, model)


def _trained(run: Run, recipe: Recipe) -> keras.Model | None:
    """The model of a finished run, without its data; None where Keras cannot make it alone."""
    import keras

    recipe.check()  # imports the parts of which the model is made
    keras.config.set_dtype_policy(recipe.settings.precision)
    path = run.file("model.keras")
    if not path.is_file() or _damage(path):
        return None
    try:
        return keras.models.load_model(path)
    except (TypeError, ValueError):  # a layer of the user's own that Keras does not know
        return None


def _lacks_vocabulary(run: Run, recipe: Recipe) -> bool:
    from kssl.runs.own_data import VOCABULARY

    return recipe.uses("data") == ["tokens"] and not run.file(VOCABULARY).is_file()


def _check_shapes(data: Splits, model: keras.Model) -> None:
    """Raise a UserError where examples have another shape than the model was trained on."""
    from kssl.evaluation.base import Skipped
    from kssl.evaluation.inputs import examples_of

    try:
        given = model.modality.by_key(examples_of(data.test, model, 1))
    except Skipped as reason:
        raise UserError(str(reason)) from None
    wanted = model.modality.by_key(model.example_shape)
    for key in wanted:
        if key not in given or given[key].shape[1:] != tuple(wanted[key]):
            there = given[key].shape[1:] if key in given else "nothing"
            raise UserError(
                f"`{key}` has the shape {there}, the model takes {tuple(wanted[key])}: give the "
                "data source the size or length that the run had"
            )


def _compare(begun: Mapping[str, Any], data: Splits, same_data: bool, whole: bool = True) -> None:
    """Tell whether the data is what the run was trained on."""
    if data.is_as(begun["fingerprint"]) if whole else data.sizes == begun["examples"]:
        return
    places = ", ".join((begun.get("sources") or data.sources or {"": data.used}).values())
    told = (
        f"the data at {places} is not what the run was trained on (other examples or another "
        f"order; it had {begun['examples']}, there is {data.sizes})"
    )
    if same_data:
        raise RunError(f"{told}: put it back, or name other data with --data")
    logging.getLogger("kssl").warning("%s", told)
