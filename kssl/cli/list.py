"""`kssl list`: the names that recipes can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from kssl.catalog.methods import FIELDS, WITHOUT_MODEL, suits
from kssl.cli import screen
from kssl.cli.completing import complete_kinds
from kssl.errors import UserError, nearest

if TYPE_CHECKING:
    from kssl.plugins import Part


@click.command("list")
@click.argument("kind", required=False, shell_complete=complete_kinds)
@click.option(
    "--for",
    "field",
    metavar="DATA",
    type=click.Choice(FIELDS),
    help="Only what suits images, text, sound, video, tables or captions.",
)
def command(kind: str | None, field: str | None) -> None:
    """List what recipes can name, by kind: recipes, datasets, transforms, models, losses, …

    The last column says whose a part is: kssl's own, or a plugin's.

    \b
    Examples:
      kssl list models
      kssl list --for text
    """
    from kssl.plugins import KINDS, offered

    if kind is not None:
        kind = kind if kind in KINDS else f"{kind}s"
        if kind not in KINDS:
            raise UserError(f"there is no kind {kind[:-1]!r}{nearest(kind[:-1], KINDS)}")
    rows: list[list[str | Text]] = []
    for each in [kind] if kind else _ordered(KINDS):
        parts = offered(each).values()
        rows += _rows(each, [part for part in parts if not field or suits(part.path, field)])
    if not rows:
        screen.show(f"There are no {kind or 'parts'}; see: kssl plugins")
        return
    screen.show(screen.table(["", "", ""], rows[:-1], header=False, fold=1))
    if not kind:
        screen.show("", "More about one of them: kssl show NAME")


def _rows(kind: str, parts: list[Part]) -> list[list[str | Text]]:
    if not parts:
        return []
    rows: list[list[str | Text]] = [[Text(kind, style="bold cyan"), "", ""]]
    rows += [[f"  {part.name}", _help(part), _owners(part)] for part in parts]
    return [*rows, ["", "", ""]]


def _help(part: Part) -> str:
    alone = part.kind == "transforms" and part.owner == "kssl" and part.name in WITHOUT_MODEL
    return part.help + " (a task without a model)" * alone


def _owners(part: Part) -> Text:
    if part.rivals:
        return Text(" and ".join((part.owner, *part.rivals)) + ": name its path", style="red")
    return Text(part.owner, style="dim")


def _ordered(kinds: tuple[str, ...]) -> list[str]:
    return sorted(kinds, key=lambda kind: kind != "recipes")
