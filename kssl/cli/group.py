"""The command line: `kssl VERB …`.

A verb is a file of this folder, imported when it is called: `kssl --help` prints the table
below and imports none of them. No verb imports Keras before the backend is chosen.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from kssl import __version__
from kssl.cli import ending, streams
from kssl.errors import nearest

SECTIONS: dict[str, dict[str, str]] = {
    "Train and look": {
        "fit": "Train a recipe, evaluate it and write its report.",
        "runs": "List the runs: status, time, main result.",
        "evaluate": "Evaluate a run again, or with other evaluations.",
        "compare": "Put the results of several runs side by side.",
        "atlas": "Train many recipes and write one table of them.",
        "report": "Write the report of a run again.",
        "embed": "Save the embeddings of a data set.",
        "neighbours": "Find the examples most like a given one.",
        "export": "Write the encoder as a Keras file, a SavedModel or ONNX.",
        "sample": "Draw samples from a generative model: images or text.",
    },
    "Recipes and parts": {
        "list": "List what recipes can name: recipes, models, losses, …",
        "show": "Explain a part, or print a recipe.",
        "init": "Write a first recipe for a folder or file of yours.",
        "cp": "Copy a recipe, to make it yours.",
        "validate": "Check a recipe without running it.",
        "preview": "Draw the inputs and what the pretext task makes of them.",
        "vocabulary": "Make a vocabulary of a corpus of text.",
    },
    "This machine": {
        "doctor": "Show what this machine has and what will be used.",
        "plugins": "List plugins, what they offer, and those that failed.",
        "completion": "Print the completion script of a shell.",
    },
}
VERBS = {verb: text for section in SECTIONS.values() for verb, text in section.items()}

EPILOG = """\b
Start:  kssl fit vae_mnist         a recipe by its name, a file, or a run
        kssl cp vae_mnist my.yaml  copy it; then edit, and: kssl fit my.yaml
        kssl VERB --help           what a verb does, with an example
"""


class Verbs(click.Group):
    """kssl's own verbs, each imported when it is called, and the commands of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return kssl's verbs and then those of plugins."""
        self._load_plugins()
        return [*VERBS, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name in VERBS:
            module = importlib.import_module(f"kssl.cli.{cmd_name}")
            return _debuggable(module.command)
        self._load_plugins()
        command = super().get_command(ctx, cmd_name)
        return command and _debuggable(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that was asked for, or name the nearest ones."""
        name = args[0]
        if name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"there is no verb {name!r}{nearest(name, self.list_commands(ctx))}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the verbs by section, from the table above alone."""
        self._load_plugins()
        sections = dict(SECTIONS)
        if self.commands:
            own = {name: self.commands[name].get_short_help_str(60) for name in self.commands}
            sections["From plugins"] = dict(sorted(own.items()))
        width = max(len(verb) for section in sections.values() for verb in section)
        for title, verbs in sections.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(width), text) for verb, text in verbs.items()])

    def _load_plugins(self) -> None:
        from kssl.cli import extensions

        extensions.load(self, VERBS)


def _debuggable(command: click.Command) -> click.Command:
    """Let `--debug` stand behind the verb too."""
    if not any("--debug" in parameter.opts for parameter in command.params):
        command.params.append(_debug_option())
    return command


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=lambda _context, _parameter, value: ending.debug(value),
        help="Show the traceback of an error.",
    )


@click.command(
    cls=Verbs,
    name="kssl",
    params=[_debug_option()],
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="kssl %(version)s")
def cli() -> None:
    """Self-supervised learning with Keras: train, evaluate and compare recipes."""
    from kssl.cli import extensions

    extensions.warn_once()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code: 0 fine, 1 failed, 2 wrong input."""
    ending.begin()
    given = list(sys.argv[1:] if arguments is None else arguments)
    with streams.kept():
        try:
            code: Any = cli.main(args=given, prog_name="kssl", standalone_mode=False)
        except (Exception, KeyboardInterrupt) as error:
            code = ending.explain(error)
        except SystemExit as error:  # no verb ends so, but for completion, which is click's
            code = error.code if "_KSSL_COMPLETE" in os.environ else ending.explain(error)
    sys.exit(code if type(code) is int else 0)
