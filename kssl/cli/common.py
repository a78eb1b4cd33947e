"""What several verbs share: options, and how a recipe or a run is loaded."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kssl.cli.completing import complete_overrides, complete_recipes
from kssl.cli.ending import say
from kssl.errors import UserError
from kssl.runs.directory import ROOT, Run
from kssl.system.devices import BACKENDS, KINDS

if TYPE_CHECKING:
    from kssl.recipe import Recipe

Command = TypeVar("Command", bound=Callable[..., Any])


def device_options(command: Command) -> Command:
    """Add --backend, --device, --devices and --data-dir."""
    options = [
        click.option(
            "--backend",
            metavar="NAME",
            type=click.Choice(BACKENDS),
            help="Keras backend: tensorflow, jax or torch.",
        ),
        click.option(
            "--device",
            metavar="KIND",
            type=click.Choice(KINDS),
            help="cpu, gpu or tpu; else the best found.",
        ),
        click.option(
            "--devices",
            metavar="N",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Number of devices.",
        ),
        click.option(
            "--data-dir",
            metavar="FOLDER",
            type=click.Path(path_type=Path),
            help="Folder of prepared data sets.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def runs_option(command: Command) -> Command:
    """Add --runs-dir."""
    return click.option(
        "--runs-dir",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        default=ROOT,
        show_default=True,
        help="Folder of all runs.",
    )(command)


def output_option(help: str, default: Path | None = None) -> Callable[[Command], Command]:
    """Add -o/--output, a file to write.

    Args:
        help: What is written.
        default: Its name where none is given; None leaves that to the command.
    """
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path),
        default=default,
        show_default=default is not None,
        help=help,
    )


def recipe_arguments(command: Command, required: bool = True) -> Command:
    """Add RECIPE and its OVERRIDES."""
    for argument in (
        click.argument(
            "overrides", metavar="[OVERRIDES]…", nargs=-1, shell_complete=complete_overrides
        ),
        click.argument("recipe", required=required, shell_complete=complete_recipes),
    ):
        command = argument(command)
    return command


def data_option(command: Command) -> Command:
    """Add --data."""
    return click.option(
        "--data",
        metavar="DATA",
        help="Other data: a file or folder, the name of a data set, or '{use: …}'.",
    )(command)


def read_recipe(
    source: str | Path, overrides: Iterable[str], options: dict[str, Any], by_source: bool = False
) -> Recipe:
    """Load a recipe, choose backend and device, then check it against the parts' signatures.

    The order matters: a recipe names its backend, and Keras reads it once, when it is imported.

    Args:
        source: A file, a name, or a run.
        overrides: Changes of it.
        options: Of the command line.
        by_source: Import no part where the source of the parts shows that all is right.
    """
    from kssl.recipe import load

    use_data_dir(options.get("data_dir"))
    source = recipe_source(source, options.get("runs_dir") or ROOT)
    use_modules(source)
    overrides = tuple(overrides)
    places = [each for each in overrides if _is_place(each)]  # data=photos/ is --data photos/
    rest = tuple(each for each in overrides if each not in places)
    given = [each.partition("=")[2] for each in places]
    given += [options["data"]] if options.get("data") else []
    recipe = load(source, rest, strict=False)
    if given:
        from kssl.runs import data_for_recipe

        recipe = load(source, (data_for_recipe(recipe, given[-1]), *rest), strict=False)
    choose_device(recipe, options)
    if not (by_source and recipe.is_plainly_right()):
        load_keras()
        recipe.check()
    for note in recipe.notes:
        say("note", note)
    return recipe


def _is_place(override: str) -> bool:
    """Whether an override names a file or folder where a data set is wanted."""
    from kssl.plugins import offered

    name, _, value = override.partition("=")
    if name.strip() != "data" or value in offered("datasets") or value.lstrip().startswith("{"):
        return False
    with contextlib.suppress(OSError, ValueError):
        return bool(value) and Path(value).expanduser().exists()
    return False


def recipe_source(source: str | Path, runs_dir: Path = ROOT) -> str | Path:
    """Let a run be called by its name, `vae_mnist/3`, where a recipe is wanted."""
    with contextlib.suppress(UserError, OSError):  # a name may be longer than a file's can be
        if "/" in str(source) and not Path(source).exists():
            return Run.open(source, runs_dir).path
    return source


def choose_device(recipe: Recipe, options: dict[str, Any]) -> None:
    """Set backend, device and number of devices, before Keras is imported."""
    from kssl.system import devices

    devices.choose(
        backend=options.get("backend"),
        device=options.get("device"),
        devices=options.get("devices") or 1,
        recipe_backend=recipe.settings.backend,
    )


def load_keras() -> None:
    """Import Keras without TensorFlow's greetings, which a later import would print."""
    from kssl.system import devices

    devices.load_keras()


def open_run(name: str, options: dict[str, Any]) -> Run:
    """Find a run and set up the machine to work with its model."""
    from kssl.recipe import load

    use_data_dir(options.get("data_dir"))
    use_modules(".")
    run = Run.open(name, options.get("runs_dir") or ROOT)
    choose_device(load(run.path), options)
    load_keras()
    return run


def new_file(path: Path) -> Path:
    """Refuse a file that exists, or whose folder does not: nothing is overwritten."""
    try:
        exists, has_folder = path.exists(), path.parent.is_dir()
    except OSError as error:
        raise UserError(f"cannot write {str(path)[:200]}: {error.strerror}") from error
    if exists:
        raise UserError(f"{path} exists already, and nothing is overwritten; name another file")
    if not has_folder:
        raise UserError(f"the folder {path.parent} does not exist; make it, or name another")
    return path


def use_modules(recipe: str | Path) -> None:
    """Let a recipe name modules that lie beside it, or in the current folder.

    Behind all others, so that no file of theirs takes the place of an installed package.
    """
    file = Path(recipe)
    folders = [file.parent] if file.suffix in (".yaml", ".yml") and file.is_file() else []
    for folder in (*folders, Path.cwd()):
        if str(folder.resolve()) not in sys.path:
            sys.path.append(str(folder.resolve()))


def use_data_dir(folder: Path | None) -> None:
    if folder is None:
        return
    if not folder.is_dir():
        raise UserError(f"--data-dir {folder} is no folder")
    os.environ["KSSL_DATA_DIR"] = str(folder.resolve())
