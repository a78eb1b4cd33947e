"""`kssl fit`: the main job."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import data_option, device_options, read_recipe, recipe_arguments, runs_option
from kssl.cli.completing import complete_runs
from kssl.cli.results import print_results
from kssl.errors import RunError, UserError
from kssl.runs.directory import Run


@click.command("fit")
@lambda command: recipe_arguments(command, required=False)
@click.option(
    "--resume", metavar="RUN", shell_complete=complete_runs, help="Resume an interrupted run."
)
@data_option
@click.option("--name", metavar="NAME", help="Name of the run's folder, else the recipe's name.")
@device_options
@runs_option
@click.option(
    "--minutes",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    help="Train for about so long: steps are timed, and fit.epochs set by that.",
)
@click.option("--no-stand-in", is_flag=True, help="Fail where the recipe's data is unavailable.")
@click.option("--dry-run", is_flag=True, help="Build everything, run a few steps, estimate time.")
def command(recipe: str | None, overrides: tuple[str, ...], **options: Any) -> None:
    """Train a recipe, evaluate it and write its report.

    RECIPE is a file, the name of an offered recipe (`kssl list recipes`) or a run directory, of
    which it is a replay. OVERRIDES change it: `a.b=c` sets a value, `~a.b` removes one.

    \b
    Example:
      kssl fit vae_mnist fit.epochs=5 model.latent_dim=8 ~callbacks
      kssl fit simclr_fashion --data photos/ --name photos
    """
    if options["resume"]:
        _resume(recipe, overrides, options)
        return
    if recipe is None:
        raise click.UsageError(
            "which recipe? give its name (kssl list recipes), its file, or --resume RUN"
        )
    ready = read_recipe(recipe, overrides, options)
    from kssl import runs

    if options["minutes"] is not None:
        allowed = not options["no_stand_in"]
        length = runs.length_of(ready, options["minutes"], allow_stand_in=allowed)
        screen.show(f"In {options['minutes']:g} minutes of training: {' '.join(length)}")
        ready = read_recipe(recipe, (*overrides, *length), options)
    ready.name = options["name"] or ready.name
    if options["dry_run"]:
        _print_cost(ready.name, runs.dry_run(ready, allow_stand_in=not options["no_stand_in"]))
        return
    run = runs.fit(
        ready,
        root=options["runs_dir"],
        allow_stand_in=not options["no_stand_in"],
        command=_command_line(),
    )
    _print_end(run)


def _resume(recipe: str | None, overrides: tuple[str, ...], options: dict[str, Any]) -> None:
    more = [f"--{name}" for name in ("data", "name", "minutes") if options[name]]
    if recipe is not None or overrides or more:
        given = " ".join([recipe or "", *overrides, *more]).strip()
        raise UserError(
            f"--resume continues with the recipe of the run as it is, so {given!r} cannot be given"
        )
    if options["dry_run"]:
        raise UserError("--resume and --dry-run exclude each other")
    run = Run.open(options["resume"], options["runs_dir"])
    run.refuse_if_running()
    if run.status == "finished":
        lost = "" if run.file("report.html").is_file() else f"; its report: kssl report {run.path}"
        raise UserError(
            f"{run.path} is finished; kssl fit {run.path} replays it as a new run{lost}"
        )
    ready = read_recipe(run.path, (), options)
    from kssl import runs

    _print_end(
        runs.fit(
            ready,
            root=run.path.resolve().parent.parent,
            resume=run,
            allow_stand_in=not options["no_stand_in"],
            command=_command_line(),
        )
    )


def _command_line() -> str:
    return shlex.join(["kssl", *sys.argv[1:]])


def _print_cost(name: str, cost: dict[str, Any]) -> None:
    writers: dict[str, Callable[[Any], str]] = {
        "bytes": screen.size,
        "seconds_per_step": _step_time,
    }
    words = {"bytes": "memory", "seconds_per_step": "time of a step"}
    seconds, total = cost.pop("seconds", {}), cost.pop("seconds_total")
    facts = {
        words.get(key, key.replace("_", " ")): writers.get(key, _fact)(value)
        for key, value in cost.items()
    }
    facts |= {part: _about(each) for part, each in seconds.items()}
    facts["time to finish"] = _about(total)
    title = f"{name}: a few steps were run, nothing was written"
    screen.show(screen.section(title, screen.pairs(facts)))


def _step_time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else screen.duration(seconds)


def _about(seconds: float | None) -> str:
    return "not known" if seconds is None else f"about {screen.duration(seconds)}"


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_fact(inner)}" for key, inner in value.items())
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return screen.number(value)
    return str(value)


def _print_end(run: Run) -> None:
    content = run.read_json("results.json")
    if run.status != "finished":
        raise RunError(f"the run {run.path} is {run.status}")
    screen.show("")
    print_results(content.get("results", []), content)
    screen.show("", screen.pairs(_paths(run)))


def _paths(run: Run) -> dict[str, Path | str]:
    paths: dict[str, Path | str] = {"run": run.path}
    for label, name in (("report", "report.html"), ("model", "model.keras")):
        if run.file(name).is_file():
            paths[label] = run.file(name)
    return paths
