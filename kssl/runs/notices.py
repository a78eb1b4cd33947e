"""Notices before training about what may not be intended."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kssl.system import devices
from kssl.system.terminal import wrapped

if TYPE_CHECKING:
    from kssl.recipe import Recipe
    from kssl.runs.directory import Run
    from kssl.runs.plan import Prepared

FILE = "warnings.json"
FEW_STEPS = 200  # fewer than these leave most models close to where they began


_HEARD: list[list[str]] = []  # who is listening


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the notices given here and what kssl warns of meanwhile, for the report of a run."""
    said: list[str] = []

    def listen(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage())
        return True

    logger = logging.getLogger("kssl")
    logger.addFilter(listen)  # a handler would take the place of Python's own, which prints
    _HEARD.append(said)
    try:
        yield said
    finally:
        _HEARD.remove(said)
        logger.removeFilter(listen)


def keep(run: Run, said: list[str]) -> None:
    """Write warnings, each once, into a run, after those that it has had before."""
    before = run.read_json(FILE) if run.file(FILE).is_file() else []
    if texts := list(dict.fromkeys([*before, *said])):
        run.write_json(FILE, texts)


def _note(text: str) -> None:
    print(wrapped(f"note: {text}"))
    for said in _HEARD:
        said.append(text)


def of_data(prepared: Prepared) -> None:
    """Say what was found, how the splits came about, and the classes."""
    for line in prepared.data.found:
        print(wrapped(f"data: {line}"))


def of_untested_classes(prepared: Prepared) -> None:
    """Give notice of classes of which there is no labelled example in the test split."""
    import numpy as np

    from kssl.data.description import UNLABELLED

    data = prepared.data
    splits = (data.train, data.test)
    readable = all(each.has_labels and each.in_memory for each in splits)
    if not readable or not prepared.recipe.uses("evaluate"):
        return
    known, tested = ({*np.unique(each.labels()).tolist()} - {UNLABELLED} for each in splits)
    names = dict(enumerate(data.train.class_names or ()))
    if lacking := sorted(known - tested):
        few = ", ".join(str(names.get(each, each)) for each in lacking[:4])
        _note(
            f"the split test has no labelled example of {len(lacking)} of {len(known | tested)} "
            f"classes: {few}{', …' * (len(lacking) > 4)}: evaluations say nothing of them"
        )


def of_few_steps(prepared: Prepared) -> None:
    """Give notice where training is over before it can have an effect."""
    settings, size = prepared.recipe.settings.fit, prepared.data.train.size
    epoch = settings.steps_per_epoch or prepared.data.train.steps_per_epoch
    if epoch * settings.epochs < FEW_STEPS:
        _note(
            f"{size} examples give {epoch * settings.epochs} training steps in all, which is "
            "few: raise fit.epochs or lower fit.batch_size"
        )


# Fact -> how it is said that a run has so many.
_COUNTED = {"steps_per_epoch": "steps in an epoch", "examples": "examples"}


def of_contradictions(recipe: Recipe) -> None:
    """Give notice where the recipe gives a part another length of the training than the run has."""
    for path, (given, actual) in recipe.supply.contradicted.items():
        what = _COUNTED.get(path.rpartition(".")[2], "steps")
        _note(
            f"{path} is {given}, but this run has {actual} {what}: leave it out and it "
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
        _note(
            f"{loss.name} compares the examples of a batch, and on TensorFlow each of the "
            f"{count} devices sees its own {size // count} of {size} only: the loss is the mean of "
            "theirs, not that of the whole batch on one device; with --backend jax it is"
        )
