"""A trained run with its recipe, its data and its model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kssl.errors import RunError, UserError
from kssl.runs.directory import Run
from kssl.runs.plan import DATA_RECORD, prepare
from kssl.system import devices

if TYPE_CHECKING:
    import keras

    from kssl.data.pipeline import Pipeline
    from kssl.data.splits import Splits
    from kssl.recipe import Recipe


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


def load(run: Run, same_data: bool = False) -> Loaded:
    """Load a finished run, or one that was interrupted from its newest checkpoint.

    The data is read from where the run found it, whatever the current folder is.

    Args:
        run: The run.
        same_data: Whether other data than the run was trained on is an error, not a warning.

    Raises:
        UserError: The run has neither, or its data is no longer available.
        RunError: Its files do not fit together, or its data is another.
    """
    import kssl.recipe
    from kssl.callbacks.checkpoint import latest, restore

    devices.load_keras()
    recipe = kssl.recipe.load(run.path)
    begun = run.read_json(DATA_RECORD)
    prepared = prepare(recipe, used=begun["used"], sources=begun.get("sources"))
    _compare(begun, prepared.data, same_data)
    checkpoint = latest(run.checkpoints)
    if run.file("model.keras").is_file():
        prepared.model.load_weights(run.file("model.keras"))
    elif checkpoint is not None:
        restore(prepared.model, checkpoint)
    else:
        raise UserError(f"the run {run.path} has no model and no checkpoint: it is {run.status}")
    return Loaded(recipe, prepared.data, prepared.model)


def _compare(begun: Mapping[str, Any], data: Splits, same_data: bool) -> None:
    """Tell whether the data is what the run was trained on."""
    if begun["fingerprint"] == data.fingerprint():
        return
    places = ", ".join((begun.get("sources") or data.sources or {"": data.used}).values())
    told = (
        f"the data at {places} is not what the run was trained on (other examples or another "
        f"order; it had {begun['examples']}, there is {data.sizes})"
    )
    if same_data:
        raise RunError(f"{told}: put it back; kssl embed --data reads other data")
    logging.getLogger("kssl").warning("%s", told)
