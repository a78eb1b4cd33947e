"""`kssl completion`: shell completion of names and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell: recipes, parts, runs and options by the Tab key.

    \b
    Switch it on with one line in the shell's start file:
      eval "$(kssl completion bash)"    in ~/.bashrc
      eval "$(kssl completion zsh)"     in ~/.zshrc
      kssl completion fish | source     in ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(made(context.find_root().command, {}, "kssl", "_KSSL_COMPLETE").source())
