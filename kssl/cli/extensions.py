"""The commands of plugins, and the one warning about plugins that failed."""

from __future__ import annotations

from collections.abc import Collection

import click

from kssl.cli.ending import say

_loaded: set[int] = set()
_troubles: dict[str, str] = {}
_commands: dict[str, list[str]] = {}
_warned = False


def load(group: click.Group, reserved: Collection[str]) -> None:
    """Let every plugin add its commands to the group, once.

    A command that would hide a verb of kssl, or another plugin's command, is named in a
    warning and left out. A plugin that raises here is warned about and does no other harm.
    """
    if id(group) in _loaded:
        return
    _loaded.add(id(group))
    from kssl import plugins

    for implementation in plugins.manager().hook.register_commands.get_hookimpls():
        visitor = _Visitor(group, reserved, implementation.plugin_name)
        try:
            implementation.function(*(visitor for _ in implementation.argnames))
        except (Exception, SystemExit) as error:  # whatever a plugin does wrong, the rest works
            _troubles[implementation.plugin_name] = f"{type(error).__name__}: {error}"
    warn_once()


def warn_once() -> None:
    """Name the plugins that failed, in one line on stderr per process."""
    global _warned
    if _warned:
        return
    from kssl import plugins

    failures = {**plugins.failures(), **_troubles}
    if failures:
        _warned = True
        said = ", ".join(f"{name} ({_shortened(reason)})" for name, reason in failures.items())
        many = "plugins do" if len(failures) > 1 else "plugin does"
        say("warning", f"{len(failures)} {many} not work: {said}; see: kssl plugins")


def troubles() -> dict[str, str]:
    """Return the plugins whose commands could not be added, and why."""
    return dict(_troubles)


def commands(owner: str) -> list[str]:
    """Return the names of the commands that a plugin added."""
    return sorted(_commands.get(owner, []))


class _Visitor(click.Group):
    """What a plugin gets as `cli`: a group that adds to kssl's, and hides nothing in it."""

    def __init__(self, group: click.Group, reserved: Collection[str], owner: str) -> None:
        super().__init__(name=group.name)
        self._group, self._reserved, self._owner = group, reserved, owner

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command to kssl's group, unless the name is taken."""
        name = name or cmd.name or ""
        if name in self._reserved or name in self._group.commands:
            whose = "kssl's own" if name in self._reserved else "another plugin's"
            reason = f"its command {name!r} is left out, because the name is {whose}"
            _troubles[self._owner] = reason
            return
        self._group.add_command(cmd, name)
        _commands.setdefault(self._owner, []).append(name)


def _shortened(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= 160 else f"{line[:160]} …"
