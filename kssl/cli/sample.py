"""`kssl sample`: samples from a generative model, images or text.

Which options and samplers there are is asked of the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kssl.cli import screen
from kssl.cli.common import device_options, new_file, open_run, output_option, runs_option
from kssl.cli.completing import complete_runs
from kssl.errors import UserError
from kssl.system.files import replacing

if TYPE_CHECKING:
    from kssl.runs import Sampling

ARGUMENTS = {"label": "labels"}  # of `generate`, where it is not called as the option is
SETTINGS = {"temperature": "random", "top_k": "top_k", "top_p": "top_p", "beams": "beam"}
SEPARATOR = "\n\n―――\n\n"


@click.command("sample")
@click.argument("run", shell_complete=complete_runs)
@click.option("--count", metavar="N", type=click.IntRange(1), help="How many: 64 images, 1 text.")
@click.option(
    "--seed", metavar="N", type=int, help="The same seed draws the same samples; else the recipe's."
)
@click.option("--label", metavar="N", type=click.IntRange(0), help="Draw this class only.")
@click.option(
    "--guidance", metavar="S", type=float, help="1 is off; above: closer to the class, less varied."
)
@click.option(
    "--steps", metavar="N", type=click.IntRange(1), help="Sampling steps of a diffusion model."
)
@click.option("--prompt", metavar="TEXT", help="Text that a language model continues.")
@click.option(
    "--length", metavar="N", type=click.IntRange(1), help="Length of a text in tokens: 500."
)
@click.option(
    "--sampler",
    metavar="NAME",
    help="Sampling method. Texts: greedy, random, top_k, top_p, beam; diffusion: ddim, ddpm, heun.",
)
@click.option(
    "--temperature",
    metavar="T",
    type=float,
    help="Below 1: closer to the likeliest token; above: more random.",
)
@click.option(
    "--top-k", metavar="K", type=click.IntRange(1), help="Sample from the K likeliest tokens."
)
@click.option(
    "--top-p",
    metavar="P",
    type=float,
    help="Sample from the likeliest tokens of total probability P.",
)
@click.option("--beams", metavar="N", type=click.IntRange(1), help="Beams of a beam search.")
@output_option(
    "The file to write; it must not exist. Images: samples.png; texts are shown, not written."
)
@device_options
@runs_option
def command(
    run: str, count: int | None, seed: int | None, output: Path | None, **options: Any
) -> None:
    """Draw samples from a generative model: one picture, or text.

    \b
    Example:
      kssl sample vae_mnist --count 100 -o digits.png
      kssl sample diffusion_mnist --label 7 --guidance 3 -o sevens.png
      kssl sample gpt_shakespeare --prompt "ROMEO:" --temperature 0.8
    """
    if output is not None:
        new_file(output)
    names = ("label", "guidance", "steps", "prompt", "length", "sampler", *SETTINGS)
    given = {name: options.pop(name) for name in names}
    opened = open_run(run, options)
    from kssl import runs

    loaded = runs.load(opened, splits=())
    can = runs.sampling(loaded)
    asked = _asked(given, can)
    if not can.as_text:
        output = output or new_file(Path("samples.png"))
        runs.sample_images(loaded, output, count or 64, seed, **asked)
        screen.show(screen.pairs({"samples": output}))
        return
    texts = runs.sample_texts(loaded, count or 1, seed, **asked)
    if output is None:
        click.echo(SEPARATOR.join(texts))
        return
    with replacing(output) as temporary:
        temporary.write_text(SEPARATOR.join(texts) + "\n", "utf-8")
    screen.show(screen.pairs({"samples": output}))


def _asked(given: dict[str, Any], can: Sampling) -> dict[str, Any]:
    """Return what was asked for, as arguments of `generate`.

    Raises:
        UserError: The model has no use for it.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    known = [name for name in given if _takes(can, name)]
    if unused := [name for name in asked if name not in known]:
        there = f"; it takes {_flags(known)}" if known else ""
        raise UserError(f"{_flags(unused)}: not for this run's model, {can.model}{there}")
    settings = {name: asked.pop(name) for name in SETTINGS if name in asked}
    sampler = _sampler(asked.pop("sampler", None), can, **settings)
    asked |= {} if sampler is None else {"sampler": sampler}
    return {ARGUMENTS.get(name, name): value for name, value in asked.items()}


def _takes(can: Sampling, name: str) -> bool:
    if name in SETTINGS:
        return SETTINGS[name] in can.samplers
    return ARGUMENTS.get(name, name) in can.options and (name != "sampler" or bool(can.samplers))


def _flags(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _sampler(
    sampler: str | None,
    can: Sampling,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    beams: int | None = None,
) -> dict[str, Any] | str | None:
    """Return a sampler's name, with its settings where there are any; they may tell the name."""
    settings = {"k": top_k, "p": top_p, "num_beams": beams}
    owners = {"k": "top_k", "p": "top_p", "num_beams": "beam"}
    named = [owners[key] for key, value in settings.items() if value is not None]
    if len(named) > 1 or (sampler and named and named[0] != sampler):
        several = [*([sampler] if sampler else []), *named]
        raise UserError(f"one sampler at a time: {', '.join(several)} were asked for")
    if sampler and sampler not in can.samplers:
        raise UserError(
            f"--sampler {sampler}: {can.model} has no such sampler; it has "
            f"{', '.join(can.samplers)}"
        )
    settings |= {"temperature": temperature}
    if temperature is not None and temperature <= 0:
        raise UserError("--temperature must be above 0; --sampler greedy takes the likeliest token")
    chosen = {key: value for key, value in settings.items() if value is not None}
    if not chosen:
        return sampler
    return {"name": sampler or (named[0] if named else "random"), **chosen}
