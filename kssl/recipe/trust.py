"""Which code a recipe may name: parts, and nothing else that happens to be importable.

A recipe may come from a stranger. A short name is one that an installed package offers. A dotted
path is held against the place where it stands, before it is called: `os:system` is no callback.
"""

from __future__ import annotations

import inspect
import site
import sys
import sysconfig
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_origin

from kssl import plugins
from kssl.recipe.kinds import kind_of_annotation

# Kinds whose parts are classes of Keras or of kssl; all others are functions, as a rule.
_ALSO = {"layers": ("models",), "models": ("layers",)}
_OF_KERAS = ("keras.src.applications.",)  # functions without annotations that return models


def is_path(name: str) -> bool:
    """Return whether a name of a recipe is a dotted path."""
    return ":" in name or "." in name


def refused_before_import(name: str) -> str:
    """Say why a dotted path may not even be imported, `""` if it may."""
    modules = name.partition(":")[0].split(".")
    if modules[0] in sys.stdlib_module_names:
        return f"{name!r} is of Python's standard library, in which there are no parts"
    if any(module.startswith("__") for module in modules):
        return f"{name!r} is a program, no part: importing it would run it"
    return ""


def refused(name: str, target: Any, kind: str, wanted: Any = Any) -> str:
    """Say why what a dotted path leads to cannot stand in its place, `""` if it can.

    Args:
        name: The path.
        target: What it leads to.
        kind: The kind of part that the place takes.
        wanted: The type that the place takes, where it is known; `object` for any.
    """
    offered = plugins.offered(kind).values() if kind in plugins.KINDS else ()
    home = f"{getattr(target, '__module__', '')}:{getattr(target, '__qualname__', '')}"
    if any(part.path in (name, home) for part in offered) or not callable(target):
        return ""  # a part that is offered by a short name too; or no part at all, which is said
    kinds = (kind, *_ALSO.get(kind, ()))
    if inspect.isclass(target):
        fits = kind_of_annotation(target) in kinds
        if wanted is object:  # the place takes anything: what is the user's own, or a plugin's
            fits = fits or _is_own(target.__module__)
        elif inspect.isclass(wanted):
            fits = fits or issubclass(target, wanted)
        what = "a class"
    else:
        fits, what = _returns(target, kinds), "a function"
    if fits:
        return ""
    noun = kind[:-1] if kind.endswith("s") else kind
    cure = (
        ""
        if inspect.isclass(target)
        else ("; say what it returns by an annotation, such as -> keras.Model, if it is one")
    )
    return f"{name!r} is {what} that is no {noun}: {_describe(target)}{cure}"


def _returns(target: Callable[..., Any], kinds: tuple[str, ...]) -> bool:
    """Whether a function makes a part of these kinds, as far as can be told without a call."""
    owner = getattr(target, "__self__", None)
    if inspect.isclass(owner):  # `from_preset` and the like
        return kind_of_annotation(owner) in kinds
    module = getattr(target, "__module__", None) or ""
    if not inspect.isfunction(target) or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    if module.startswith(_OF_KERAS):
        return "models" in kinds
    made = _return_type(inspect.unwrap(target))
    found = kind_of_annotation(made)
    if found is not None:
        return found in kinds
    if "transforms" in kinds or "evaluations" in kinds:  # factories of functions
        if get_origin(made) is not None and "Callable" in str(get_origin(made)):
            return True
    return made is Any and _is_own(module)


def _return_type(function: Callable[..., Any]) -> Any:
    """Return what a function says that it returns; `Any` where it does not say, or not clearly."""
    said = getattr(function, "__annotations__", {}).get("return", Any)
    only = types.SimpleNamespace(__annotations__={"return": said})
    try:
        return typing.get_type_hints(only, getattr(function, "__globals__", {})).get("return")
    except Exception:  # a name that is imported for type checking only
        return Any


def _is_own(module: str) -> bool:
    """Whether a module is the user's own or a plugin's: not kssl's, nor any installed package's."""
    if module.partition(".")[0] == "kssl":
        return False
    if module.partition(".")[0] in plugins.packages():
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed = [Path(path).resolve() for path in (*paths, site.getusersitepackages())]
    return file is not None and not any(
        Path(file).resolve().is_relative_to(place) for place in installed
    )


def _describe(target: Any) -> str:
    name = getattr(target, "__qualname__", type(target).__name__)
    return f"{getattr(target, '__module__', '?')}.{name}"
