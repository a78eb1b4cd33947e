"""`kssl init`: a first recipe for data of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import click

from kssl.cli import screen
from kssl.cli.common import new_file, output_option, use_data_dir
from kssl.system.files import replacing


@click.command("init")
@click.argument("data", metavar="PATH")
@output_option("The recipe to write, else the data's name with .yaml; it must not exist.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Another folder to look for PATH in.",
)
def command(data: str, output: Path | None, data_dir: Path | None) -> None:
    """Write a first recipe for a folder or file, with the reasons of its choices as comments.

    It looks at what kind of data is there, how much, how large, and whether it has labels. Data of
    tensorflow-datasets takes its place in the recipe: data.path={tfds: NAME}.

    \b
    Example:
      kssl init photos/
    """
    use_data_dir(data_dir)
    name = re.sub(r"[^\w-]+", "_", Path(data).resolve().name.partition(".")[0]).strip("_")
    file = new_file(output or Path(f"{name or 'mine'}.yaml"))
    from kssl import runs

    text = runs.starter(data, file)
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines()[2:] if line.startswith("#")]
    facts = {"recipe": file, "because": "\n".join(lines)}
    screen.show(screen.pairs(facts | {"next": f"kssl fit {file} --dry-run, then kssl fit {file}"}))
