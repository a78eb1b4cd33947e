"""Which parts there are, who offers them, and how a name becomes the part.

Names are strings until a part is asked for: `offered` imports no part, `find` imports one.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pluggy

from kssl import catalog, hookspecs
from kssl.errors import UserError, first_line, nearest
from kssl.imports import KERAS_MODULES, import_keras_name, import_path, keras_names

KINDS = (
    "datasets",
    "transforms",
    "layers",
    "losses",
    "models",
    "optimizers",
    "schedules",
    "callbacks",
    "evaluations",
    "modalities",
    "recipes",
)

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[A-Za-z_][\w.]*:[^\s:]+")


@dataclass(frozen=True)
class Part:
    """One name that a recipe can use.

    Attributes:
        kind: One of `KINDS`.
        name: The short name, unique within its kind.
        path: `"package.module:attribute"`; for a recipe `"package:folder/file.yaml"`.
        help: One line on what it is.
        owner: The plugin that offers it; kssl's own parts have the owner `"kssl"`.
        rivals: Other plugins that offer another part of this name, which therefore cannot be used.
    """

    kind: str
    name: str
    path: str
    help: str
    owner: str
    rivals: tuple[str, ...] = ()


@dataclass
class _Offer:
    parts: dict[str, dict[str, Part]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    twice: dict[tuple[str, str], str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class _Failures(dict[str, str]):
    """Why plugins failed, by name, and the exceptions behind the reasons."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, BaseException] = {}

    def add(self, name: str, error: BaseException) -> None:
        said = str(error) if isinstance(error, UserError) else _reason(error)
        self[name], self.errors[name] = said, error


@cache
def manager() -> pluggy.PluginManager:
    """Return the plugin manager, with kssl's own parts and every installed plugin loaded.

    The environment variable `KSSL_PLUGINS` restricts the plugins to a comma-separated list of
    entry-point names; empty, it allows none. A plugin that cannot be imported, or implements a
    hook that does not exist, is left out and named by `failures`.

    Example:
        >>> manager().has_plugin("kssl")
        True
    """
    loaded = pluggy.PluginManager("kssl")
    loaded.add_hookspecs(hookspecs)
    loaded.register(catalog, name="kssl")
    failed = _Failures()
    for entry in _entry_points(failed):
        try:
            plugin = entry.load()
            hash(plugin)  # pluggy keeps plugins in sets, all of them together
            loaded.register(plugin, name=entry.name)
            _refuse_misspelt_hooks(loaded)
            _refuse_unmarked_hooks(plugin)
        except UserError as error:
            loaded.unregister(name=entry.name)
            failed.add(entry.name, error)
        except (Exception, SystemExit) as error:  # whatever it does, it harms only itself
            failed.add(entry.name, error)
    loaded.kssl_failures = failed  # type: ignore[attr-defined]
    return loaded


@cache
def _offer() -> _Offer:
    loaded = manager()
    offer = _Offer(failures=dict(loaded.kssl_failures))  # type: ignore[attr-defined]
    plugins = loaded.list_name_plugin()
    for owner, plugin in plugins:
        others = [other for _, other in plugins if other is not plugin]
        try:
            for kind in KINDS:
                hook = loaded.subset_hook_caller(f"register_{kind}", remove_plugins=others)
                hook(register=_registrar(offer, kind, owner))
        except (Exception, SystemExit) as error:
            offer.failures[owner] = _reason(error)
            loaded.kssl_failures.errors[owner] = error  # type: ignore[attr-defined]
    return offer


def forget() -> None:
    """Forget what was loaded, so that the next call looks at the installed plugins again."""
    _offer.cache_clear()
    manager.cache_clear()


def offered(kind: str) -> dict[str, Part]:
    """Return what is offered of one kind, by name; nothing is imported.

    Args:
        kind: One of `KINDS`.

    Raises:
        UserError: There is no such kind.

    Example:
        >>> offered("models")["vae"].path
        'kssl.models.vae:VAE'
    """
    if kind not in KINDS:
        raise UserError(f"there is no kind of part called {kind!r}{nearest(kind, KINDS)}")
    return dict(sorted(_offer().parts[kind].items()))


def failures() -> dict[str, str]:
    """Return the plugins that could not be used in full, each with the reason.

    Example:
        >>> failures()
        {}
    """
    return dict(_offer().failures)


def errors() -> dict[str, BaseException]:
    """Return the exceptions behind `failures`, where there was one, with their tracebacks.

    Example:
        >>> errors()
        {}
    """
    _offer()
    return dict(manager().kssl_failures.errors)  # type: ignore[attr-defined]


def packages() -> set[str]:
    """Return the packages that are plugins: whoever installed them trusts their code."""
    entries = importlib.metadata.entry_points(group="kssl")
    return {entry.module.partition(".")[0] for entry in entries}


def find(kind: str, name: str) -> Any:
    """Import one part.

    Args:
        kind: One of `KINDS`, or a kind of which only Keras has the parts: `initializers`,
            `regularizers`, `constraints`, `metrics`.
        name: A short name that is offered, `"package.module:attribute"`, a dotted path, or the
            name of a Keras class of that kind (`adam`, `Adam`, `cosine_decay`).

    Returns:
        The function or class.

    Raises:
        UserError: There is no such part, its name is offered twice, or it cannot be imported.

    Example:
        >>> find("optimizers", "adam").__name__
        'Adam'
    """
    offer = _offer()
    part = offer.parts.get(kind, {}).get(name)
    if part is not None:
        if (kind, name) in offer.twice:
            raise UserError(offer.twice[kind, name])
        return import_path(part.path, f"{name!r} of the plugin {part.owner!r}")
    if ":" in name or "." in name:
        return import_path(name, f"{name!r}")
    found = import_keras_name(kind, name)
    if found is not None:
        return found
    raise UserError(_not_found(offer, kind, name))


def _not_found(offer: _Offer, kind: str, name: str) -> str:
    elsewhere = [other for other in KINDS if name in offer.parts[other]]
    if elsewhere:
        return f"{name!r} is not among the {kind}, but one of the {elsewhere[0]}"
    known = list(offer.parts.get(kind, {}))
    hint = nearest(name, [*known, *keras_names(kind)])
    if "did you mean" not in hint and kind in KERAS_MODULES:  # Keras has too many to list
        own = f"those of {KERAS_MODULES[kind]}"
        hint = f"{nearest(name, known)}, and {own}" if known else f"; there are {own}"
    return f"{name!r} is not among the {kind}{hint}{_blame(offer.failures)}"


def _blame(failed: dict[str, str]) -> str:
    if not failed:
        return ""
    reasons = "; ".join(f"{plugin!r} ({reason})" for plugin, reason in failed.items())
    return f" (it may belong to a plugin that could not be loaded: {reasons})"


def _entry_points(failed: dict[str, str]) -> Iterable[importlib.metadata.EntryPoint]:
    entries = sorted(importlib.metadata.entry_points(group="kssl"), key=lambda entry: entry.name)
    wanted = os.environ.get("KSSL_PLUGINS")
    if wanted is None:
        return entries
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    installed = {entry.name for entry in entries}
    for name in names:
        if name not in installed:
            failed[name] = (
                f"KSSL_PLUGINS names it, but it is not installed{nearest(name, installed)}"
            )
    return [entry for entry in entries if entry.name in names]


def _refuse_misspelt_hooks(loaded: pluggy.PluginManager) -> None:
    try:
        loaded.check_pending()
    except pluggy.PluginValidationError as error:
        hooks = [name for name in vars(hookspecs) if name.startswith("register_")]
        given = re.findall(r"register_\w+|(?<=hook ')\w+", str(error))
        hint = nearest(given[0], hooks) if given else f"; there is: {', '.join(hooks)}"
        raise UserError(
            "it implements a hook that kssl does not have: "
            f"{given[0] if given else first_line(error)}{hint}"
        ) from error


def _refuse_unmarked_hooks(plugin: object) -> None:
    """pluggy passes over a function without the marker in silence, and offers nothing of it."""
    for name in vars(hookspecs):
        hook = getattr(plugin, name, None) if name.startswith("register_") else None
        if callable(hook) and not hasattr(hook, "kssl_impl"):
            raise UserError(f"its {name} is not marked: put @kssl.hookimpl above it")


def _registrar(offer: _Offer, kind: str, owner: str) -> hookspecs.Register:
    def register(name: str, path: str, help: str = "") -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name such as 'info_nce' ({kind})")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise ValueError(f"{path!r} is not a path such as 'package.module:attribute' ({name})")
        first = offer.parts[kind].setdefault(name, Part(kind, name, path, help, owner))
        if (first.owner, first.path) != (owner, path):
            message = (
                f"two plugins offer {kind} called {name!r}: {first.owner!r} ({first.path}) and "
                f"{owner!r} ({path}); use one of these paths instead of the name, or leave a "
                f"plugin out with KSSL_PLUGINS"
            )
            offer.twice[kind, name] = message
            offer.parts[kind][name] = replace(first, rivals=(*first.rivals, owner))
            offer.failures[owner] = message

    return register


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}"
