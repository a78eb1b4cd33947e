"""How a command ends: the exit code, and one line that says why and what to do.

0 is fine, 1 a run that failed, 2 input that was wrong, 130 an interruption (Ctrl-C); by SIGTERM and
SIGHUP, 143 and 129.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Mapping

import click

from kssl.errors import RunError, UserError
from kssl.runs.directory import Run, current
from kssl.system.terminal import wrapped

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 500

_debug = False
_earlier: Run | None = None


def begin() -> None:
    """Forget the command before: its `--debug`, and the run that it began."""
    global _debug, _earlier
    _debug, _earlier = False, current()


def debug(value: bool) -> None:
    """Switch tracebacks on; an option that is absent does not switch them off."""
    global _debug
    _debug = _debug or value


def show_tracebacks(errors: Mapping[str, BaseException]) -> None:
    """Show on stderr where each of these was raised, under its name, if `--debug` was given."""
    for name, error in errors.items() if _debug else ():
        text = "".join(traceback.format_exception(error)).rstrip()
        click.echo(f"\n{name}:\n{text}", err=True)


def explain(error: BaseException) -> int:
    """Say on stderr how the command ended.

    Args:
        error: What came out of the command.

    Returns:
        The exit code.
    """
    if isinstance(error, click.Abort) and isinstance(error.__cause__, EOFError):
        error = error.__cause__  # click takes the end of a file, of whatever file, for Ctrl-C
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return _interrupted(getattr(error.__cause__ or error, "number", 0))
    if _debug:
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, UserError):
        run = _close("failed", error)
        say("error", str(error) + (f"\nThe run is {run.path}." if run else ""))
        return WRONG_INPUT
    return _failed(error)


def say(kind: str, message: str) -> None:
    """Print a message on stderr, with a coloured prefix: error, warning or note.

    A line stays one line, for whoever searches a log, but in a terminal, where it is broken
    between words.
    """
    color = {"error": "red", "warning": "yellow"}.get(kind, "cyan")
    text = f"{kind}: {message}"
    text = wrapped(text) if sys.stderr.isatty() else text
    click.echo(click.style(f"{kind}:", fg=color, bold=True) + text[len(kind) + 1 :], err=True)


def _usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return WRONG_INPUT
    message = error.format_message()
    context = getattr(error, "ctx", None)
    verb = context.command_path if context is not None else "kssl"
    say("error", f"{message.rstrip('.')}\nSee: {verb} --help")
    return WRONG_INPUT


def _interrupted(number: int) -> int:
    """Say how to go on after Ctrl-C, or the signal of this number; return the exit code."""
    run = _close("interrupted", None)
    if run is None:
        say("note", "interrupted")
    elif run.status == "finished":
        lost = "" if run.file("report.html").is_file() else f"; its report: kssl report {run.path}"
        say("note", f"interrupted after the run was finished: {run.path}{lost}")
    else:
        say("note", f"interrupted; resume with: kssl fit --resume {run.path}")
    return 128 + number if number else INTERRUPTED


def _failed(error: BaseException) -> int:
    run = _close("failed", error)
    message = _one_line(error)
    if run is not None:
        message += f"; the run is {run.path}, its traceback is in error.txt there"
    if not _debug:
        message += "; run again with --debug for the traceback"
    say("error", message)
    return FAILED


def _one_line(error: BaseException) -> str:
    text = " ".join(_ANSI.sub("", str(error)).split()).rstrip(".;")
    if not isinstance(error, RunError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, SystemExit):
        text += " was raised by a part or a plugin, which would have ended the program unsaid"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _close(status: str, error: BaseException | None) -> Run | None:
    """Record the end of the run that the command began, and return it; None if it began none.

    A run that had finished before the error stays finished: its model and its results stand.
    """
    run = current()
    if run is None or run is _earlier or not run.path.is_dir():
        return None
    try:
        if run.record.get("status") == "running":
            run.finish(status, _one_line(error) if error else "interrupted from the keyboard")
        if error is not None:
            run.write_text("error.txt", "".join(traceback.format_exception(error)))
    except OSError as problem:  # a full disk, say: the first error is the one to show
        say("warning", f"the end of the run could not be recorded: {problem}")
    return run
