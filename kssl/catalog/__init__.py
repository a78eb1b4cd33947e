"""What kssl itself offers: the first plugin, registered through the same hooks as any other.

One file for each kind of part: its name, where it is, and one line of help.
"""

from __future__ import annotations

from kssl import hookimpl
from kssl.catalog.callbacks import CALLBACKS
from kssl.catalog.datasets import DATASETS
from kssl.catalog.evaluations import EVALUATIONS
from kssl.catalog.layers import LAYERS
from kssl.catalog.losses import LOSSES
from kssl.catalog.modalities import MODALITIES
from kssl.catalog.models import MODELS
from kssl.catalog.optimizers import OPTIMIZERS
from kssl.catalog.recipes import RECIPES
from kssl.catalog.schedules import SCHEDULES
from kssl.catalog.transforms import TRANSFORMS
from kssl.hookspecs import Register

Parts = dict[str, tuple[str, str]]


def _offer(parts: Parts, register: Register) -> None:
    for name, (path, help) in parts.items():
        register(name, path, help=help)


@hookimpl
def register_datasets(register: Register) -> None:
    _offer(DATASETS, register)


@hookimpl
def register_transforms(register: Register) -> None:
    _offer(TRANSFORMS, register)


@hookimpl
def register_layers(register: Register) -> None:
    _offer(LAYERS, register)


@hookimpl
def register_losses(register: Register) -> None:
    _offer(LOSSES, register)


@hookimpl
def register_models(register: Register) -> None:
    _offer(MODELS, register)


@hookimpl
def register_optimizers(register: Register) -> None:
    _offer(OPTIMIZERS, register)


@hookimpl
def register_schedules(register: Register) -> None:
    _offer(SCHEDULES, register)


@hookimpl
def register_callbacks(register: Register) -> None:
    _offer(CALLBACKS, register)


@hookimpl
def register_evaluations(register: Register) -> None:
    _offer(EVALUATIONS, register)


@hookimpl
def register_modalities(register: Register) -> None:
    _offer(MODALITIES, register)


@hookimpl
def register_recipes(register: Register) -> None:
    for name, help in RECIPES.items():
        register(name, f"kssl:{name}.yaml", help=help)
