"""`kssl sample`: what a generative model draws, or writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import complete_runs, device_options, new_file, open_run, runs_option
from kssl.errors import UserError
from kssl.system.files import replacing

SAMPLERS = ("greedy", "random", "top_k", "top_p", "beam")
OF_IMAGES = ("label", "guidance", "steps")
OF_TEXTS = ("prompt", "length")
OF_SAMPLERS = ("sampler", "temperature", "top_k", "top_p", "beams")
SEPARATOR = "\n\n―――\n\n"


@click.command("sample")
@click.argument("run", shell_complete=complete_runs)
@click.option("--count", metavar="N", type=click.IntRange(1), help="How many: 64 images, 1 text.")
@click.option(
    "--seed", metavar="N", type=int, help="The same seed draws the same samples; else the recipe's."
)
@click.option("--label", metavar="N", type=click.IntRange(0), help="Draw this class alone.")
@click.option(
    "--guidance", metavar="S", type=float, help="1 is off; above: closer to the class, less varied."
)
@click.option("--steps", metavar="N", type=click.IntRange(1), help="Noise levels of a diffusion.")
@click.option("--prompt", metavar="TEXT", help="What a language model writes on from.")
@click.option("--length", metavar="N", type=click.IntRange(1), help="Tokens of a text: 500.")
@click.option(
    "--sampler",
    metavar="NAME",
    type=click.Choice(SAMPLERS),
    help="How tokens are drawn: greedy, random, top_k, top_p or beam; else random.",
)
@click.option("--temperature", metavar="T", type=float, help="Below 1: safer; above: wilder.")
@click.option("--top-k", metavar="K", type=click.IntRange(1), help="Of the K likeliest tokens.")
@click.option("--top-p", metavar="P", type=float, help="Of the likeliest tokens with this share.")
@click.option("--beams", metavar="N", type=click.IntRange(1), help="Beams of a beam search.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to write; it must not exist. Images: samples.png; texts are shown, not written.",
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
    given = {name: options.pop(name) for name in (*OF_IMAGES, *OF_TEXTS, *OF_SAMPLERS)}
    opened = open_run(run, options)
    from kssl import runs

    loaded = runs.load(opened)
    of_text = loaded.model.reads == "tokens"
    asked = _asked(given, of_text)
    if not of_text:
        if "label" in asked:
            asked["labels"] = asked.pop("label")  # `generate` takes one for all, or one for each
        output = output or new_file(Path("samples.png"))
        runs.sample_images(loaded, output, count or 64, seed, **asked)
        screen.show(screen.pairs({"samples": output}))
        return
    drawn = {name: asked.pop(name, None) for name in OF_SAMPLERS}
    texts = runs.sample_texts(loaded, count or 1, seed, sampler=_sampler(**drawn), **asked)
    if output is None:
        click.echo(SEPARATOR.join(texts))
        return
    with replacing(output) as temporary:
        temporary.write_text(SEPARATOR.join(texts) + "\n", "utf-8")
    screen.show(screen.pairs({"samples": output}))


def _asked(given: dict[str, Any], of_text: bool) -> dict[str, Any]:
    """Return what was asked for; an error if the model has no use for it."""
    asked = {name: value for name, value in given.items() if value is not None}
    if unused := [name for name in asked if (name in OF_IMAGES) == of_text]:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        kinds = ("images", "texts") if of_text else ("text", "images")
        raise UserError(f"{flags}: for models of {kinds[0]}; this run's model draws {kinds[1]}")
    return asked


def _sampler(
    sampler: str | None,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    beams: int | None,
) -> dict[str, Any]:
    """Return the name and settings of a sampler of KerasHub; the settings may tell the name."""
    settings = {"k": top_k, "p": top_p, "num_beams": beams}
    owners = {"k": "top_k", "p": "top_p", "num_beams": "beam"}
    named = [owners[key] for key, value in settings.items() if value is not None]
    if len(named) > 1 or (sampler and named and named[0] != sampler):
        chosen = [*([sampler] if sampler else []), *named]
        raise UserError(f"one sampler at a time: {', '.join(chosen)} were asked for")
    name = sampler or (named[0] if named else "random")
    settings |= {"temperature": temperature}
    if temperature is not None and temperature <= 0:
        raise UserError("--temperature must be above 0; --sampler greedy takes the likeliest token")
    return {"name": name} | {key: value for key, value in settings.items() if value is not None}
