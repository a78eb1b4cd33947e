"""A trained run with its recipe, its data and its model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from kssl.errors import UserError
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


def load(run: Run) -> Loaded:
    """Load a finished run, or one that was interrupted from its newest checkpoint.

    Raises:
        UserError: The run has neither, or its data is no longer available.
        RunError: Its files do not fit together.
    """
    import kssl.recipe
    from kssl.callbacks.checkpoint import latest, restore

    devices.load_keras()
    recipe = kssl.recipe.load(run.path)
    prepared = prepare(recipe, used=run.read_json(DATA_RECORD)["used"])
    checkpoint = latest(run.checkpoints)
    if run.file("model.keras").is_file():
        prepared.model.load_weights(run.file("model.keras"))
    elif checkpoint is not None:
        restore(prepared.model, checkpoint)
    else:
        raise UserError(f"the run {run.path} has no model and no checkpoint: it is {run.status}")
    return Loaded(recipe, prepared.data, prepared.model)
