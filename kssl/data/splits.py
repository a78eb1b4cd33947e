"""The three splits of a recipe's data, from the data set itself or from its stand-in."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kssl.data import fingerprints
from kssl.data.builders.place import called
from kssl.data.description import UNLABELLED, Description, describe, warn_once
from kssl.data.files.tell import classes_line, lacking
from kssl.data.locate import Unavailable, places
from kssl.data.pipeline import Pipeline
from kssl.data.selection import select
from kssl.data.splitting import SPLITS
from kssl.data.whole import count, told_by
from kssl.errors import UserError
from kssl.system.terminal import width

if TYPE_CHECKING:
    import tensorflow as tf

    from kssl.recipe import Recipe


@dataclasses.dataclass
class Splits:
    """The splits of one data set, each with the recipe's transforms.

    Attributes:
        train: What the model is trained on.
        validation: What its metrics are measured on after each epoch.
        test: What evaluations are made on.
        used: Name of the data set that is used.
        stand_in_for: Name of the data set that could not be had, or None.
        reason: Why it could not be had.
        labels_in_training: Whether the model sees labels while it is trained; see `give_labels`.
        found: What was found and how it was understood, in three lines.
        sources: Where the paths of the recipe led to: the absolute path of each.
        measured_on: The same of the paths of evaluations.
        held: The splits that were read at once.
        called: What `used` and `stand_in_for` read, where there is a stand-in: a source of text,
            say, may be both.
    """

    train: Pipeline
    validation: Pipeline
    test: Pipeline
    used: str
    stand_in_for: str | None = None
    reason: str = ""
    labels_in_training: bool = False
    found: tuple[str, ...] = ()
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    measured_on: Mapping[str, str] = dataclasses.field(default_factory=dict)
    held: Sequence[str] = SPLITS
    called: Mapping[str, str] = dataclasses.field(default_factory=dict)
    _fingerprint: str = dataclasses.field(default="", init=False, repr=False)

    def give_labels(self) -> None:
        """Leave `label` in the batches of training and validation; the record says so.

        Raises:
            UserError: If the data has none.
        """
        for name in SPLITS[:2]:
            if not getattr(self, name).has_labels:
                raise UserError(
                    f"the model is trained on labels, and {self.used} has no whole-number 'label' "
                    f"in its split {name}: give data that has it (an image folder with one "
                    "sub-folder per class), or choose a model that needs no labels"
                )
            self._check_known(name)
        self.labels_in_training = True

    def _check_known(self, name: str) -> None:
        pipeline = getattr(self, name)
        if pipeline.class_names and UNLABELLED in pipeline.labels():
            raise UserError(
                f"the model is trained on labels, and not every example of {self.used} has one, in "
                f"its split {name}: data.labelled_only=true takes those that have"
            )

    def training_batches(self, start_step: int = 0, epochs: int = 1) -> tf.data.Dataset:
        """Return what a model is trained on, see `Pipeline.train`."""
        return self.train.train(start_step, epochs, self.labels_in_training)

    def validation_batches(self) -> tf.data.Dataset | None:
        """Return what its metrics are measured on after an epoch, in order.

        None where each training example is a class of its own: other examples have none.
        """
        if getattr(self.train.task, "per_example", False):
            return None
        return self.validation.ordered(labels=self.labels_in_training)

    @property
    def sizes(self) -> dict[str, int]:
        """Examples of each split."""
        return {name: getattr(self, name).size for name in SPLITS}

    @property
    def bytes_held(self) -> int:
        """Bytes that the splits hold decoded in memory."""
        return sum(getattr(self, name).bytes_held for name in SPLITS)

    def record(self) -> dict[str, Any]:
        """What a run writes down of its data."""
        return {
            "used": self.used,
            "stand_in_for": self.stand_in_for,
            "called": dict(self.called),
            "reason": self.reason,
            "examples": self.sizes,
            "transforms": self.train.transform_names,
            "labels_in_training": self.labels_in_training,
            "found": list(self.found),
            "sources": {**self.measured_on, **self.sources},
            "fingerprint": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        """Tell data from other data: a hash of all that is held in memory.

        Of a split that is read anew in each epoch, the first examples count, and the names and
        sizes of its files.
        """
        if not self._fingerprint:
            self._fingerprint = fingerprints.whole(self._pipelines(), self.sources.values())
        return self._fingerprint

    def is_as(self, fingerprint: str) -> bool:
        """Return whether a fingerprint, of this version or of kssl 0.1, is that of this data."""
        if fingerprints.is_whole(fingerprint):
            return fingerprint == self.fingerprint()
        return fingerprint == fingerprints.of_the_first(self._pipelines())

    def _pipelines(self) -> dict[str, Pipeline]:
        return {name: getattr(self, name) for name in SPLITS}


def open_splits(
    recipe: Recipe,
    allow_stand_in: bool = True,
    used: str | None = None,
    sources: Mapping[str, str] | None = None,
    held: Sequence[str] = SPLITS,
) -> Splits:
    """Open a recipe's data, or, where it is unavailable, its stand-in with a notice.

    Args:
        recipe: Its `data`, `pretext`, `seed` and `fit.batch_size` are read.
        allow_stand_in: Whether the stand-in may be used.
        used: For a resumed run: the data set that it began with, which no other replaces.
        sources: Where its paths led to, whatever the current folder is now; None takes what its
            run has noted, if it is of a run.
        held: The splits that are read as far as they fit in memory; the others are read when they
            are used.

    Raises:
        Unavailable: The data is unavailable, and there is no stand-in or it is not allowed.
    """
    with places(recipe.sources if sources is None else sources) as found:
        splits = _chosen(recipe, allow_stand_in, used, held)
    splits.sources, splits.held = found, held
    if splits.stand_in_for:
        wanted, stand_in = _spoken(recipe)
        splits.called = {"used": stand_in, "stand_in_for": wanted}
    return splits


def _chosen(recipe: Recipe, allow_stand_in: bool, used: str | None, held: Sequence[str]) -> Splits:
    (wanted,) = recipe.uses("data")
    if used is not None and used != wanted:
        return _open(recipe, used, held, stand_in_for=wanted, reason="as when the run began")
    try:
        return _open(recipe, wanted, held)
    except Unavailable as problem:
        if recipe.stand_in is None or used is not None:
            raise
        if not allow_stand_in:
            raise Unavailable(f"{problem} (the stand-in {recipe.stand_in} was refused)") from None
        _announce(*_spoken(recipe), str(problem))
        return _open(recipe, recipe.stand_in, held, wanted, str(problem))


def _open(
    recipe: Recipe,
    used: str,
    held: Sequence[str],
    stand_in_for: str | None = None,
    reason: str = "",
) -> Splits:
    settings = recipe.settings
    datasets = {
        split: select(recipe.dataset(split, stand_in_for is not None), split, recipe.selection)
        for split in SPLITS
    }
    # What the data says of itself, which may have been made just now, its transforms may need.
    own = describe(datasets["train"])
    transforms = recipe.build(
        "pretext",
        vocabulary=own.vocabulary,
        categories=own.categories,
        examples=lambda: count(datasets["train"]),
    )
    pipelines = {}
    for split, dataset in datasets.items():
        try:
            pipelines[split] = Pipeline(
                dataset,
                transforms,
                settings.fit.batch_size,
                settings.seed,
                memory_budget=2**31 if split in held else 0,
                vocabulary=own.vocabulary,
                class_names=own.class_names,
            )
        except UserError as error:
            raise UserError(f"{used}, split {split}: {error}") from error
        pipelines[split].transform_names = recipe.written("pretext")
        pipelines[split].names = describe(dataset).names
    found = _told(used, pipelines, own)
    return Splits(**pipelines, used=used, stand_in_for=stand_in_for, reason=reason, found=found)


def _told(used: str, pipelines: Mapping[str, Pipeline], own: Description) -> tuple[str, ...]:
    """What was found: what the source says of it, else the sizes and the classes."""
    if own.found:
        return tuple(own.found)
    sizes = {split: pipeline.size for split, pipeline in pipelines.items()}
    split = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    lines = (f"{sum(sizes.values()):,} examples of {used}", f"splits: {split}")
    if not all(each.has_labels and each.in_memory for each in pipelines.values()):
        return lines if pipelines["train"].has_labels else (*lines, "no labels")
    classes = {name: _class_of_each(pipeline) for name, pipeline in pipelines.items()}
    for note in lacking(classes):
        warn_once(f"{used}: {note}")
    return (*lines, classes_line(classes))


def _class_of_each(pipeline: Pipeline) -> list[str]:
    names = pipeline.class_names or ()
    known = dict(enumerate(names)) | ({UNLABELLED: ""} if names else {})
    return [known.get(number, str(number)) for number in pipeline.labels().tolist()]


def first_batch(data: Splits) -> dict[str, np.ndarray]:
    """Return the first training batch: whatever is wrong with data or transforms shows here.

    Raises:
        UserError: The data cannot be read, or a transform does not take it.
    """
    import tensorflow as tf

    steps = ", ".join(data.train.transform_names) or "no transforms"
    try:
        batches = data.training_batches()
        if "train" not in data.held:  # which would be read in part, to be shuffled
            batches = data.train.ordered(data.train.batch_size, data.labels_in_training)
        return next(batches.as_numpy_iterator())
    except UserError as error:
        # TensorFlow puts where it was traced in front of what a transform says.
        told = str(error).rpartition("UserError: ")[2].strip()
        raise UserError(f"{data.used} with {steps}: {told}") from error
    except tf.errors.OpError as error:
        raise UserError(f"{data.used} with {steps} cannot be read: {told_by(error)}") from error


def _spoken(recipe: Recipe) -> tuple[str, str]:
    """How the data and its stand-in are called: a source that reads anything says what it reads."""
    settings = recipe.data_settings()
    stand_in = settings.pop("stand_in")
    return _called(settings), _called(stand_in)


def _called(settings: Any) -> str:
    if isinstance(settings, str):
        return settings
    what = settings.get("corpus") or settings.get("path") or settings.get("name")
    what = what.get("path", what) if isinstance(what, Mapping) else what
    what = called(what) if isinstance(what, Mapping) else what
    return f"{what} ({settings['use']})" if what else str(settings["use"])


def _announce(wanted: str, stand_in: str, reason: str) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    text = Text()
    text.append(f"This run does NOT use {wanted}: it uses the stand-in {stand_in}.\n", "bold")
    text.append("Its numbers say nothing about " + wanted + ".\n\n")
    text.append(f"Why: {reason}")
    panel = Panel(text, title="STAND-IN DATA", border_style="bold yellow", width=width())
    Console(file=sys.stderr, width=width()).print(panel)
