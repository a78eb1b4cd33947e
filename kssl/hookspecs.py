"""Everything that a package can add to kssl, on one screen.

A plugin is a module named by an entry point of the group `kssl`; it implements any of these
hooks with the mark `@kssl.hookimpl`. kssl's own parts come in through the same hooks
(`kssl.catalog`). A hook hands over strings, never classes, so that listing names imports
nothing:

    @kssl.hookimpl
    def register_models(register):
        register("vicreg", "kssl_vicreg.model:VICReg", help="Variance, invariance, covariance")
"""

from __future__ import annotations

from typing import Protocol

import click
import pluggy

hookspec = pluggy.HookspecMarker("kssl")


class Register(Protocol):
    """Offer one part: `register(name, "package.module:attribute", help="one line")`."""

    def __call__(self, name: str, path: str, help: str = "") -> None: ...


@hookspec
def register_datasets(register: Register) -> None:
    """Offer functions `(split, **settings) -> tf.data.Dataset` of dicts of named tensors."""


@hookspec
def register_transforms(register: Register) -> None:
    """Offer factories `(**settings) -> map function`, which takes a dict and returns a dict."""


@hookspec
def register_layers(register: Register) -> None:
    """Offer classes of `keras.layers.Layer`; encoders and heads too."""


@hookspec
def register_losses(register: Register) -> None:
    """Offer classes of `keras.losses.Loss`."""


@hookspec
def register_models(register: Register) -> None:
    """Offer classes of `keras.Model` that know their loss and their representation (`embed`)."""


@hookspec
def register_optimizers(register: Register) -> None:
    """Offer classes of `keras.optimizers.Optimizer`; Keras' own need no offer."""


@hookspec
def register_schedules(register: Register) -> None:
    """Offer classes of `keras.optimizers.schedules.LearningRateSchedule`."""


@hookspec
def register_callbacks(register: Register) -> None:
    """Offer classes of `keras.callbacks.Callback`."""


@hookspec
def register_evaluations(register: Register) -> None:
    """Offer factories `(**settings) -> evaluation`, which takes a task and returns results."""


@hookspec
def register_modalities(register: Register) -> None:
    """Offer classes of `kssl.modalities.Modality`: kinds of data."""


@hookspec
def register_recipes(register: Register) -> None:
    """Offer YAML files inside a package: `register("name", "package:folder/file.yaml")`."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the `kssl` command line: `cli.add_command(my_command)`."""
