"""What this package adds to kssl: names, and where the parts are. Nothing heavy is imported."""

from __future__ import annotations

import click

import kssl
from kssl.hookspecs import Register


@kssl.hookimpl
def register_datasets(register: Register) -> None:
    register("rings", "kssl_example.images:rings", help="Drawn rings of three sizes")


@kssl.hookimpl
def register_transforms(register: Register) -> None:
    register("occlude", "kssl_example.images:occlude", help="A square of the image set to zero")


@kssl.hookimpl
def register_losses(register: Register) -> None:
    register("log_cosh", "kssl_example.linear:LogCosh", help="Squared when small, else absolute")


@kssl.hookimpl
def register_models(register: Register) -> None:
    register(
        "linear_autoencoder",
        "kssl_example.linear:LinearAutoEncoder",
        help="Encode with a matrix, decode with its transpose",
    )


@kssl.hookimpl
def register_recipes(register: Register) -> None:
    register("rings", "kssl_example:recipes/rings.yaml", help="Restore rings with a part missing")


@kssl.hookimpl
def register_commands(cli: click.Group) -> None:
    from kssl_example.command import ring

    cli.add_command(ring)
