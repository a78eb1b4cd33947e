"""`kssl ring`: look at the data in the terminal."""

from __future__ import annotations

import click


@click.command()
@click.argument("index", type=click.IntRange(min=0), default=0)
@click.option("--size", type=click.IntRange(min=8, max=64), default=24, help="Height and width.")
def ring(index: int, size: int) -> None:
    """Draw one image of the dataset `rings` as text."""
    from kssl_example.images import draw  # only when the command runs: it imports NumPy

    (image,) = draw([index], size)[0]
    for row in image[:, :, 0]:
        click.echo("".join(" .:*#"[int(value) * 5 // 256] * 2 for value in row).rstrip())
