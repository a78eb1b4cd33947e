"""`kssl plugins`: the installed plugins, what they offer, and which failed."""

from __future__ import annotations

import importlib.metadata
import os

import click
from rich.text import Text

from kssl import __version__
from kssl.cli import ending, extensions, screen


@click.command("plugins")
@click.pass_context
def command(context: click.Context) -> None:
    """List plugins: package, version, what each offers, and why one failed.

    A plugin is an installed package with an entry point in the group `kssl`. The environment
    variable KSSL_PLUGINS=a,b allows only these; KSSL_PLUGINS= allows none.

    \b
    Example:
      kssl plugins
    """
    from kssl import plugins

    root = context.find_root().command
    if isinstance(root, click.Group):
        root.list_commands(context)  # plugins add their commands only when these are asked for
    failures = {**plugins.failures(), **extensions.troubles()}
    packages = _packages()
    rows: list[list[str | Text]] = []
    for name, _ in plugins.manager().list_name_plugin():
        package, version = packages.get(name, (name, __version__ if name == "kssl" else "–"))
        rows.append([name, package, version, _offers(name)])
    screen.show(screen.table(["plugin", "package", "version", "offers"], rows, fold=3))
    if len(rows) == 1 and not failures:
        screen.show("", _no_other())
    if failures:
        said = [[Text(name, style="bold red"), reason] for name, reason in failures.items()]
        title = Text("Not working, or not in full", style="bold red")
        screen.show("", title, screen.table(["", ""], said, header=False, fold=1))
        ending.show_tracebacks(plugins.errors())


def _no_other() -> str:
    left_out = len(_packages())
    if os.environ.get("KSSL_PLUGINS") is None or not left_out:
        return "No other plugin is installed."
    return f"KSSL_PLUGINS leaves out {left_out} installed plugin{'s' * (left_out > 1)}."


def _offers(owner: str) -> str:
    from kssl.plugins import KINDS, offered

    counts = [
        (kind, [part for part in offered(kind).values() if part.owner == owner]) for kind in KINDS
    ]
    if owner == "kssl":
        return ", ".join(f"{len(parts)} {kind}" for kind, parts in counts if parts)
    said = [f"{kind}: {' '.join(part.name for part in parts)}" for kind, parts in counts if parts]
    commands = extensions.commands(owner)
    said += [f"commands: {' '.join(commands)}"] if commands else []
    return "\n".join(said) or "nothing"


def _packages() -> dict[str, tuple[str, str]]:
    return {
        entry.name: (entry.dist.name, entry.dist.version)
        for entry in importlib.metadata.entry_points(group="kssl")
        if entry.dist is not None
    }
