"""`kssl export`: a trained encoder for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kssl.cli import screen
from kssl.cli.common import device_options, new_file, open_run, output_option, runs_option
from kssl.cli.completing import complete_runs
from kssl.runs.export import ENDINGS


@click.command("export")
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "--to",
    metavar="FORMAT",
    type=click.Choice(sorted(ENDINGS)),
    default="keras",
    show_default=True,
    help="keras, savedmodel or onnx.",
)
@output_option(
    "The file or folder to write, else encoder.keras, encoder or encoder.onnx; it must not exist."
)
@device_options
@runs_option
def command(run: str, to: str, output: Path | None, **options: Any) -> None:
    """Write the encoder of a run as a file, and compare its embeddings with the source's.

    \b
    Example:
      kssl export simclr_fashion --to onnx -o encoder.onnx
    """
    output = new_file(output or Path(f"encoder{ENDINGS[to]}"))
    opened = open_run(run, options)
    from kssl import runs
    from kssl.runs.export import export

    cosine = export(runs.load(opened, splits=["test"]), to, output)
    screen.show(screen.pairs({"encoder": output, "cosine with the source": f"{cosine:.6f}"}))
